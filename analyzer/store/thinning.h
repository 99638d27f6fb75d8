/* thinning.h - how much of the time that lies behind is kept: the law, apart from the database that it is applied to.
 *
 * The older a moment, the coarser: all moments of the latest minutes are kept, of the latest hour one in ten seconds, then
 * one in a minute, and of what is older than asked for (--keep) one in a sixtieth of its age. Grains are taken from a short
 * list in which each divides the next, and lie at whole multiples of themselves, so that a moment that was kept once is kept
 * until it falls into a coarser grain.
 *
 * Where that is too much for the file (--max-size) everything counts as twice as old, four times ...: the force.
 */
#ifndef LIBTRACE_STORE_THINNING_H
#define LIBTRACE_STORE_THINNING_H

#include <stdint.h>

#define THINNING_KEEP_NS (24 * 3600 * 1000000000ll) /* where only --max-size is given */
#define THINNING_FORCE_MOST 24 /* then the latest second is as coarse as an age of half a year */

/* A part of the past that has one grain: from_ns <= t < to_ns, both of them multiples of the grain. */
struct thinning_span {
    int64_t from_ns, to_ns, grain_ns;
    int grain; /* its number, from 0 on, the finest first */
};
#define THINNING_SPANS 8

/* Fills in the spans that are to be thinned at a time since the start of the run, the oldest first; returns how many. */
int thinning_spans(struct thinning_span spans[THINNING_SPANS], int64_t now_ns, int64_t keep_ns, int force);

#endif
