/* notes.h - descriptions for the collector, appended to the process's log in the arena. Lock-free. */
#ifndef LIBTRACE_NOTES_H
#define LIBTRACE_NOTES_H

#include "wire.h"

#include <stdbool.h>
#include <stddef.h>

/* Room for a note of this many bytes, its header filled in but not its type; NULL when the arena is full,
 * which is counted. The caller fills the rest and publishes it. */
void *note_reserve(size_t size);
void note_publish(void *note, enum wire_note_type type);

/* As stacks_forget(). */
void notes_forget(bool close);

#endif
