/* mapping_use.h - what a mapping is used for, apart from its pages with live blocks: inferred from its name,
 * its neighbours, and whether it contains blocks at all.
 */
#ifndef LIBTRACE_MAPPING_USE_H
#define LIBTRACE_MAPPING_USE_H

#include "smaps.h"

struct mapping_use {
    int part;         /* enum residence_part */
    const char *name; /* owned by the mappings, or a constant */
};

struct mapping_use mapping_use(const struct mappings *mappings, size_t at, bool has_blocks);

#endif
