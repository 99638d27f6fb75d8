/* notes.c - see notes.h. */
#include "notes.h"

#include <stdlib.h>
#include <string.h>

/* Takes a text of so many bytes, its NUL included, from the front of what is left; false if it is none. */
static bool text(const char **at, uint64_t *left, uint64_t size)
{
    if (size == 0 || size > *left || (*at)[size - 1] != '\0')
        return false;
    *at += size;
    *left -= size;
    return true;
}

static bool is_number(uint32_t number)
{
    return number >= 1 && number <= ARENA_NUMBERS_MAX;
}

static bool process_holds(const struct wire_note_process *note)
{
    const char *at = note->text;
    uint64_t left = note->note.size - sizeof *note;
    return text(&at, &left, note->executable_size) && text(&at, &left, note->command_size) &&
           text(&at, &left, note->label_size);
}

static bool module_holds(const struct wire_note_module *note)
{
    const char *at = note->bytes + note->build_id_size;
    uint64_t left = note->note.size - sizeof *note;
    if (!is_number(note->number) || note->build_id_size > left)
        return false;
    left -= note->build_id_size;
    return text(&at, &left, note->path_size);
}

static bool code_holds(const struct wire_note_code *note)
{
    const char *at = note->bytes;
    uint64_t left = note->note.size - sizeof *note;
    return is_number(note->number) && text(&at, &left, note->file_size) &&
           text(&at, &left, note->name_size) && note->table_size <= left;
}

static bool mark_holds(const struct wire_note_mark *note)
{
    return is_number(note->number) && memchr(note->name, '\0', note->note.size - sizeof *note) != NULL;
}

/* True if a note, which is ours and cannot change any more, is what its type says. */
static bool holds(const struct wire_note *note, enum wire_note_type type)
{
    switch (type) {
    case WIRE_NOTE_PROCESS:
        return note->size >= sizeof(struct wire_note_process) &&
               process_holds((const struct wire_note_process *)note);
    case WIRE_NOTE_MODULE:
        return note->size >= sizeof(struct wire_note_module) &&
               module_holds((const struct wire_note_module *)note);
    case WIRE_NOTE_CODE:
        return note->size >= sizeof(struct wire_note_code) && code_holds((const struct wire_note_code *)note);
    case WIRE_NOTE_MARK:
        return note->size >= sizeof(struct wire_note_mark) && mark_holds((const struct wire_note_mark *)note);
    default:
        return false;
    }
}

static struct wire_note *copy_of(struct arena_notes *notes, const void *memory, uint32_t size,
                                 enum wire_note_type type)
{
    if (notes->room < size) {
        size_t room = size < 4096 ? 4096 : size;
        char *larger = realloc(notes->copy, room);
        if (!larger)
            return NULL;
        notes->copy = larger;
        notes->room = room;
    }
    struct wire_note *note = (struct wire_note *)notes->copy;
    memcpy(note, memory, size);
    note->size = size; /* as it was checked, whatever is there by now */
    atomic_store_explicit(&note->type, type, memory_order_relaxed);
    return note;
}

const struct wire_note *arena_next_note(struct arena_slot *slot, struct arena_notes *notes)
{
    while (!notes->ended) {
        unsigned segment = (unsigned)(notes->at >> 48);
        uint64_t offset = notes->at & WIRE_ADDRESS_MASK, end = WIRE_CHUNK_SIZE << segment;
        const char *memory = segment < WIRE_NOTE_SEGMENTS ? arena_segment(slot, ARENA_NOTES, segment) : NULL;
        if (!memory)
            return NULL;
        if (offset + sizeof(struct wire_note) > end) {
            notes->at = (uint64_t)(segment + 1) << 48;
            continue;
        }
        const struct wire_note *shared = (const struct wire_note *)(memory + offset);
        uint32_t type = atomic_load_explicit(&shared->type, memory_order_acquire);
        uint32_t size = __atomic_load_n(&shared->size, __ATOMIC_RELAXED);
        if (type == WIRE_NOTE_NONE)
            return NULL;
        if (size < sizeof *shared || size % 8 || size > end - offset) {
            notes->ended = true;
            arena_damage(slot);
            break;
        }
        notes->at += size;
        if (type == WIRE_NOTE_PAD || type == WIRE_NOTE_SAID)
            continue;
        const struct wire_note *note = copy_of(notes, shared, size, (enum wire_note_type)type);
        if (note && holds(note, (enum wire_note_type)type))
            return note;
        if (note)
            arena_damage(slot);
    }
    return NULL;
}

void arena_notes_close(struct arena_notes *notes)
{
    free(notes->copy);
    memset(notes, 0, sizeof *notes);
}
