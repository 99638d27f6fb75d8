/* facts.h - reads what is counted, by line and type. */
#ifndef LIBTRACE_ADVISE_FACTS_H
#define LIBTRACE_ADVISE_FACTS_H

#include "advice.h"

/* Fills in facts and sites of the advice, whose profile is there. */
int facts_read(struct advice *advice);

/* True if the line holds so much at the peak or at the end, or allocates so much or so often, that it can matter. */
bool facts_matter(const struct advice *advice, const struct facts *facts);

/* Fills in the times, and the moments of facts that matter. */
int times_read(struct advice *advice);
void times_free(struct times *times);

/* The facts that the sites of each node are part of, PROFILE_NONE where there are none: a stack's sites in several
 * processes are of the same facts, but for those that a filter keeps back. To be freed. */
uint32_t *facts_by_node(const struct advice *advice);

/* Reads what became of blocks, into facts and advice->copies. */
int fates_read(struct advice *advice);

/* What looks at the contents of blocks found, see contents.c. */
int contents_read(struct advice *advice);

#endif
