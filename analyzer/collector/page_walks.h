/* page_walks.h - looks at which pages of the processes are resident, and whose they are: analyzer/pages. In steps,
 * between which the rings are read.
 *
 * A walk takes 0.1 to 0.2 s for a GiB of small blocks (24 to 160 bytes), less for larger ones. What nobody has asked for
 * takes a hundredth of the time that the run has lasted, and the end of a process a fiftieth.
 */
#ifndef LIBTRACE_PAGE_WALKS_H
#define LIBTRACE_PAGE_WALKS_H

#include "page_rows.h"
#include "residence.h"
#include "track.h"

/* What a site has of a part. */
struct page_share {
    uint32_t site, node; /* index in the ledger; raw, of its process: */
    uint32_t process;    /* the one that was looked at, or that it was forked from */
    bool mapped;         /* in that of mappings */
    int part;            /* enum store_page_part */
    uint64_t bytes, blocks;
};

/* What is of no site, by the name of what is mapped; "" = none. */
struct page_name {
    int part;
    char *name;
    uint64_t bytes;
};

/* What was seen of one process. */
struct page_moment {
    uint32_t number; /* processes that were looked at together have the same */
    uint32_t process;
    enum store_page_kind kind;
    uint32_t mark; /* of that kind: its number in the run, from 1 on */
    uint64_t t_ns, took_ns;
    uint64_t resident, pss, untouched, swapped; /* bytes */
    const char *missing;                        /* a sentence, if it could not be looked at; else NULL */
    uint32_t forget;                            /* a moment that this one takes the place of; 0 = none */
    struct page_share *shares;
    size_t share_count;
    struct page_name *names;
    size_t name_count;
};

/* A moment under way. */
struct page_walk {
    bool running, open; /* it; a process of it */
    uint32_t process;   /* the one that is looked at, or comes next */
    struct page_moment now;
    struct residence residence;
    uint64_t began_ns;                       /* the process's turn */
    const struct tracked_process *looked_at; /* in it; */
    struct arena_piece pieces[WIRE_PIECES];  /* what is ours in it */
    size_t piece_count;
};

/* Copies of what is finished go to the writer. */
struct page_walks {
    struct grow done; /* struct page_moment */
    uint32_t done_count;
    uint32_t moments;                /* that there were */
    uint64_t spent_ns;               /* on what nobody has asked for */
    uint64_t highest;                /* resident bytes of the latest new high, */
    uint32_t high;                   /* and its number; 0 = there was none */
    uint32_t marks_seen, marks_told; /* of the run's; whoever has set these waits no more */
    uint64_t marks_used_ns; /* up to when those that were looked at have used up the time that is theirs */
    struct page_walk under_way;
};

/* Begins a moment, unless one is under way: then that is the one. */
void page_walks_ask(struct page_walks *walks, enum store_page_kind kind);

/* Begins one if the programs have named one, or need more than ever, and there is time for it. After
 * tracker_sample(). */
void page_walks_look(struct page_walks *walks, struct tracker *tracker, uint64_t now_ns);

/* Goes on with what is under way for a millisecond or two. True if there is more to do. */
bool page_walks_step(struct page_walks *walks, struct tracker *tracker);

/* A process is about to end, and waits for us: looks at it at once, and whole, if that takes little. */
void page_walks_end_of(struct page_walks *walks, struct tracker *tracker, struct tracked_process *process);

/* What is finished, handed over; the moments are the caller's. NULL and 0 if there is nothing. */
struct page_moment *page_walks_take(struct page_walks *walks, size_t *count);

void page_moments_free(struct page_moment *moments, size_t count);

#endif
