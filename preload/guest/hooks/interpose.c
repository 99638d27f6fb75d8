/* interpose.c - the C allocation functions that the program calls, four of them by way of first.c.
 *
 * Each calls the real function and records the event: an allocation after the real call, a free before it. In a
 * sampled run most calls only jump to the real function (sampled.h).
 * The frame address is taken here, so this file is compiled with frame pointers.
 */
#define _GNU_SOURCE
#include "first.h"
#include "probes.h"
#include "real.h"
#include "record.h"
#include "sampled.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define FRAME __builtin_frame_address(0)

void *recorded_malloc(size_t size)
{
    void *block = real.malloc(size);
    return LIKELY(block != NULL) ? record_alloc(block, size, FRAME, STACK_CACHE_NOWHERE) : NULL;
}

void *recorded_calloc(size_t count, size_t size)
{
    struct thread *t = thread_self;
    struct stack_cache_place place = record_predict_by(t, FRAME);
    void *block = real.calloc(count, size);
    return LIKELY(block != NULL) ? record_alloc_by(t, block, count * size, FRAME, place) : NULL;
}

void recorded_free(void *block)
{
    if (UNLIKELY(block == NULL))
        return;
    block = record_free(block, FRAME);
    real.free(block);
}

EXPORT void cfree(void *block)
{
    free(block);
}

EXPORT void free_sized(void *block, size_t size)
{
    (void)size;
    free(block);
}

EXPORT void free_aligned_sized(void *block, size_t alignment, size_t size)
{
    (void)alignment;
    (void)size;
    free(block);
}

/* A block from the start-up pool cannot be passed to the real allocator: it is copied. */
static NOINLINE void *real_realloc_pool(void *block, size_t size)
{
    void *fresh = real.malloc(size);
    size_t old = real_pool_size(block);
    if (fresh)
        memcpy(fresh, block, old < size ? old : size);
    return fresh;
}

INLINE void *reallocate(void *block, size_t size, const void *frame)
{
    struct thread *t = thread_self;
    struct stack_cache_place place = record_predict_by(t, frame);
    if (block == NULL) {
        block = real.realloc(NULL, size);
        if (block)
            record_alloc(block, size, frame, place);
        return block;
    }
    record_realloc(WIRE_REALLOC_BEGIN, block, frame);
    void *fresh = LIKELY(!real_is_pool(block)) ? real.realloc(block, size) : real_realloc_pool(block, size);
    if (LIKELY(fresh != NULL))
        record_alloc_by(t, fresh, size, frame, place);
    else if (size != 0) /* realloc(block, 0) has freed it, in glibc */
        record_realloc(WIRE_REALLOC_FAIL, block, frame);
    return fresh;
}

void *recorded_realloc(void *block, size_t size)
{
    return reallocate(block, size, FRAME);
}

/* ---- in a sampled run ------------------------------------------------------------------------------ */

void *sampled_malloc(size_t size)
{
    return sampled_made(real.malloc(size), size, FRAME);
}

void *sampled_calloc(size_t count, size_t size)
{
    return sampled_made(real.calloc(count, size), count * size, FRAME);
}

INLINE void *reallocate_sampled(void *block, size_t size, const void *frame)
{
    bool held = block && sampled_goes(block);
    if (held)
        sampled_resizes(block, frame);
    void *fresh = LIKELY(!real_is_pool(block)) ? real.realloc(block, size) : real_realloc_pool(block, size);
    bool stays = !fresh && size != 0;
    if (held && UNLIKELY(stays))
        sampled_stays(block, frame);
    else if (held)
        probes_free(block);
    if (UNLIKELY(!fresh))
        return NULL;
    return LIKELY(sampler_passes(size)) ? fresh : sampled_made(fresh, size, frame);
}

void *sampled_realloc(void *block, size_t size)
{
    return reallocate_sampled(block, size, FRAME);
}

void sampled_free(void *block)
{
    if (sample_set_take(block))
        sampled_freed(block, FRAME);
    real.free(block);
}

/* Where a run is sampled, returns from the hook. call: of the real function. */
#define RETURN_IF_SAMPLED(size, call)                  \
    do {                                               \
        if (sampled_run()) {                           \
            size_t counted = (size);                   \
            if (sampler_passes(counted))               \
                return call;                           \
            return sampled_made(call, counted, FRAME); \
        }                                              \
    } while (0)

static size_t requested_sampled(size_t size, size_t alignment)
{
    return record_requested_of(&sampler_self->requested, size, alignment);
}

/* ---- the others -------------------------------------------------------------------------------------- */

EXPORT void *reallocarray(void *block, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return sampled_run() ? reallocate_sampled(block, total, FRAME) : reallocate(block, total, FRAME);
}

EXPORT int posix_memalign(void **block, size_t alignment, size_t size)
{
    int error = real.posix_memalign(block, alignment, size);
    if (sampled_run()) {
        size_t counted = requested_sampled(size, alignment);
        if (error == 0 && !sampler_passes(counted))
            sampled_made(*block, counted, FRAME);
        return error;
    }
    if (error == 0 && *block)
        record_alloc(*block, record_requested(size, alignment), FRAME, record_predict(FRAME));
    return error;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    RETURN_IF_SAMPLED(requested_sampled(size, alignment), real.aligned_alloc(alignment, size));
    void *block = real.aligned_alloc(alignment, size);
    if (block)
        record_alloc(block, record_requested(size, alignment), FRAME, record_predict(FRAME));
    return block;
}

EXPORT void *memalign(size_t alignment, size_t size)
{
    RETURN_IF_SAMPLED(requested_sampled(size, alignment), real.memalign(alignment, size));
    void *block = real.memalign(alignment, size);
    if (block)
        record_alloc(block, record_requested(size, alignment), FRAME, record_predict(FRAME));
    return block;
}

EXPORT void *valloc(size_t size)
{
    RETURN_IF_SAMPLED(size, real.valloc(size));
    void *block = real.valloc(size);
    if (block)
        record_alloc(block, size, FRAME, record_predict(FRAME));
    return block;
}

EXPORT void *pvalloc(size_t size)
{
    RETURN_IF_SAMPLED(size, real.pvalloc(size));
    void *block = real.pvalloc(size);
    if (block)
        record_alloc(block, size, FRAME, record_predict(FRAME));
    return block;
}

EXPORT size_t malloc_usable_size(void *block)
{
    if (UNLIKELY(block && real_is_pool(block)))
        return real_pool_size(block);
    return real.malloc_usable_size(block);
}
