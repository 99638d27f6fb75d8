/* residence.h - what the resident pages of a process hold: each of them is accounted for once.
 *
 * A page with live blocks on it is divided: what they were asked for is live, what the allocator adds to each block
 * (its header, and up to its unit) is rounding, and the rest of the page is free, but cannot be given back: it is
 * pinned, and charged to the blocks in proportion to their bytes on the page; each of them counts as one that pins.
 * What is resident of an allocator's memory without a live block is free. Everything else is told apart by what is
 * mapped there.
 *
 * Of which pages are resident the kernel tells in /proc/PID/pagemap, of how many in smaps. Pages without blocks are
 * not looked at one by one, so the sum of all parts is what smaps says. What changes meanwhile is in the parts as it was
 * seen; a mapping's sum is right all the same.
 */
#ifndef LIBTRACE_RESIDENCE_H
#define LIBTRACE_RESIDENCE_H

#include "smaps.h"

/* As store.h's enum store_page_part. */
enum residence_part {
    RESIDENCE_LIVE,     /* what live blocks were asked for */
    RESIDENCE_ROUNDING, /* what the allocator adds to each */
    RESIDENCE_PINNED,   /* free, on pages that live blocks hold */
    RESIDENCE_FREE,     /* an allocator's, without a live block */
    RESIDENCE_MAPPED,   /* anonymous or shared memory that is no allocator's, as far as is known */
    RESIDENCE_STACKS,   /* of threads */
    RESIDENCE_FILES,
    RESIDENCE_TRACER, /* libtrace's own */
    RESIDENCE_OTHER,
    RESIDENCE_PARTS,
    RESIDENCE_UNTOUCHED = RESIDENCE_PARTS, /* live, and not resident */
    RESIDENCE_KINDS
};

/* As the collector's struct block, so that a table of millions of them can be listed into it: may_alias. */
struct residence_block {
    uint64_t address, size;
    uint32_t owner;
    uint32_t born; /* not looked at */
} __attribute__((may_alias));

/* Gives the blocks that begin at from or behind it and before to, in the order of their addresses, as many as there
 * is room for; what is next after those it has given goes into *from, or to if there are no more. */
typedef size_t residence_blocks(void *data, uint64_t *from, uint64_t to, struct residence_block *blocks,
                                size_t room);

#define RESIDENCE_TRACERS UINT32_MAX

/* What the process has mapped by itself; owner 0: it is its allocator's; RESIDENCE_TRACERS: libtrace's own. */
struct residence_map {
    uint64_t start, end;
    uint32_t owner;
};

/* Gives those that end behind from and begin before to, likewise. */
typedef size_t residence_ranges(void *data, uint64_t *from, uint64_t to, struct residence_map *maps,
                                size_t room);

struct residence_map_owner {
    uint64_t bytes; /* resident */
    uint32_t maps;  /* with some of it */
};

/* What the blocks of an owner have of the parts that blocks have: live, rounding, pinned; and untouched. */
#define RESIDENCE_OWNED 4
struct residence_owner {
    uint64_t bytes[RESIDENCE_OWNED];
    uint32_t blocks[RESIDENCE_OWNED]; /* that have some of it; of pinned: on whose pages some is */
};

static inline int residence_owned_part(int i)
{
    return i < RESIDENCE_OWNED - 1 ? i : RESIDENCE_UNTOUCHED;
}

/* What is of no block, by the name of what is mapped. */
struct residence_name {
    int part;
    const char *name; /* of the mappings, or of no end */
    uint64_t bytes;
};

struct residence {
    struct mappings mappings;
    uint64_t part[RESIDENCE_KINDS]; /* bytes; their sum, but for what is untouched, is .resident */
    uint64_t resident, pss, swapped;
    struct residence_owner
        *owners; /* by owner; the one behind the last has what is of owners that came later */
    uint32_t owner_count;
    struct residence_name *names;
    size_t name_count, name_room;
    residence_ranges *ranges; /* NULL = it has mapped nothing by itself, as far as is known */
    void *ranges_data;
    struct residence_map_owner *map_owners; /* by owner */
    uint32_t map_owner_count;
    /* Where the walk has come to: */
    size_t at;            /* the mapping, */
    uint64_t next;        /* the first address in it that was not looked at, 0 = none of it was; */
    bool has_blocks;      /* some block in it is not one that malloc has mapped alone */
    uint64_t held;        /* bytes of its resident pages with live blocks */
    uint64_t charged_to;  /* up to where its other pages were looked at for who has mapped them, 0 = none; */
    uint64_t charged;     /* bytes of them that somebody has */
    uint64_t charged_map; /* where what had some of them last begins */
    struct residence_block last; /* the block that reached furthest; size 0 = none */
    uint64_t counted_of;         /* the block that was last found on a page without lying on it whole, */
    uint32_t counted;            /* and bits: the parts in which it was counted */
    int pagemap;
    bool scans; /* the kernel tells of many pages at once */
    int error;  /* -errno: it ended early */
};

/* Begins to look at a process, whose blocks are of owners below owner_count. 0, or -errno (see mappings_read()); then
 * nothing is to be freed. */
int residence_begin(struct residence *residence, int pid, uint32_t owner_count);

/* To be told what the process has mapped, by owners below owner_count. Before the first step. On lack of memory it is
 * not. */
void residence_maps(struct residence *residence, residence_ranges *ranges, void *data, uint32_t owner_count);

/* Goes on, over pages of so many bytes with blocks, at least one. True when all is done; see error, too. */
bool residence_step(struct residence *residence, uint64_t bytes, residence_blocks *blocks, void *data);

void residence_end(struct residence *residence);

#endif
