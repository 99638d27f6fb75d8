/* notes.c - see notes.h. */
#include "notes.h"
#include "arena.h"
#include "guest.h"
#include "session.h"

static size_t segment_size(unsigned segment)
{
    return WIRE_CHUNK_SIZE << segment;
}

/* The memory of a segment, claimed if nobody has yet; NULL when the arena is full. */
static char *segment_memory(unsigned segment)
{
    uint64_t offset = atomic_load_explicit(&process->note_segment[segment], memory_order_acquire);
    if (offset == 0) {
        uint64_t fresh = arena_claim(segment_size(segment));
        if (fresh == 0)
            return NULL;
        /* A loser's memory stays unused until the process ends. */
        if (!atomic_compare_exchange_strong(&process->note_segment[segment], &offset, fresh))
            return arena_at(offset);
        offset = fresh;
    }
    return arena_at(offset);
}

void *note_reserve(size_t size)
{
    size = (size + 7) & ~(size_t)7;
    uint64_t end = atomic_load(&process->note_end);
    for (;;) {
        unsigned segment = (unsigned)(end >> 48);
        uint64_t offset = end & WIRE_ADDRESS_MASK;
        if (segment >= WIRE_NOTE_SEGMENTS)
            return NULL;
        char *memory = segment_memory(segment);
        if (!memory)
            return NULL;
        if (offset + size <= segment_size(segment)) {
            if (!atomic_compare_exchange_weak(&process->note_end, &end, end + size))
                continue;
            struct wire_note *note = (struct wire_note *)(memory + offset);
            note->size = (uint32_t)size;
            return note;
        }
        /* Does not fit: whoever moves the end to the next segment also fills the rest of this one. */
        if (!atomic_compare_exchange_weak(&process->note_end, &end, (uint64_t)(segment + 1) << 48))
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
