/* notes.c - see notes.h. */
#include "notes.h"
#include "arena.h"
#include "guest.h"
#include "guest_assert.h"
#include "process.h"

static size_t segment_size(unsigned segment)
{
    return WIRE_CHUNK_SIZE << segment;
}

/* The end of this process's last note: segment << 48 | offset. It is kept here, like the windows on the
 * slot's segments, as other processes cannot write here; the slot's own values are for the collector. */
static _Atomic uint64_t note_end;
static void *_Atomic windows[WIRE_NOTE_SEGMENTS];

/* The memory of a segment, claimed if nobody has done so; NULL = no room. */
static char *segment_memory(unsigned segment)
{
    void *memory = atomic_load_explicit(&windows[segment], memory_order_acquire);
    return memory ? memory
                  : arena_segment(&process->note_segment[segment], &windows[segment], segment_size(segment));
}

void notes_forget(bool close)
{
    for (unsigned segment = 0; segment < WIRE_NOTE_SEGMENTS; segment++) {
        void *memory = atomic_exchange(&windows[segment], NULL);
        if (memory && close)
            arena_close(memory, segment_size(segment));
    }
    atomic_store(&note_end, 0);
}

#define NOTE_MOST (4u << 20) /* bytes: larger notes would leave the smaller segments empty for good */

static void *no_room(void)
{
    atomic_fetch_add(&process->stacks_lost, 1);
    return NULL;
}

void *note_reserve(size_t size)
{
    size = (size + 7) & ~(size_t)7;
    if (size > NOTE_MOST)
        return no_room();
    uint64_t end = atomic_load(&note_end);
    for (;;) {
        unsigned segment = (unsigned)(end >> 48);
        uint64_t offset = end & WIRE_ADDRESS_MASK;
        if (segment >= WIRE_NOTE_SEGMENTS)
            return no_room();
        char *memory = segment_memory(segment);
        if (!memory)
            return no_room();
        if (offset + size <= segment_size(segment)) {
            if (!atomic_compare_exchange_weak(&note_end, &end, end + size))
                continue;
            struct wire_note *note = (struct wire_note *)(memory + offset);
            /* Nobody else has this space. */
            guest_assert(note->size == 0 && note->type == 0 && (offset & 7) == 0);
            note->size = (uint32_t)size;
            return note;
        }
        /* It does not fit. Whoever moves the end to the next segment also marks the rest of this one as
         * filled. */
        if (!atomic_compare_exchange_weak(&note_end, &end, (uint64_t)(segment + 1) << 48))
            continue;
        if (offset < segment_size(segment)) {
            struct wire_note *pad = (struct wire_note *)(memory + offset);
            pad->size = (uint32_t)(segment_size(segment) - offset);
            note_publish(pad, WIRE_NOTE_PAD);
        }
        end = (uint64_t)(segment + 1) << 48;
    }
}

void note_publish(void *note, enum wire_note_type type)
{
    guest_assert(type != 0 && ((struct wire_note *)note)->size >= sizeof(struct wire_note));
    atomic_store_explicit(&((struct wire_note *)note)->type, type, memory_order_release);
}
