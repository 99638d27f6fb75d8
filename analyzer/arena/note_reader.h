/* note_reader.h - reads the notes, in which a process describes itself, one after the other. */
#ifndef LIBTRACE_ARENA_NOTE_READER_H
#define LIBTRACE_ARENA_NOTE_READER_H

#include "arena_reader.h"

/* No process can number more modules, code objects or marks: their notes would not fit in the arena. */
#define ARENA_NUMBERS_MAX ((WIRE_CHUNK_SIZE << WIRE_NOTE_SEGMENTS) / sizeof(struct wire_note_mark))

/* How far a process's notes were read; must be all zero at first. */
#define ARENA_HOLES 16
struct arena_notes {
    uint64_t at; /* segment << 48 | offset */
    /* Places of notes that were reserved, but not complete when they were skipped: they are looked at
     * again. */
    uint64_t hole[ARENA_HOLES];
    unsigned holes;
    uint64_t lost;            /* notes for which there was no memory */
    enum wire_note_type only; /* skip notes of other types; WIRE_NOTE_NONE: skip none */
    bool again;               /* return the last note once more */
    bool ended;               /* the rest is damaged */
    char *copy;               /* the last note */
    size_t room;
};

/* The next note in the order in which they were written, copied, or NULL if there is none yet. It is valid
 * until the next call. Its texts are NUL-terminated within their sizes, its numbers are between 1 and
 * ARENA_NUMBERS_MAX, and its type is one of those that describe something. */
const struct wire_note *arena_next_note(struct arena_slot *slot, struct arena_notes *notes);

/* Lets the next call return the last note once more. */
static inline void arena_put_back_note(struct arena_notes *notes)
{
    notes->again = true;
}

void arena_notes_close(struct arena_notes *notes);

#endif
