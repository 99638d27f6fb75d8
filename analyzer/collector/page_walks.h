/* page_walks.h - finds out which pages of the processes are resident, and to which sites they belong, by
 * analyzer/pages. It does so in steps, so that the rings are read in between.
 *
 * A walk takes 0.1 to 0.2 s for a GiB of small blocks (24 to 160 bytes), less for larger ones. Walks that no
 * command requested take at most a hundredth of the run's time, and those at the end of a process a fiftieth.
 */
#ifndef LIBTRACE_PAGE_WALKS_H
#define LIBTRACE_PAGE_WALKS_H

#include "content_looks.h"
#include "object_looks.h"
#include "page_rows.h"
#include "residence.h"
#include "track.h"

/* A site's share of one part. */
struct page_share {
    uint32_t site, node; /* index in the ledger, and unnamed node of its process */
    uint32_t process;    /* the process that was walked, or the one that it was forked from */
    bool mapped;         /* the site is in the ledger of mappings */
    int part;            /* enum store_page_part */
    uint64_t bytes, blocks;
};

/* Bytes that belong to no site, by the name of the mapping; "" = none. */
struct page_name {
    int part;
    char *name;
    uint64_t bytes;
};

/* What a walk found in one process. */
struct page_moment {
    uint32_t number; /* shared by processes that were walked together */
    uint32_t process;
    enum store_page_kind kind;
    uint32_t mark; /* of kind MARK: the mark's number in the run, from 1 on */
    uint64_t t_ns, took_ns;
    uint64_t resident, pss, untouched, swapped; /* bytes */
    const char *missing;                        /* why it could not be walked (a sentence); else NULL */
    uint32_t forget; /* number of an earlier moment that this one replaces; 0 = none */
    struct page_share *shares;
    size_t share_count;
    struct page_name *names;
    size_t name_count;
};

/* A walk over the processes. */
struct page_walk {
    bool running, open; /* the walk, and its current process, have begun */
    uint32_t process;   /* the current or next process */
    struct page_moment now;
    struct residence residence;
    uint64_t began_ns;                      /* when the current process was begun */
    struct tracked_process *looked_at;      /* the current process, while open */
    struct object_looks *looks;             /* that are made on the way; */
    struct content_looks *contents;         /* these, too */
    struct arena_piece pieces[WIRE_PIECES]; /* libtrace's own memory in it */
    size_t piece_count;
};

/* The walks of a run. Finished moments are copied for the writer. */
struct page_walks {
    struct grow done; /* struct page_moment */
    uint32_t done_count;
    uint32_t moments;                /* how many have begun */
    uint64_t spent_ns;               /* CPU time of walks that no command requested */
    uint64_t highest;                /* resident bytes at the latest new high, */
    uint32_t high;                   /* and its moment's number; 0 = there was none */
    uint32_t marks_seen, marks_told; /* marks considered, and those whose programs were released */
    uint64_t marks_used_ns; /* until when the marks that were walked have used up the time for marks */
    struct page_walk under_way;
    bool asked; /* a command requested a walk while one was under way */
    struct object_looks looks;
    struct content_looks contents;
};

/* Begins a walk that a command requested. If one is under way that has another reason, what it saw may be from
 * before the request: then it begins afterwards. If another command requested the one that is under way, that
 * has to do, or many commands at the same time would wait for ever. */
void page_walks_ask(struct page_walks *walks);

/* Begins a walk if a program has set a mark or resident memory is at a new high, and there is time for it.
 * To be called after tracker_sample(). */
void page_walks_look(struct page_walks *walks, struct tracker *tracker, uint64_t now_ns);

/* Continues the current walk for a millisecond or two. True if there is more to do. To be called when all rings were
 * read since the last call. */
bool page_walks_step(struct page_walks *walks, struct tracker *tracker);

/* A process is about to end, and waits: walks it at once and completely if that is quick. To be called like
 * page_walks_step(). */
void page_walks_end_of(struct page_walks *walks, struct tracker *tracker, struct tracked_process *process);

/* To be called when all rings were read since the last step, if what was looked at is wanted before the next one. */
void page_walks_settle(struct page_walks *walks, const struct tracker *tracker);

/* Returns what finished walks have seen, and with `all` an unfinished one, too: without, a report could take
 * some of the processes for all. It is the caller's then; NULL and 0 if there is nothing. */
struct page_moment *page_walks_take(struct page_walks *walks, bool all, size_t *count);

void page_moments_free(struct page_moment *moments, size_t count);

#endif
