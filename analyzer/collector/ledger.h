/* ledger.h - what is counted for every site, process and the run.
 *
 * A site is a stack in a process, or in a thread of it. The moment of the run's peak in bytes is known exactly, and
 * so is every site's share of it, in O(1) for each event and without a scan: peaks are numbered; a peak gets its
 * number when the heap first shrinks after a new maximum. A site that is touched later first notes what it had at
 * that peak, which is what it still has, as it was not touched since. memray's aggregated reader does the same.
 *
 * Events come in runs of one process each: ledger_begin(), the events, ledger_end(). Meanwhile the heaps do not
 * change; what happened is summed up once for all of them (struct flow). A new maximum is noticed when it is over,
 * as the heap only rises until then.
 */
#ifndef LIBTRACE_LEDGER_H
#define LIBTRACE_LEDGER_H

#include "fast.h"
#include "grow.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define CLASSES 65 /* of a histogram: 0; 1; 2-3; 4-7; ... */

/* Counts of all blocks since a second class was seen; blocks before that are of the first class. It spans
 * the classes from the smallest to the largest seen: with 200,000 sites, all 65 classes would be the
 * largest part of the collector's memory. */
struct histogram {
    uint8_t from, classes;
    uint64_t count[];
};

/* Two cache lines: the first changes with every event, the second seldom. */
struct site {
    uint64_t allocations, bytes;
    uint64_t frees, freed_bytes;
    uint64_t peak_allocations, peak_bytes; /* live at peak number peak_seen */
    uint64_t temporary;
    uint32_t peak_seen;
    uint32_t process; /* index of the process in the collector */

    uint64_t highest_bytes;              /* its own highest live bytes */
    uint64_t smallest, largest;          /* block sizes */
    struct histogram *sizes, *lifetimes; /* see struct histogram; NULL = one class only */
    uint32_t node;                       /* the process's own number for its stack */
    uint32_t thread;                     /* number in the process; 0 = sites are not by thread */
    uint8_t size_class, lifetime_class;  /* the first classes seen */
    bool sampled;        /* there are samples of it (samples.h), so that the database needs it */
    uint32_t taken_back; /* allocations that turned out to be another site's */
} __attribute__((aligned(64)));

/* What became of a site's blocks, where that is not what becomes of most: so it is kept apart. */
struct site_fate {
    uint64_t freed_elsewhere;    /* by another thread than the one that made them; at least so many */
    uint64_t moves, moved_bytes; /* it was the new block of a realloc that copied so many bytes */
};

/* A block that took the place of another one, while both were there. */
struct peak_copy {
    uint32_t site; /* the new one's; 0 = there is none */
    uint64_t old_bytes, new_bytes;
    uint64_t height, next_height; /* all that was live then; and for the highest one at another site */
};

/* What the database has of a site. */
struct site_written {
    uint64_t events; /* what happened to it, see site_events(); UINT64_MAX: to be written in any case */
    uint64_t peak_bytes, peak_allocations;
};

/* The present and the highest size of a heap. */
struct heap {
    uint64_t bytes, blocks;                       /* now */
    uint64_t since_mark_bytes, since_mark_blocks; /* at the moment of the highest bytes since heap_marked() */
    uint64_t peak_bytes, peak_blocks;             /* at the moment of the highest bytes of all */
};

/* What happened since the heaps were last brought up to date. */
struct flow {
    struct heap *heap; /* the process's */
    uint64_t allocations, bytes;
    uint64_t frees, freed_bytes;
    /* If more than this is live, a maximum must be noted before the heap shrinks, as it is the highest
     * since its mark; -1: the peak is now (at_peak) */
    int64_t room;
};

struct ledger {
    struct flow flow;
    struct grow sites;   /* struct site */
    struct grow written; /* struct site_written, by the same index */
    struct grow spreads; /* in a sampled run struct spread, by the same index; see spread.h */
    struct grow fates;   /* struct site_fate, by the same index; only as far as there is something to say */
    uint32_t count;      /* number of sites; index 0 is not used */
    struct heap heap;    /* of all processes together */
    uint32_t peak;       /* number of the latest peak that is over */
    bool at_peak;        /* the heap has not shrunk since its maximum */
    uint64_t peak_ns;    /* when the highest was, since the start of the run */
    uint64_t now_ns;     /* the collector's clock, for peak_ns */
    /* Called when a peak is over, as a block of that site is freed; it has its number by then. NULL = not called. */
    void (*peak_ends)(void *data, uint32_t site, uint64_t size);
    void *peak_data;
    struct peak_copy counted; /* both were live at the peak of this number, as both were counted */
    uint32_t counted_peak;
    struct peak_copy inside; /* the highest moment within a realloc, of which the heap does not know */
};

INLINE struct site *ledger_site(const struct ledger *ledger, uint32_t index)
{
    return (struct site *)ledger->sites.memory + index;
}

/* What became of a site's blocks. */
struct site_fate ledger_fate(const struct ledger *ledger, uint32_t index);

/* Counts that another thread freed a block than the one that made it, when the free itself was counted before; undoes what
 * ledger_freed_elsewhere() does. */
void ledger_freed_elsewhere_late(struct ledger *ledger, uint32_t index);
void ledger_not_freed_elsewhere(struct ledger *ledger, uint32_t index);

/* Counts a realloc that copied a block, right before or after the new block is counted. live: with the new block,
 * without the old one. */
void ledger_moved(struct ledger *ledger, uint32_t index, uint64_t old_bytes, uint64_t new_bytes,
                  uint64_t live);

/* Notes that the peak which is just over had a block and the one that takes its place. */
void ledger_copied(struct ledger *ledger, const struct peak_copy *copy);

/* True if there was such a copy at the highest peak so far. */
bool ledger_copy_at_peak(const struct ledger *ledger);

/* Adds a site; returns its index, 0 = out of memory. */
uint32_t ledger_add_site(struct ledger *ledger, uint32_t process, uint32_t thread, uint32_t node);

/* Begins a run of events of the process that has this heap. */
void ledger_begin(struct ledger *ledger, struct heap *heap);

/* Brings the heaps up to date; the run of events may go on. */
void ledger_settle(struct ledger *ledger);

/* What a site was before an allocation that may have to be taken back. */
struct ledger_before {
    uint32_t site;
    uint32_t peak; /* ledger.peak */
    uint64_t allocations, highest_bytes, smallest, largest;
};

/* The site's latest allocation, which lives, was another site's: all is counted as if it had always been. Exact if
 * nothing happened at that site in between; if there were other allocations at the first one, its smallest and
 * largest block may be this one's. */
void ledger_take_back(struct ledger *ledger, const struct ledger_before *before, uint32_t to, uint64_t size,
                      uint64_t weight);

/* Undoes a free: a realloc that failed. The second undoes the free of a part. */
void ledger_unfree(struct ledger *ledger, uint32_t site, uint64_t size, uint32_t ticks, uint64_t weight);
void ledger_unfree_part(struct ledger *ledger, uint32_t site, uint64_t size);

/* To be called between two runs of events for a process that is gone, and its heap with it; what it had
 * stays counted as live. Returns the number of the last peak that it can have been part of. */
uint32_t ledger_process_ended(struct ledger *ledger, const struct heap *heap);
#define LEDGER_LIVES UINT32_MAX

/* A site's share of the highest heap so far. last_peak: what ledger_process_ended() returned for its
 * process, or LEDGER_LIVES. */
void ledger_at_peak(const struct ledger *ledger, const struct site *site, uint32_t last_peak,
                    uint64_t *allocations, uint64_t *bytes);

/* A copy that the caller must free; NULL for NULL, or if out of memory. */
struct histogram *ledger_copy_histogram(const struct histogram *others);

/* The whole histogram, with the first class's count. */
void ledger_histogram(const struct histogram *others, uint8_t first, uint64_t total,
                      uint64_t counts[CLASSES]);

/* ---- the fast parts, inline ------------------------------------------------------------------ */

void ledger_count_other(struct histogram **others, uint8_t number, int64_t by);

/* 0 and 1 are their own classes, 2 and 3 are class 2, 4 to 7 class 3 and so on. Valid for all values that
 * can be sizes, which are below 2^63. */
INLINE uint8_t ledger_class(uint64_t value)
{
    return (uint8_t)(63 ^ __builtin_clzll(value << 1 | 1));
}

INLINE void ledger_count(struct histogram **others, uint8_t number, uint64_t weight)
{
    struct histogram *h = *others;
    if (h && (uint8_t)(number - h->from) < h->classes)
        h->count[(uint8_t)(number - h->from)] += weight;
    else
        ledger_count_other(others, number, (int64_t)weight);
}

/* A number that differs whenever a site's counts do; 0: there is nothing to say. */
INLINE uint64_t site_events(const struct site *site)
{
    return site->allocations || site->sampled ? site->allocations + site->frees + 2ull * site->taken_back : 0;
}

/* Before a site changes: notes what it had at the latest peak that is over. */
INLINE void ledger_fold(const struct ledger *ledger, struct site *site)
{
    assert(site->peak_seen <= ledger->peak);
    if (UNLIKELY(site->peak_seen != ledger->peak)) {
        site->peak_seen = ledger->peak;
        site->peak_allocations = site->allocations - site->frees;
        site->peak_bytes = site->bytes - site->freed_bytes;
    }
}

/* From here on a new highest is searched for, besides the highest of all. */
INLINE void heap_marked(struct heap *heap)
{
    heap->since_mark_bytes = heap->bytes;
    heap->since_mark_blocks = heap->blocks;
}

/* The heap is as high as never before, or was, and is about to shrink: a block of that site and size is freed; 0 =
 * another reason. */
void ledger_note_maximum(struct ledger *ledger, uint32_t site, uint64_t size);

/* Live bytes, minus those at the beginning of the run of events. */
INLINE int64_t ledger_live(const struct ledger *ledger)
{
    return (int64_t)(ledger->flow.bytes - ledger->flow.freed_bytes);
}

/* To be called before fewer bytes are live, or more blocks with the same bytes. */
INLINE void ledger_shrinks(struct ledger *ledger)
{
    if (UNLIKELY(ledger_live(ledger) > ledger->flow.room))
        ledger_note_maximum(ledger, 0, 0);
}

/* Counts a block that is smaller or larger than all before. */
void site_new_size(struct site *site, uint64_t size, uint64_t weight);

/* More of the site is live. */
INLINE void site_rose(struct site *site)
{
    uint64_t live = site->bytes - site->freed_bytes;
    if (live > site->highest_bytes)
        site->highest_bytes = live;
}

INLINE void site_alloc(struct site *site, uint64_t size, uint64_t weight)
{
    /* As long as all sizes are of one class, so are those between the smallest and the largest. */
    if (UNLIKELY(size < site->smallest || size > site->largest))
        site_new_size(site, size, weight);
    else if (site->sizes)
        ledger_count(&site->sizes, ledger_class(size), weight);
    site->allocations += weight;
    site->bytes += size * weight;
    site_rose(site);
}

INLINE void site_free(struct site *site, uint64_t size, uint32_t ticks, uint64_t weight)
{
    uint8_t number = ledger_class(ticks);
    if (UNLIKELY(number != site->lifetime_class)) {
        if (site->frees == 0)
            site->lifetime_class = number;
        else
            ledger_count(&site->lifetimes, number, weight);
    }
    site->frees += weight;
    site->freed_bytes += size * weight;
    assert(site->frees <= site->allocations && site->freed_bytes <= site->bytes);
}

/* Counts an allocation. weight: how many blocks it stands for, in a sampled run; else 1, here and below. */
INLINE void ledger_alloc(struct ledger *ledger, uint32_t index, uint64_t size, uint64_t weight)
{
    struct site *site = ledger_site(ledger, index);
    if (UNLIKELY(size == 0)) /* otherwise this would no longer be the first moment of the maximum */
        ledger_shrinks(ledger);
    ledger_fold(ledger, site);
    site_alloc(site, size, weight);
    ledger->flow.allocations += weight;
    ledger->flow.bytes += size * weight;
}

/* To be called before ledger_alloc() for a block of which the site is not certain. */
INLINE void ledger_before_alloc(const struct ledger *ledger, uint32_t index, struct ledger_before *before)
{
    const struct site *site = ledger_site(ledger, index);
    *before = (struct ledger_before){index,          ledger->peak, site->allocations, site->highest_bytes,
                                     site->smallest, site->largest};
}

/* Counts a free. ticks: the block's age. */
INLINE void ledger_free(struct ledger *ledger, uint32_t index, uint64_t size, uint32_t ticks, uint64_t weight)
{
    struct site *site = ledger_site(ledger, index);
    if (UNLIKELY(ledger_live(ledger) > ledger->flow.room))
        ledger_note_maximum(ledger, index, size);
    ledger_fold(ledger, site);
    site_free(site, size, ticks, weight);
    ledger->flow.frees += weight;
    ledger->flow.freed_bytes += size * weight;
}

/* Counts that another thread frees a block than the one that made it, beside ledger_free(). */
INLINE void ledger_freed_elsewhere(struct ledger *ledger, uint32_t index)
{
    struct site_fate *fate = GROW_AT(&ledger->fates, struct site_fate, index);
    if (LIKELY(fate != NULL))
        fate->freed_elsewhere++;
}

/* Counts that a part of a mapping is gone, while some of it is left. */
INLINE void ledger_free_part(struct ledger *ledger, uint32_t index, uint64_t size)
{
    struct site *site = ledger_site(ledger, index);
    ledger_shrinks(ledger);
    ledger_fold(ledger, site);
    site->freed_bytes += size;
    ledger->flow.freed_bytes += size;
}

/* Counts a free at one site, and an allocation of the same size at another (or the same). */
INLINE void ledger_move(struct ledger *ledger, uint32_t from, uint32_t to, uint64_t size, uint32_t ticks)
{
    struct site *site = ledger_site(ledger, from);
    ledger_shrinks(ledger); /* to what it was before: no maximum can follow */
    ledger_fold(ledger, site);
    site_free(site, size, ticks, 1);
    site = ledger_site(ledger, to);
    ledger_fold(ledger, site);
    site_alloc(site, size, 1);
    ledger->flow.allocations++;
    ledger->flow.frees++;
    ledger->flow.bytes += size;
    ledger->flow.freed_bytes += size;
}

/* Counts an allocation, and its free right after it. */
INLINE void ledger_temporary(struct ledger *ledger, uint32_t index, uint64_t size)
{
    struct site *site = ledger_site(ledger, index);
    site->temporary++;
    if (UNLIKELY(ledger_live(ledger) + (int64_t)size > ledger->flow.room)) {
        ledger_alloc(ledger, index, size, 1);
        ledger_free(ledger, index, size, 0, 1);
        return;
    }
    ledger_fold(ledger, site);
    site_alloc(site, size, 1);
    site_free(site, size, 0, 1);
    ledger->flow.allocations++;
    ledger->flow.frees++;
    ledger->flow.bytes += size;
    ledger->flow.freed_bytes += size;
}

#endif
