/* notes.c - see notes.h. */
#include "notes.h"
#include "arena.h"
#include "guest.h"
#include "session.h"

static size_t segment_size(unsigned segment)
{
    return WIRE_CHUNK_SIZE << segment;
}

/* The offsets of this process's segments and the place after its last note: as in stacks.c, never read from
 * the arena. */
static _Atomic uint64_t segments[WIRE_NOTE_SEGMENTS];
static _Atomic uint64_t note_end; /* segment << 48 | offset */

void notes_forget(void)
{
    for (unsigned segment = 0; segment < WIRE_NOTE_SEGMENTS; segment++)
        atomic_store(&segments[segment], 0);
    atomic_store(&note_end, 0);
}

/* The memory of a segment, claimed if nobody has yet; NULL when the arena is full. */
static char *segment_memory(unsigned segment)
{
    uint64_t offset = atomic_load_explicit(&segments[segment], memory_order_acquire);
    if (offset == 0) {
        uint64_t fresh = arena_claim(segment_size(segment));
        if (fresh == 0)
            return NULL;
        /* A loser's memory stays unused until the process ends. */
        if (atomic_compare_exchange_strong(&segments[segment], &offset, fresh))
            offset = fresh;
        atomic_store(&process->note_segment[segment], offset);
    }
    return arena_at(offset);
}

void *note_reserve(size_t size)
{
    size = (size + 7) & ~(size_t)7;
    uint64_t end = atomic_load(&note_end);
    for (;;) {
        unsigned segment = (unsigned)(end >> 48);
        uint64_t offset = end & WIRE_ADDRESS_MASK;
        if (segment >= WIRE_NOTE_SEGMENTS)
            return NULL;
        char *memory = segment_memory(segment);
        if (!memory)
            return NULL;
        if (offset + size <= segment_size(segment)) {
            if (!atomic_compare_exchange_weak(&note_end, &end, end + size))
                continue;
            struct wire_note *note = (struct wire_note *)(memory + offset);
            note->size = (uint32_t)size;
            return note;
        }
        /* Does not fit: whoever moves the end to the next segment also fills the rest of this one. */
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
    atomic_store_explicit(&((struct wire_note *)note)->type, type, memory_order_release);
}
