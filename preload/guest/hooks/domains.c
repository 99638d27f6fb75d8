/* domains.c - see domains.h.
 *
 * CPython allocates objects (OBJECT) and their variable-size parts (MEMORY) from its own pools for small blocks, so
 * hooks of malloc only see pools of 256 KiB or more. So each of these two domains gets functions of ours, which call
 * those that were there before. What these allocate in turn is not recorded: one block, one event. The third domain,
 * RAW, is malloc itself.
 *
 * Sizes are those that the program asked for, as in tracemalloc.
 */
#include "domains.h"
#include "codes.h"
#include "finalize.h"
#include "python.h"

/* The functions that were there before ours, for each time that we had to replace them again: blocks may
 * still be freed through the functions of an earlier time, so each layer keeps its own. */
#define LAYERS 4
struct layer {
    struct python_allocator below[3]; /* by enum python_domain */
};
static struct layer layers[LAYERS];
static _Atomic uint32_t layers_used;

/* ---- recording ------------------------------------------------------------------------------- */

static inline void allocated(struct thread *t, void *block, size_t size, const void *frame)
{
    struct python_thread *mine = python_thread_of(t);
    if (UNLIKELY(recycle_lost()))
        recycle_start();
    if (LIKELY(!t->paused))
        ring_put_block(t, WIRE_ALLOC, block, size, domains_stack(t, mine, frame));
    t->last_allocated = block;
    if (LIKELY(mine != NULL)) {
        mine->last_allocated = (uintptr_t)block;
        mine->natives = 0;
    }
}

/* ---- the functions ----------------------------------------------------------------------------- */

/* While one of the functions below is running, what it calls is not recorded. The thread's state stays
 * entered, so that a signal handler in between records with a state of its own. */
static inline struct thread *begin(const void *frame)
{
    struct thread *t = thread_enter(frame);
    if (LIKELY(t != NULL))
        t->pass_through = true;
    return t;
}

static inline void *finish(struct thread *t, void *block, size_t size, const void *frame)
{
    if (UNLIKELY(!t))
        return block;
    t->pass_through = false;
    if (LIKELY(block != NULL))
        allocated(t, block, size, frame);
    thread_leave(t);
    return block;
}

#define FRAME __builtin_frame_address(0)

static void *domain_malloc(void *context, size_t size)
{
    const struct python_allocator *below = context;
    struct thread *t = begin(FRAME);
    return finish(t, below->malloc(below->context, size), size, FRAME);
}

static void *domain_calloc(void *context, size_t count, size_t size)
{
    const struct python_allocator *below = context;
    struct thread *t = begin(FRAME);
    return finish(t, below->calloc(below->context, count, size), count * size, FRAME);
}

static void *domain_realloc(void *context, void *block, size_t size)
{
    const struct python_allocator *below = context;
    struct thread *t = begin(FRAME);
    if (UNLIKELY(!t))
        return below->realloc(below->context, block, size);
    if (block)
        ring_put(t, WIRE_REALLOC_BEGIN, block);
    void *fresh = below->realloc(below->context, block, size);
    if (UNLIKELY(!fresh && block)) {
        t->pass_through = false;
        ring_put(t, WIRE_REALLOC_FAIL, block);
        thread_leave(t);
        return NULL;
    }
    return finish(t, fresh, size, FRAME);
}

static inline void released(struct thread *t, void *block)
{
    finalize_look(t);
    struct python_thread *mine = t->python;
    if (mine && mine->last_allocated == (uintptr_t)block)
        mine->last_allocated = 0;
    ring_put(t, WIRE_FREE, block);
}

static void memory_free(void *context, void *block)
{
    const struct python_allocator *below = context;
    struct thread *t = LIKELY(block != NULL) ? begin(FRAME) : NULL;
    if (UNLIKELY(!t)) {
        below->free(below->context, block);
        return;
    }
    released(t, block);
    below->free(below->context, block);
    t->pass_through = false;
    thread_leave(t);
}

/* When an object is freed, it still has its type. */
static void object_free(void *context, void *block)
{
    const struct python_allocator *below = context;
    if (UNLIKELY(block && *(const void **)((char *)block + PYTHON_OBJECT_TYPE) == python.code_type))
        codes_died((uintptr_t)block);
    struct thread *t = LIKELY(block != NULL) ? begin(FRAME) : NULL;
    if (UNLIKELY(!t)) {
        below->free(below->context, block);
        return;
    }
    released(t, block);
    below->free(below->context, block);
    t->pass_through = false;
    thread_leave(t);
}

/* ---- replacing the functions --------------------------------------------------------------------- */

static void take(struct layer *layer, enum python_domain domain)
{
    struct python_allocator *below = &layer->below[domain];
    python.get_allocator(domain, below);
    struct python_allocator ours = {below, domain_malloc, domain_calloc, domain_realloc,
                                    domain == PYTHON_OBJECT ? object_free : memory_free};
    python.set_allocator(domain, &ours);
}

static bool on_top(enum python_domain domain)
{
    struct python_allocator now;
    python.get_allocator(domain, &now);
    return now.malloc == domain_malloc;
}

static bool same_below(const struct layer *layer, enum python_domain domain)
{
    struct python_allocator now;
    python.get_allocator(domain, &now);
    return now.malloc == layer->below[domain].malloc && now.context == layer->below[domain].context;
}

/* If two threads installed our functions at the same time, ours might end up below ours, calling each
 * other for ever: so only one thread may do this at a time. */
static void take_both(void)
{
    if (on_top(PYTHON_OBJECT) && on_top(PYTHON_MEMORY))
        return;
    uint32_t used = atomic_load(&layers_used);
    /* After a detach, the functions below may be the same as before: then that layer is used again. */
    bool again = used > 0 && same_below(&layers[used - 1], PYTHON_OBJECT) &&
                 same_below(&layers[used - 1], PYTHON_MEMORY);
    if (used == LAYERS && !again)
        return;
    struct layer *layer = &layers[again ? used - 1 : used];
    if (!again)
        atomic_store(&layers_used, used + 1);
    /* One of them may be installed already, if a process was forked in the middle of this. */
    if (!on_top(PYTHON_OBJECT))
        take(layer, PYTHON_OBJECT);
    if (!on_top(PYTHON_MEMORY))
        take(layer, PYTHON_MEMORY);
}

void domains_take(void)
{
    if (!interpreter_claim())
        return;
    take_both();
    interpreter_release();
}

static void give_back(enum python_domain domain)
{
    struct python_allocator now;
    python.get_allocator(domain, &now);
    if (now.malloc == domain_malloc)
        python.set_allocator(domain, now.context);
}

void domains_give_back(void)
{
    give_back(PYTHON_OBJECT);
    give_back(PYTHON_MEMORY);
}

/* True if the calling thread holds the GIL. Up to 3.11, the current thread state is that of the GIL's
 * holder. */
static bool holds_gil(const void *state)
{
    return python.current_thread() == state;
}

/* A thread that runs Python creates objects. If it allocates natively again and again without any object seen,
 * somebody has replaced the allocators. If our functions are called though they are not on top, somebody has
 * put theirs before ours, which is fine. */
#define NATIVES_WITHOUT_OBJECT 64

void domains_look(struct thread *t, struct python_thread *mine, void *state)
{
    static _Atomic bool settled;
    bool first = !atomic_load_explicit(&settled, memory_order_relaxed);
    if (LIKELY(!first && ++mine->natives < NATIVES_WITHOUT_OBJECT))
        return;
    mine->natives = 0;
    if (!holds_gil(state))
        return;
    t->pass_through = true;
    domains_take();
    recycle_start();
    t->pass_through = false;
    atomic_store(&settled, true);
}
