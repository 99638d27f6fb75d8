/* snapshot.h - copies of what has changed, for the writer. */
#ifndef LIBTRACE_SNAPSHOT_H
#define LIBTRACE_SNAPSHOT_H

#include "writer.h"

/* A job with everything that changed since the last one. last: of the whole run, with the live blocks if they are wanted.
 * NULL on lack of memory (then nothing counts as taken). */
struct job *snapshot_take(struct tracker *tracker, bool last, bool blocks);

#endif
