/* probes.h - probes of user space (USDT) at each sample, for tools outside: those of OpenTelemetry's profiler, which reads
 * the stack by itself (its design document 00003, "Memory profiling", has the contract).
 *
 *   otel_memory:alloc(block, bytes, weighted bytes)   a block was recorded; all that it stands for (sampling_rule.h)
 *   otel_memory:free(block)                           it is about to be freed, or was moved
 *
 * A probe is an instruction that does nothing, and a note in the file that says where it is and in which registers its
 * arguments are. As long as nobody listens, its semaphore is 0, and nothing is worked out for it.
 */
#ifndef LIBTRACE_PROBES_H
#define LIBTRACE_PROBES_H

#include "guest.h"
#include "sampler.h"
#include "sampling_rule.h"

#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

/* How many listen: counted by the kernel, or a debugger. */
extern HIDDEN volatile unsigned short otel_memory_alloc_semaphore, otel_memory_free_semaphore;

INLINE void probes_alloc(const void *block, size_t size)
{
    if (UNLIKELY(otel_memory_alloc_semaphore))
        STAP_PROBE3(otel_memory, alloc, block, (uint64_t)size,
                    (uint64_t)size * sampling_weight(size, sampler_interval));
}

INLINE void probes_free(const void *block)
{
    if (UNLIKELY(otel_memory_free_semaphore))
        STAP_PROBE1(otel_memory, free, block);
}

#endif
