/* mapping_use.h - what a mapping is used for, but for the pages in it that live blocks are on: by its name, its
 * neighbours, and whether there are blocks in it at all.
 */
#ifndef LIBTRACE_MAPPING_USE_H
#define LIBTRACE_MAPPING_USE_H

#include "smaps.h"

struct mapping_use {
    int part;         /* enum residence_part */
    const char *name; /* of the mappings, or of no end */
};

struct mapping_use mapping_use(const struct mappings *mappings, size_t at, bool has_blocks);

#endif
