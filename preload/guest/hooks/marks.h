/* marks.h - puts a mark among the thread's events. */
#ifndef LIBTRACE_MARKS_H
#define LIBTRACE_MARKS_H

#include "thread.h"
#include "wire.h"

/* number: of the mark's note. t: must be entered. */
void mark_put(struct thread *t, enum wire_mark what, uint32_t number);

#endif
