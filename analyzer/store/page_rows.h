/* page_rows.h - where the resident bytes of a process are, at a moment: what is written of it, by store.h's functions.
 *
 * The rows of the parts of one process at one moment sum to its resident bytes, to the byte.
 */
#ifndef LIBTRACE_PAGE_ROWS_H
#define LIBTRACE_PAGE_ROWS_H

#include <stdint.h>

/* Why a moment was looked at. */
enum store_page_kind {
    STORE_PAGES_ASKED, /* by a report of a run that is still being recorded */
    STORE_PAGES_MARK,
    STORE_PAGES_HIGH, /* more was resident than ever before; there is one at most, the latest */
    STORE_PAGES_END,
    STORE_PAGES_KINDS
};

/* Parts of the resident bytes, in the order in which they are shown where they are equal. */
enum store_page_part {
    PAGES_LIVE,     /* what live blocks were asked for, on resident pages */
    PAGES_ROUNDING, /* the allocator's header of a block, and what it was rounded up by */
    PAGES_PINNED,   /* free, but on pages that hold live blocks */
    PAGES_FREE,     /* allocator's pages without any live block */
    PAGES_MAPPED,   /* anonymous memory that the program mapped by itself, or shared */
    PAGES_STACKS,   /* threads' stacks */
    PAGES_FILES,    /* of files, private and shared, by name */
    PAGES_TRACER,   /* libtrace's own in the process */
    PAGES_OTHER,    /* the rest, by the name of its mapping */
    PAGES_PARTS,
    STORE_PAGES_UNTOUCHED = PAGES_PARTS /* no part: live, and not resident */
};

/* One process at a moment; several processes of one moment have the same id. */
struct store_page_moment {
    int64_t id, process, t_ns; /* since the start of the run; of this process's walk */
    int64_t took_ns;           /* the walk; what changed meanwhile is in the sums as it was seen */
    int kind;                  /* enum store_page_kind */
    int64_t mark;              /* of kind STORE_PAGES_MARK: the mark's id, else 0 */
    int64_t resident, pss, untouched, swapped; /* bytes; pss -1 = not known; untouched: of live blocks */
    const char *missing; /* why nothing (or not all) could be seen: a sentence; NULL = all was */
};

/* Bytes of one part. A second row with the same key (all but bytes and blocks) is added to the first. */
struct store_page_row {
    int64_t moment, process;
    int part; /* enum store_page_part */
    int64_t node,
        line; /* of a site, as in table site; line 0 = the site's own, once that is known. Node 0: see name */
    const char *name; /* of a mapping: a file's path, "[stack]", "stack of thread 12345" ...; "" = none */
    int64_t bytes, blocks;
};

#endif
