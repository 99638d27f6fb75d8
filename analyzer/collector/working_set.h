/* working_set.h - whether what a ring's events touch was touched lately, so that it is in a cache without prefetching.
 *
 * A program may have many sites and blocks, and use few of them at a time: an interpreter after its start does. To
 * prefetch costs as many instructions as half of an event does. So from time to time a part of what is to be read is
 * compared with what was met by the looks before; one part in sixty-four is enough to know, and costs nothing to speak of.
 */
#ifndef LIBTRACE_WORKING_SET_H
#define LIBTRACE_WORKING_SET_H

#include "track.h"

#define WORKING_SET_PART 1024                      /* words of a look, */
#define WORKING_SET_EVERY (64u * WORKING_SET_PART) /* of so many */

/* Brings r->fetch_blocks and r->fetch_sites up to date, from the words between its tail and its head. */
void working_set_look(struct tracker *tracker, struct tracked_ring *r);

#endif
