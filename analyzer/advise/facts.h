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

#endif
