/* peak_copies.h - containers that grow: at the peak both the old block and the new one were there. */
#ifndef LIBTRACE_PEAK_COPIES_H
#define LIBTRACE_PEAK_COPIES_H

#include "track.h"

/* For ledger.peak_ends; data: the tracker. Called while a ring's events are taken in (tracker.turn). */
void peak_copies_ends(void *data, uint32_t site, uint64_t size);

#endif
