/* snapshot.h - copies of what has changed, for the writer. */
#ifndef LIBTRACE_SNAPSHOT_H
#define LIBTRACE_SNAPSHOT_H

#include "writer.h"

enum snapshot_kind {
    SNAPSHOT_USUAL,
    SNAPSHOT_RAW,  /* without symbols; the next has its sites again; none if many */
    SNAPSHOT_LAST, /* the run is over */
};

/* A job with everything that changed since the last one. blocks: include live blocks, if it is the last.
 * NULL = out of memory (then nothing is considered written). */
struct job *snapshot_take(struct tracker *tracker, enum snapshot_kind kind, bool blocks);

#endif
