/* interpose.c - the C allocation functions that the program calls.
 *
 * Each calls the real function and records the event: an allocation after the real call, a free before it.
 * The frame address is taken here, so this file is compiled with frame pointers.
 */
#define _GNU_SOURCE
#include "real.h"
#include "record.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define FRAME __builtin_frame_address(0)

EXPORT void *malloc(size_t size)
{
    struct stack_cache_place place = record_predict(FRAME);
    void *block = real.malloc(size);
    return LIKELY(block != NULL) ? record_alloc(block, size, FRAME, place) : NULL;
}

EXPORT void *calloc(size_t count, size_t size)
{
    struct stack_cache_place place = record_predict(FRAME);
    void *block = real.calloc(count, size);
    return LIKELY(block != NULL) ? record_alloc(block, count * size, FRAME, place) : NULL;
}

EXPORT void free(void *block)
{
    if (UNLIKELY(block == NULL))
        return;
    block = record_free(block, FRAME);
    real.free(block);
}

EXPORT void cfree(void *block)
{
    if (block == NULL)
        return;
    block = record_free(block, FRAME);
    real.free(block);
}

EXPORT void free_sized(void *block, size_t size)
{
    (void)size;
    if (block == NULL)
        return;
    block = record_free(block, FRAME);
    real.free(block);
}

EXPORT void free_aligned_sized(void *block, size_t alignment, size_t size)
{
    (void)alignment;
    (void)size;
    if (block == NULL)
        return;
    block = record_free(block, FRAME);
    real.free(block);
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
    struct stack_cache_place place = record_predict(frame);
    if (block == NULL) {
        block = real.realloc(NULL, size);
        if (block)
            record_alloc(block, size, frame, place);
        return block;
    }
    record_realloc(WIRE_REALLOC_BEGIN, block, frame);
    void *fresh = LIKELY(!real_is_pool(block)) ? real.realloc(block, size) : real_realloc_pool(block, size);
    if (LIKELY(fresh != NULL))
        record_alloc(fresh, size, frame, place);
    else if (size != 0) /* realloc(block, 0) has freed it, in glibc */
        record_realloc(WIRE_REALLOC_FAIL, block, frame);
    return fresh;
}

EXPORT void *realloc(void *block, size_t size)
{
    return reallocate(block, size, FRAME);
}

EXPORT void *reallocarray(void *block, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return reallocate(block, total, FRAME);
}

EXPORT int posix_memalign(void **block, size_t alignment, size_t size)
{
    int error = real.posix_memalign(block, alignment, size);
    if (error == 0 && *block)
        record_alloc(*block, record_requested(size, alignment), FRAME, record_predict(FRAME));
    return error;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    void *block = real.aligned_alloc(alignment, size);
    if (block)
        record_alloc(block, record_requested(size, alignment), FRAME, record_predict(FRAME));
    return block;
}

EXPORT void *memalign(size_t alignment, size_t size)
{
    void *block = real.memalign(alignment, size);
    if (block)
        record_alloc(block, record_requested(size, alignment), FRAME, record_predict(FRAME));
    return block;
}

EXPORT void *valloc(size_t size)
{
    void *block = real.valloc(size);
    if (block)
        record_alloc(block, size, FRAME, record_predict(FRAME));
    return block;
}

EXPORT void *pvalloc(size_t size)
{
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
