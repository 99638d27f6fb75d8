/* note_reader.c - see note_reader.h. */
#include "note_reader.h"

#include <stdlib.h>
#include <string.h>

/* Takes a text of that size, including its NUL, from the front of what is left; false if there is none. */
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

static bool type_holds(const struct wire_note_object_type *note)
{
    const char *at = note->text;
    uint64_t left = note->note.size - sizeof *note;
    return is_number(note->number) && note->headers <= WIRE_HEADERS_MOST && note->headers % 8 == 0 &&
           text(&at, &left, note->module_size) && text(&at, &left, note->name_size);
}

/* True if a note, in our own copy, has the contents that its type requires. */
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
    case WIRE_NOTE_TYPE:
        return note->size >= sizeof(struct wire_note_object_type) &&
               type_holds((const struct wire_note_object_type *)note);
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
    note->size = size; /* the size that was checked, whatever the arena says now */
    atomic_store_explicit(&note->type, type, memory_order_relaxed);
    return note;
}

/* The note's address in the arena; NULL = none. */
static const struct wire_note *place_of(struct arena_slot *slot, uint64_t at)
{
    unsigned segment = (unsigned)(at >> 48);
    const char *memory = segment < WIRE_NOTE_SEGMENTS ? arena_segment(slot, ARENA_NOTES, segment) : NULL;
    return memory ? (const struct wire_note *)(memory + (at & WIRE_ADDRESS_MASK)) : NULL;
}

/* Copies and checks a complete note; NULL if it is of no use. */
static const struct wire_note *take(struct arena_slot *slot, struct arena_notes *notes,
                                    const struct wire_note *shared, uint32_t size, uint32_t type)
{
    if (type == WIRE_NOTE_PAD || type == WIRE_NOTE_SAID || (notes->only && type != notes->only))
        return NULL;
    const struct wire_note *note = copy_of(notes, shared, size, (enum wire_note_type)type);
    if (note && holds(note, (enum wire_note_type)type))
        return note;
    if (note)
        arena_damage(slot);
    else
        notes->lost++;
    return NULL;
}

static bool size_fits(uint32_t size, uint64_t at)
{
    uint64_t left = (WIRE_CHUNK_SIZE << (at >> 48)) - (at & WIRE_ADDRESS_MASK);
    return size >= sizeof(struct wire_note) && size % 8 == 0 && size <= left;
}

/* The first note that was not complete when it was skipped, but is now. */
static const struct wire_note *next_in_hole(struct arena_slot *slot, struct arena_notes *notes)
{
    for (unsigned i = 0; i < notes->holes;) {
        const struct wire_note *shared = place_of(slot, notes->hole[i]);
        uint32_t type = shared ? atomic_load_explicit(&shared->type, memory_order_acquire) : WIRE_NOTE_NONE;
        if (type == WIRE_NOTE_NONE) {
            i++;
            continue;
        }
        uint32_t size = __atomic_load_n(&shared->size, __ATOMIC_RELAXED);
        bool fits = size_fits(size, notes->hole[i]);
        notes->hole[i] = notes->hole[--notes->holes];
        if (!fits)
            arena_damage(slot);
        const struct wire_note *note = fits ? take(slot, notes, shared, size, type) : NULL;
        if (note)
            return note;
    }
    return NULL;
}

const struct wire_note *arena_next_note(struct arena_slot *slot, struct arena_notes *notes)
{
    if (notes->again) {
        notes->again = false;
        return (const struct wire_note *)notes->copy;
    }
    const struct wire_note *note = next_in_hole(slot, notes);
    while (!note && !notes->ended) {
        unsigned segment = (unsigned)(notes->at >> 48);
        if ((notes->at & WIRE_ADDRESS_MASK) + sizeof(struct wire_note) > WIRE_CHUNK_SIZE << segment) {
            notes->at = (uint64_t)(segment + 1) << 48;
            continue;
        }
        const struct wire_note *shared = place_of(slot, notes->at);
        if (!shared)
            return NULL;
        uint32_t type = atomic_load_explicit(&shared->type, memory_order_acquire);
        uint32_t size = __atomic_load_n(&shared->size, __ATOMIC_RELAXED);
        if (type == WIRE_NOTE_NONE && (size == 0 || notes->holes == ARENA_HOLES))
            return NULL;
        if (!size_fits(size, notes->at)) {
            notes->ended = true;
            arena_damage(slot);
            break;
        }
        if (type == WIRE_NOTE_NONE)
            notes->hole[notes->holes++] = notes->at;
        else
            note = take(slot, notes, shared, size, type);
        notes->at += size;
    }
    return note;
}

void arena_notes_close(struct arena_notes *notes)
{
    free(notes->copy);
    memset(notes, 0, sizeof *notes);
}
