/* idle.h - the collector's long sleep while the programs do nothing: it costs next to nothing then, and
 * misses no moment, as the next event wakes it. */
#ifndef LIBTRACE_IDLE_H
#define LIBTRACE_IDLE_H

#include "track.h"

struct idle {
    uint32_t quiet; /* looks in a row that found nothing */
    bool armed;     /* the rings were, at the last look */
};

/* After each look. */
static inline void idle_looked(struct idle *idle, bool found)
{
    idle->quiet = found ? 0 : idle->quiet + 1;
}

/* Sleeps until a program or arena_wake() wakes us, or for a part of a second; false, at once, if it is not
 * the time for that. may: whether the caller has nothing to do. To be called after each look, as it takes two
 * to fall asleep. */
bool idle_sleep(struct idle *idle, struct tracker *tracker, bool may);

#endif
