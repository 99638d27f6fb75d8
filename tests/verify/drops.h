/* drops.h - included before everything else in the sources of libtrace-drops.so: of a million allocations one never
 * gets into the ring, as if an event were lost. scripts/verify has to notice. */
#ifndef DROPS_H
#define DROPS_H

#include "ring.h"

#include <stdatomic.h>

#define DROPS_ONE_IN 1000000

/* Of this file and this process. */
static _Atomic unsigned long drops_seen;

#define ring_end_block(t, ring, word, block, size, node)        \
    ((atomic_fetch_add(&drops_seen, 1) + 1) % DROPS_ONE_IN == 0 \
         ? (void)0                                              \
         : ring_end_block(t, ring, word, block, size, node))

#endif
