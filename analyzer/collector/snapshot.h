/* snapshot.h - copies of what has changed, for the writer. */
#ifndef LIBTRACE_SNAPSHOT_H
#define LIBTRACE_SNAPSHOT_H

#include "writer.h"

enum snapshot_kind {
    SNAPSHOT_USUAL,
    SNAPSHOT_RAW,  /* without symbols; its sites are in the next one again. Without sites if there are many */
    SNAPSHOT_LAST, /* the run is over */
};

/* A job with everything that changed since the last one. blocks: with the live blocks, if it is the last.
 * NULL on lack of memory (then nothing counts as taken). */
struct job *snapshot_take(struct tracker *tracker, enum snapshot_kind kind, bool blocks);

#endif
