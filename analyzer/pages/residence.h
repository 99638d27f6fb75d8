/* residence.h - what the resident pages of a process hold; every page is accounted for once.
 *
 * A page with live blocks is divided: the bytes that were requested are live; what the allocator adds to each
 * block (header, and rounding up to its unit) is rounding; the rest of the page is free, but cannot be given
 * back: it is pinned, and charged to the blocks in proportion to their bytes on the page, and each of them
 * counts as one that pins. Resident memory of an allocator without a live block is free. Everything else is
 * classified by what is mapped there.
 *
 * Which pages are resident is read from /proc/PID/pagemap, how many from smaps. Pages without blocks are not
 * examined one by one, so the sum of all parts is what smaps says. If the process changes meanwhile, the
 * parts are what was seen; a mapping's sum is right all the same.
 */
#ifndef LIBTRACE_RESIDENCE_H
#define LIBTRACE_RESIDENCE_H

#include "page_blocks.h"
#include "smaps.h"

/* The same values as enum store_page_part in store.h. */
enum residence_part {
    RESIDENCE_LIVE,     /* bytes that were requested for live blocks */
    RESIDENCE_ROUNDING, /* what the allocator adds to each block */
    RESIDENCE_PINNED,   /* free, but on pages with live blocks */
    RESIDENCE_FREE,     /* memory of an allocator without live blocks */
    RESIDENCE_MAPPED,   /* anonymous or shared memory that, as far as is known, is not an allocator's */
    RESIDENCE_STACKS,   /* stacks of threads */
    RESIDENCE_FILES,
    RESIDENCE_TRACER, /* libtrace's own */
    RESIDENCE_OTHER,
    RESIDENCE_PARTS,
    RESIDENCE_UNTOUCHED = RESIDENCE_PARTS, /* live, but not resident */
    RESIDENCE_KINDS
};

/* Lists blocks that begin at or after *from and before to, ordered by address, as many as there is room
 * for. Sets *from to where the next call has to continue, or to `to` if there are no more. */
typedef size_t residence_blocks(void *data, uint64_t *from, uint64_t to, struct residence_block *blocks,
                                size_t room);

/* Lists those that begin on the page at an address, faster; data is residence_blocks's. */
typedef void residence_page(void *data, uint64_t page, struct page_blocks *blocks);

#define RESIDENCE_TRACERS UINT32_MAX

/* A range that the process has mapped. owner 0: its allocator; RESIDENCE_TRACERS: libtrace. */
struct residence_map {
    uint64_t start, end;
    uint32_t owner;
};

/* Lists ranges that end after *from and begin before to, in the same way. */
typedef size_t residence_ranges(void *data, uint64_t *from, uint64_t to, struct residence_map *maps,
                                size_t room);

struct residence_map_owner {
    uint64_t bytes; /* resident */
    uint32_t maps;  /* how many ranges have resident pages */
};

/* Parts that the blocks of an owner have: live, rounding, pinned; and untouched. */
#define RESIDENCE_OWNED 4
struct residence_owner {
    uint64_t bytes[RESIDENCE_OWNED];
    uint32_t blocks[RESIDENCE_OWNED]; /* how many have some of it; for pinned: how many lie on such pages */
};

static inline int residence_owned_part(int i)
{
    return i < RESIDENCE_OWNED - 1 ? i : RESIDENCE_UNTOUCHED;
}

/* Bytes that belong to no block, by the name of the mapping. */
struct residence_name {
    int part;
    const char *name; /* owned by the mappings, or a constant */
    uint64_t bytes;
};

struct residence {
    struct mappings mappings;
    uint64_t part[RESIDENCE_KINDS]; /* bytes; without untouched, they add up to .resident */
    uint64_t resident, pss, swapped;
    struct residence_owner *owners; /* by owner; one more at the end takes owners that are none */
    uint32_t owner_count;
    uint64_t *sums;     /* by owner, what is still to be added to that: see page_shares.c */
    unsigned sum_kinds; /* bits: which kinds of sums were used */
    struct residence_name *names;
    size_t name_count, name_room;
    residence_page *page;     /* NULL = there is no faster way to list blocks */
    bool page_present;        /* a page is being listed that is resident: reading it brings nothing back */
    residence_ranges *ranges; /* NULL = no ranges are known that it has mapped */
    void *ranges_data;
    struct residence_map_owner *map_owners; /* by owner */
    uint32_t map_owner_count;
    /* Position of the walk: */
    size_t at;                   /* current mapping */
    uint64_t next;               /* first address in it not yet examined, 0 = none was */
    bool has_blocks;             /* it contains a block that malloc did not map on its own */
    uint64_t held;               /* bytes of its resident pages with live blocks */
    uint64_t charged_to;         /* its other pages were charged up to here, 0 = none yet */
    uint64_t charged;            /* bytes of them with an owner */
    uint64_t charged_map;        /* start of the range that was charged last */
    struct residence_block last; /* the block that reaches furthest so far; size 0 = none */
    uint64_t counted_of;         /* the block last found to be on several pages, */
    uint32_t counted;            /* and the parts (bits) in which it was counted */
    int pagemap;
    bool scans; /* the kernel can report many pages at once */
    int error;  /* -errno if it ended early */
};

/* Begins to examine a process whose blocks have owners below owner_count. Returns 0, or -errno (see
 * mappings_read()); then there is nothing to free. */
int residence_begin(struct residence *residence, int pid, uint32_t owner_count);

/* Makes the walk list the blocks of a page by a function that is faster than residence_blocks. */
void residence_pages(struct residence *residence, residence_page *page);

/* Makes the walk charge ranges that the process has mapped to their owners, below owner_count. To be
 * called before the first step. If memory is short, nothing is charged. */
void residence_maps(struct residence *residence, residence_ranges *ranges, void *data, uint32_t owner_count);

/* Makes room for owners that appeared since; to be called before each step, as blocks may have them now. If
 * memory is short, the walk ends with an error. */
void residence_owners(struct residence *residence, uint32_t owner_count, uint32_t map_owner_count);

/* Continues, over pages with at least that many bytes of blocks. True when all is done; check error, too. */
bool residence_step(struct residence *residence, uint64_t bytes, residence_blocks *blocks, void *data);

void residence_end(struct residence *residence);

#endif
