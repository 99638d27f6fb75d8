/* sampler.h - which blocks a sampled run records: include/sampling_rule.h says why; this is where it costs.
 *
 * Each thread counts its allocations, and counts down the bytes to the next one that is hit, in a cache line of its own.
 * Its first allocation takes a line that nobody has, without a system call; a ring and a state are only claimed at
 * a hit, so that a thread without one costs nothing else. How far the next hit is does not depend on how long there was
 * none: so whoever gets a line goes on where the one before has stopped, and the counts stay in it.
 *
 * A line is
 *   free         its bit in `taken` is 0; any thread may take it, by that bit
 *   a thread's   whose sampler_self it is. Only that thread writes to it, others read what it has counted. Given back
 *                by the destructor of thread.c
 *   wiped        in a forked child, which has its parent's bits, but finds all lines zero, whatever call made it: so the next
 *                allocation is due, and makes all lines free (sampler_forked)
 *   left behind  of an earlier trace: zero, and in memory that nobody looks at any more; the next allocation is due
 *
 * A thread without a line decides by itself for each block, with the same probability, and counts where all such threads
 * do: one that has run its destructors, one whose signal handler has interrupted the taking, one for which no line is
 * left.
 */
#ifndef LIBTRACE_SAMPLER_H
#define LIBTRACE_SAMPLER_H

#include "guest.h"

struct sampler {
    int64_t until;        /* bytes to the next hit, each block counting one more than its size */
    uint64_t allocations; /* made by its threads, one after another; see sampler_suspend() before moving it */
    uint64_t random;      /* the generator's state; 0: not begun, wiped or left behind */
    uint64_t drawn;       /* until, and all that was counted down before */
    int64_t
        held; /* the bytes to the next hit, while `until` is 0 to make the next allocation due; 0 = it is not */
    _Atomic uint64_t said_allocations, said_bytes; /* of these, added to the process's so far */
    size_t requested; /* size asked of operator new with an alignment, plus 1; 0 = no such call */
} __attribute__((aligned(64)));

/* Never NULL. Of a thread without a line it is one whose next allocation is due. */
extern __thread struct sampler *sampler_self __attribute__((tls_model("initial-exec")));

extern HIDDEN uint32_t sampler_interval; /* bytes; 0 = every block is recorded */

/* Counts an allocation that is about to be made. False: it may have to be recorded, see sampler_takes(). */
INLINE bool sampler_passes(size_t size)
{
    struct sampler *s = sampler_self;
    s->allocations++;
    s->until -= (int64_t)size + 1;
    return LIKELY(s->until > 0) && LIKELY(size < sampler_interval);
}

/* After sampler_passes() said false, while tracing is live: whether the block is to be recorded. */
bool sampler_takes(size_t size);

/* Nothing is recorded now: asks again after many bytes. */
void sampler_rest(void);

/* Takes back the counting of an allocation that was not made after all: before, and after sampler_takes() was called if
 * it was. */
void sampler_undo(size_t size);
void sampler_undo_taken(size_t size);

/* Makes this thread's next allocation due, and says whether it was made so. sampler_takes() was called. */
void sampler_hold(void);
bool sampler_held(void);

/* While an allocator is called whose own allocations are part of one that was counted: nothing counts. If what is saved beside
 * `allocations` were its neighbour, the compiler would load both at once, and the processor would wait until the count that was
 * just stored is in the cache. */
struct sampler_saved {
    struct sampler *sampler;
    int64_t until;
    uint64_t drawn, allocations;
};

INLINE struct sampler_saved sampler_suspend(void)
{
    struct sampler *s = sampler_self;
    struct sampler_saved saved = {s, s->until, s->drawn, s->allocations};
    s->until = INT64_MAX / 2;
    return saved;
}

INLINE void sampler_resume(const struct sampler_saved *saved)
{
    saved->sampler->until = saved->until;
    saved->sampler->drawn = saved->drawn;
    saved->sampler->allocations = saved->allocations;
}

/* Adds what all threads have counted, or the calling one, to the process's totals. The latter: its state is entered. */
void sampler_says(void);
void sampler_says_own(void);

/* The calling thread ends, and tracing is live: gives its line back. It may still allocate. */
void sampler_ends(void);

/* In a forked child, before its first event. */
void sampler_forked(void);

/* Before the first event of a process or an attached trace, a slot being claimed; false = there is no memory. */
bool sampler_start(uint32_t interval);

#endif
