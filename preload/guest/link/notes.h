/* notes.h - appends descriptions for the collector to the process's log in the arena. Lock-free. */
#ifndef LIBTRACE_NOTES_H
#define LIBTRACE_NOTES_H

#include "wire.h"

#include <stdbool.h>
#include <stddef.h>

/* Reserves a note of that size, with its header filled in except for the type; NULL if the arena is full,
 * which is counted. The caller fills in the rest, and publishes it. */
void *note_reserve(size_t size);
void note_publish(void *note, enum wire_note_type type);

/* See stacks_forget(). */
void notes_forget(bool close);

#endif
