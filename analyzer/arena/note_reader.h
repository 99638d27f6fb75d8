/* note_reader.h - the descriptions that a process wrote, one after the other. */
#ifndef LIBTRACE_ARENA_NOTE_READER_H
#define LIBTRACE_ARENA_NOTE_READER_H

#include "arena_reader.h"

/* No process can give more numbers to modules, code objects or marks: their notes would not fit. */
#define ARENA_NUMBERS_MAX ((WIRE_CHUNK_SIZE << WIRE_NOTE_SEGMENTS) / sizeof(struct wire_note_mark))

/* How far they were read; all zero at first. */
#define ARENA_HOLES 16
struct arena_notes {
    uint64_t at; /* segment << 48 | offset */
    /* Places of notes that were reserved, but not written yet when they were passed: they are looked at
     * again. */
    uint64_t hole[ARENA_HOLES];
    unsigned holes;
    uint64_t lost;            /* notes that there was no memory for */
    enum wire_note_type only; /* notes of other types are passed over; WIRE_NOTE_NONE: none are */
    bool again;               /* the last note comes once more */
    bool ended;               /* what follows makes no sense */
    char *copy;               /* of the last note */
    size_t room;
};

/* The next note in the order in which they were written, copied, or NULL if there is none yet; valid until
 * the next call. Its texts end where they say, with a NUL, numbers are 1 to ARENA_NUMBERS_MAX, and its type
 * is one of those that describe something.
 */
const struct wire_note *arena_next_note(struct arena_slot *slot, struct arena_notes *notes);

/* The next call gives the last note once more. */
static inline void arena_put_back_note(struct arena_notes *notes)
{
    notes->again = true;
}

void arena_notes_close(struct arena_notes *notes);

#endif
