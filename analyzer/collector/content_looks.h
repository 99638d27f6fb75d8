/* content_looks.h - looks at the contents of blocks: whether many blocks of a site hold the same.
 *
 * The walk over the pages (page_walks.h) lists the live blocks of each resident page. Of each native site that matters, and
 * of each of some types of Python's objects, some are picked, read from outside, and hashed; contents are not kept. Only
 * blocks that end on the page that was listed are read, so that no page is brought back that was swapped out, and none that
 * was never touched.
 *
 *   listed by the walk -> picked -> read -> certain: the block was still there when all that happened before the
 *                                           reading was counted -> at the walk's end: which are equal
 *
 * A block is picked by its address: the addresses whose hash is above a bound, which the site's blocks set. That is as good
 * as at random, and another walk picks the same blocks. So it is seen whether anybody has written to them in between.
 *
 * What is equal has the same size as asked for, and the same hash. Blocks of zeroes count as blocks that are alone: nobody
 * has written to them yet. Of Python's objects only texts, bytes, tuples and numbers are looked at, and what of them is their value
 * (python_values.h): others begin with a count of references, too, and may be changed.
 */
#ifndef LIBTRACE_CONTENT_LOOKS_H
#define LIBTRACE_CONTENT_LOOKS_H

#include "content_counts.h"
#include "object_types.h"
#include "page_blocks.h"

#define CONTENT_PICKS 64   /* read by one system call */
#define CONTENT_BYTES 1024 /* larger blocks are not looked at */

/* A block between the walk and the counting. */
struct content_block {
    struct content_key key;
    struct tracked_process *process;
    struct python_value value; /* of an object of Python: what is compared; not known: all of it */
};

/* What was found at a site. */
struct content_site {
    struct content_counts
        counts;              /* at the look that saw most: live bytes, times blocks that were looked at */
    uint64_t live_bytes;     /* at that one */
    uint32_t again, changed; /* blocks that were looked at once more; of those: not the same */
    uint64_t apart_ns;       /* the longest time between two such looks */
    bool is_new;             /* since the writer has taken it */
};

/* The same, for the writer. */
struct content_result {
    uint32_t site, node, process, thread; /* index in the ledger; as there */
    struct content_site found;
};

struct known_content;

struct content_looks {
    bool off;           /* nothing is looked at */
    struct grow bounds; /* uint32_t by index in the ledger: see turn(); 0 = not worked out yet in this walk */
    uint32_t site_count; /* how many have room there */
    struct content_block picked[CONTENT_PICKS];
    unsigned picked_count;
    unsigned char bytes[CONTENT_PICKS][CONTENT_BYTES];
    struct grow read, done; /* struct content_block: before and after it is certain */
    uint32_t read_count, done_count;
    uint32_t most, left; /* reads of this walk, and those that are left */
    uint32_t apart;      /* pages from one that is looked at to the next, on average */
    struct grow sites;   /* struct content_site by index in the ledger */
    uint32_t new_count;
    struct known_content *known; /* uthash: blocks that were looked at, by process and address */
    /* What is being walked: */
    struct tracked_process *process;
    const struct ledger *ledger;
};

/* A walk over the processes begins, of which these looks may take so long. */
void content_looks_begin(struct content_looks *looks, uint64_t ns);

/* From here on, blocks of this process are listed. */
void content_looks_at(struct content_looks *looks, struct tracked_process *process,
                      const struct ledger *ledger);

/* Blocks that the walk has listed, of a page that is resident (the caller knows). */
void content_looks_page(struct content_looks *looks, uint64_t page, const struct page_blocks *list);

/* The same for a process that was forked, which has blocks of others on its pages, too: those of one page, or some of them. */
void content_looks_list(struct content_looks *looks, const struct block *list, size_t count);

/* Reads what was picked, of the process that was walked last. */
void content_looks_read(struct content_looks *looks);

/* To be called when all was counted that happened before the last content_looks_read(). */
void content_looks_settle(struct content_looks *looks);

/* The walk is over, of one process or (NULL) of all: finds out what is equal. */
void content_looks_finish(struct content_looks *looks, const struct tracked_process *process,
                          uint64_t now_ns);

/* Returns what is new since the last call, which is the caller's then; NULL and 0 if there is nothing. */
struct content_result *content_looks_take(struct content_looks *looks, size_t *count);

#endif
