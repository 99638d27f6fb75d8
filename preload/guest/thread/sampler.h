/* sampler.h - which blocks a sampled run records: include/sampling_rule.h says why; this is where it costs.
 *
 * Each thread counts its allocations, and counts down the bytes to the next one that is hit. It has one cache line
 * for that, in private memory that the system clears in forked children: so a child's first allocation is found to be
 * due, whatever call made the child, and gets here as a hit would.
 */
#ifndef LIBTRACE_SAMPLER_H
#define LIBTRACE_SAMPLER_H

#include "guest.h"
#include "thread.h"
#include "wire.h"

struct sampler {
    int64_t until;        /* bytes to the next hit, each block counting one more than its size */
    uint64_t allocations; /* made by its threads */
    uint64_t drawn;       /* until, and all that was counted down before */
    uint64_t random;      /* the generator's state; 0: not begun, or cleared by a fork */
    int64_t
        held; /* the bytes to the next hit, while `until` is 0 to make the next allocation due; 0 = it is not */
    _Atomic uint64_t said_allocations, said_bytes; /* of these, added to the process's so far */
    size_t requested; /* size asked of operator new with an alignment, plus 1; 0 = no such call */
} __attribute__((aligned(64)));

/* Never NULL. Of a thread that has recorded nothing it is one whose next allocation is due. */
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

/* After sampler_passes() said false: whether the block is to be recorded. t is the calling thread's state, entered. */
bool sampler_takes(struct thread *t, size_t size);

/* Nothing is recorded now: asks again after many bytes. */
void sampler_rest(void);

/* Takes back the counting of an allocation that was not made after all. */
void sampler_undo(size_t size);

/* Makes this thread's next allocation due, and says whether it was made so. t: entered, sampler_takes() was called. */
void sampler_hold(void);
bool sampler_held(void);

/* While an allocator is called whose own allocations are part of one that was counted: nothing counts. */
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

/* Adds what all threads have counted to the process's totals. */
void sampler_says(void);

/* Before the first event of a process or an attached trace, a slot being claimed; false = there is no memory. */
bool sampler_start(uint32_t interval);

#endif
