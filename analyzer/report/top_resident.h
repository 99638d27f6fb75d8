/* top_resident.h - top --by resident and --by pinned: the lines that keep most memory resident, at one
 * moment. */
#ifndef LIBTRACE_REPORT_TOP_RESIDENT_H
#define LIBTRACE_REPORT_TOP_RESIDENT_H

#include "resident_lines.h"

extern const char *const top_resident_names[]; /* by enum resident_order; ends with NULL */

/* limit: rows to show, 0 = all. The filter must not be prepared yet. */
int top_resident(struct report *report, const char *which, enum resident_order order, struct filter *filter,
                 size_t limit);

#endif
