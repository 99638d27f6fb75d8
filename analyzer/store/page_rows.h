/* page_rows.h - where the resident bytes of a process are, at a moment: the rows that store.h's functions
 * write.
 *
 * The rows of one process at one moment add up to its resident bytes, to the byte.
 */
#ifndef LIBTRACE_PAGE_ROWS_H
#define LIBTRACE_PAGE_ROWS_H

#include <stdint.h>

/* Why the pages were looked at. */
enum store_page_kind {
    STORE_PAGES_ASKED, /* a report asked for it, while the run was being recorded */
    STORE_PAGES_MARK,
    STORE_PAGES_HIGH, /* more was resident than ever before; only the latest such moment is kept */
    STORE_PAGES_END,
    STORE_PAGES_KINDS
};

/* Parts of the resident bytes; parts of equal size are shown in this order. */
enum store_page_part {
    PAGES_LIVE,     /* what was asked for by live blocks, where it is resident */
    PAGES_ROUNDING, /* allocator's headers, and what sizes were rounded up by */
    PAGES_PINNED,   /* free memory on pages that hold live blocks */
    PAGES_FREE,     /* pages of the allocator without any live block */
    PAGES_MAPPED,   /* anonymous or shared memory that the program mapped by itself */
    PAGES_STACKS,   /* threads' stacks */
    PAGES_FILES,    /* mapped files, private and shared, by name */
    PAGES_TRACER,   /* libtrace's own memory in the process */
    PAGES_OTHER,    /* the rest, by the name of its mapping */
    PAGES_PARTS,
    STORE_PAGES_UNTOUCHED = PAGES_PARTS /* not a part of the resident bytes: live, but not resident */
};

/* One process at a moment; if several processes were looked at for one moment, they share the id. */
struct store_page_moment {
    int64_t id, process, t_ns; /* t_ns: nanoseconds since the start of the run, of this process's walk */
    int64_t took_ns;           /* duration of the walk; changes meanwhile are counted as the walk saw them */
    int kind;                  /* enum store_page_kind */
    int64_t mark;              /* for STORE_PAGES_MARK: the mark's id, else 0 */
    int64_t resident, pss, untouched, swapped; /* bytes; pss -1 = not known; untouched: in live blocks */
    const char *missing; /* why nothing, or not all, could be seen, as a sentence; NULL = complete */
};

/* Bytes of one part. A second row that differs in bytes and blocks only is added to the first. */
struct store_page_row {
    int64_t moment, process;
    int part; /* enum store_page_part */
    int64_t node,
        line; /* of a site, as in table site; line 0 = the site's line, once it is known. For node 0 see name */
    const char *name; /* of a mapping: a file's path, "[stack]", "stack of thread 12345" ...; "" = none */
    int64_t bytes, blocks;
};

#endif
