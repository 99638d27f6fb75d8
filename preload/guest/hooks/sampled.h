/* sampled.h - the events of a sampled run: nearly every allocation is a few instructions and a jump to the allocator,
 * and so is the free of a block that was not recorded.
 *
 * "frame" is the frame address of the hook, as in record.h.
 */
#ifndef LIBTRACE_SAMPLED_H
#define LIBTRACE_SAMPLED_H

#include "process.h"
#include "record.h"
#include "sample_set.h"
#include "sampler.h"

/* True in a sampled run. In others, which have nothing else to decide, it is one comparison. */
INLINE bool sampled_run(void)
{
    return UNLIKELY(!record_plain) && UNLIKELY(sampler_interval != 0);
}

/* For a block of an allocation that sampler_passes() did not let pass; NULL: there is none. Returns it. */
void *sampled_made(void *block, size_t size, const void *frame);

/* For a block that sample_set_take() has taken: before it is freed; before and after a realloc, the latter if that
 * failed. */
void sampled_freed(void *block, const void *frame);
void sampled_resizes(void *block, const void *frame);
void sampled_stays(void *block, const void *frame);

/* True if a block that is about to go was recorded; it is not in the set any more. */
INLINE bool sampled_goes(const void *block)
{
    return sample_set_may_hold(block) && sample_set_take(block);
}

/* True if blocks are recorded now: the first event of a forked child has to make it so. */
bool sampled_live_slow(const void *frame);
INLINE bool sampled_live(const void *frame)
{
    return LIKELY(tracing_live()) || sampled_live_slow(frame);
}

/* Looks whether modules were loaded or unloaded, as this is not noticed in between. t: entered; returns it, entered
 * again if there were. NULL: nothing can be recorded any more. */
struct thread *sampled_look(struct thread *t, const void *frame);

#endif
