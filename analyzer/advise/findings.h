/* findings.h - puts what rules have found in order. */
#ifndef LIBTRACE_ADVISE_FINDINGS_H
#define LIBTRACE_ADVISE_FINDINGS_H

#include "advice.h"

/* What the run's peak would be without these blocks: the highest of what was known at all moments, and at the peak. */
int64_t peak_without(const struct advice *advice, const struct relief *reliefs, size_t count);

/* Predicts what findings save; removes what saves too little, what is suppressed, and, unless all is set, what is only worth
 * a look; merges findings of one cause; and puts them in order. */
void findings_settle(struct advice *advice, bool all);
void findings_free(struct advice *advice);

#endif
