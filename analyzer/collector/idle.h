/* idle.h - the collector's long sleep while the programs do nothing. It costs almost nothing, and no time
 * is lost, as the next event ends it. */
#ifndef LIBTRACE_IDLE_H
#define LIBTRACE_IDLE_H

#include "track.h"

struct idle {
    uint32_t quiet; /* number of looks in a row that found nothing */
    bool armed;     /* at the last look, the rings were armed */
};

/* To be called after each look. */
static inline void idle_looked(struct idle *idle, bool found)
{
    idle->quiet = found ? 0 : idle->quiet + 1;
}

/* Sleeps for a part of a second, or until a program or arena_wake() wakes us; returns false at once if it
 * is too early for that. may: the caller has nothing else to do. To be called after each look, as the
 * first call only arms the rings. */
bool idle_sleep(struct idle *idle, struct tracker *tracker, bool may);

#endif
