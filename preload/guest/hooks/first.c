/* first.c - the functions that programs call most, and those that CPython does: where their calls go.
 *
 * Each jumps on, with the stack as the program has left it: so what it jumps to takes its own frame address as if
 * it had been called, and where nothing is to be recorded, as for nearly all blocks of a sampled run, no frame is made
 * at all. Only free() makes one by itself, where it records. The file is compiled for that, whatever the build.
 */
#include "first.h"
#include "finalize.h"
#include "interpreter.h"
#include "real.h"
#include "sampled.h"

#define FRAME __builtin_frame_address(0)
/* Before a return: the call before it is not made a jump. */
#define STAY_IN_FRAME(result) __asm__ volatile("" : "+r"(result))

static __attribute__((noinline)) void *plain_malloc(size_t size)
{
    struct thread *t = thread_self;
    struct stack_cache_place place = predict_stack(t->unwind.predictor, FRAME);
    void *block = real.malloc(size);
    if (LIKELY(block != NULL))
        block = record_alloc_by(t, block, size, FRAME, place);
    STAY_IN_FRAME(block);
    return block;
}

EXPORT void *malloc(size_t size);
EXPORT void *malloc(size_t size)
{
    if (LIKELY(record_plain))
        return plain_malloc(size);
    if (!sampler_interval)
        return recorded_malloc(size);
    return sampler_passes(size) ? real.malloc(size) : sampled_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size);
EXPORT void *calloc(size_t count, size_t size)
{
    if (LIKELY(record_plain) || !sampler_interval)
        return recorded_calloc(count, size);
    return sampler_passes(count * size) ? real.calloc(count, size) : sampled_calloc(count, size);
}

EXPORT void *realloc(void *block, size_t size);
EXPORT void *realloc(void *block, size_t size)
{
    return LIKELY(record_plain) || !sampler_interval ? recorded_realloc(block, size)
                                                     : sampled_realloc(block, size);
}

EXPORT void free(void *block);
EXPORT void free(void *block)
{
    if (UNLIKELY(!record_plain)) {
        if (!sampler_interval)
            recorded_free(block);
        else if (sample_set_may_hold(block))
            sampled_free(block);
        else
            real.free(block);
        return;
    }
    if (UNLIKELY(block == NULL))
        return;
    /* Before the function is loaded, which would need a register all along. */
    block = record_free(block, FRAME);
    real.free(block);
}

/* ---- CPython, in a sampled run ---------------------------------------------------------------------- */

INLINE void *pool_malloc(void *context, size_t size)
{
    const struct python_allocator *below = context;
    return below->malloc(below->context, size);
}

void *memory_malloc_pooled(void *context, size_t size)
{
    if (!first_is_pooled(size))
        return memory_malloc_sampled(context, size);
    return sampler_passes(size) ? pool_malloc(context, size) : memory_malloc_hit(context, size);
}

void *object_malloc_pooled(void *context, size_t size)
{
    if (!first_is_pooled(size))
        return object_malloc_sampled(context, size);
    return sampler_passes(size) ? pool_malloc(context, size) : object_malloc_hit(context, size);
}

void memory_free_pooled(void *context, void *block)
{
    const struct python_allocator *below = context;
    if (UNLIKELY(finalize_due()) || sample_set_may_hold(block))
        memory_free_sampled(context, block);
    else
        below->free(below->context, block);
}

/* Most blocks are freed here: so that the interpreter shuts down is left to the function above, and to frees of samples. */
void object_free_pooled(void *context, void *block)
{
    const struct python_allocator *below = context;
    if (UNLIKELY(!block) ||
        UNLIKELY(*(void *const *)((char *)block + PYTHON_OBJECT_TYPE) == python.code_type) ||
        sample_set_may_hold(block))
        object_free_sampled(context, block);
    else
        below->free(below->context, block);
}
