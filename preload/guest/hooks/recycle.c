/* recycle.c - objects that come from a free list.
 *
 * CPython keeps some objects that died (floats, tuples, lists ...) to reuse them: no allocator sees that, but the block
 * belongs to another line from then on. Since 3.13 the interpreter can report every object that is created, through a
 * hook that tracemalloc uses as well. Before 3.13 such a block counts for the line that first allocated it.
 */
#include "domains.h"
#include "sampler.h"

#define EVENT_CREATE 0 /* PyRefTracer_CREATE */

#define MOST_HEADERS (2 * TYPES_HEADER)
#define SMALLEST_BLOCK 16

static uintptr_t block_of(uintptr_t object)
{
    uintptr_t type = frames_word(object, PYTHON_OBJECT_TYPE);
    uint64_t flags = frames_word(type, python.layout.type_flags);
    return object - types_headers(flags);
}

/* True for the object in a new block, which has been counted already. An object follows the headers in its
 * block, and no other object can be in a block that was just allocated: so any address within the first
 * bytes of the block will do. */
static inline bool just_allocated(uintptr_t object)
{
    struct thread *t = thread_self;
    uintptr_t fresh = (uintptr_t)t->fresh;
    if (object - fresh > MOST_HEADERS)
        return false;
    if (object - fresh >= SMALLEST_BLOCK && block_of(object) != fresh)
        return false;
    t->fresh = NULL;
    return true;
}

/* The hook holds a single tracer; ours calls the one that was there before. The data of our entry says
 * which: if another tracer finds ours installed, and restores it when it is done, it restores that entry,
 * too, and with it the tracer that was there at that time. So an entry is never changed. The first one
 * stays empty: there was no tracer.
 */
#define EARLIER 64
struct earlier {
    python_tracer *_Atomic tracer; /* written last */
    void *data;
};
static struct earlier earlier_ones[EARLIER];
static _Atomic uint32_t earlier_used = 1;

/* The entry that is being called on this thread. */
static __thread const struct earlier *calling __attribute__((tls_model("initial-exec")));

/* The tracer that we found may in turn call us: that only leads to older entries, so it ends. */
static NOINLINE int call_earlier(const struct earlier *one, void *object, int event)
{
    const struct earlier *outer = calling;
    if (outer && one >= outer)
        return 0;
    calling = one;
    int result = one->tracer(object, event, one->data);
    calling = outer;
    return result;
}

static inline int pass_on(const struct earlier *one, void *object, int event)
{
    return LIKELY(!atomic_load_explicit(&one->tracer, memory_order_relaxed))
               ? 0
               : call_earlier(one, object, event);
}

static NOINLINE int recycled_slow(void *object, const struct earlier *one, const void *frame)
{
    struct thread *t = calling ? NULL : thread_enter(frame);
    if (LIKELY(t != NULL)) {
        struct python_thread *mine = python_thread_of(t);
        if (LIKELY(mine != NULL && !t->paused)) {
            void *state = domains_state();
            uint32_t node = domains_stack(t, mine, frame, state);
            struct objects_gil *gil = objects_gil_of(state);
            if (LIKELY(node && gil))
                node = objects_node_of(gil, node, frames_word((uintptr_t)object, PYTHON_OBJECT_TYPE));
            ring_put_block(t, WIRE_MOVE, (void *)block_of((uintptr_t)object), 0, node);
        }
        thread_leave(t);
    }
    return pass_on(one, object, EVENT_CREATE);
}

/* The node of the stack, as long as nothing is special; else 0. */
INLINE uint32_t plain_node(struct python_thread *mine, const void *state)
{
    if (UNLIKELY(!mine) || UNLIKELY(!state) || UNLIKELY(settings.stack == STACK_BOTH) ||
        (objects_on && UNLIKELY(!objects_in_main(state))))
        return 0;
    return frames_known(mine, (uintptr_t)state, PYTHON_FROM_313)->node;
}

/* An object in a block that is known already. Not cold: most objects are, in some programs. */
static __attribute__((noinline)) int recycled(void *object, const struct earlier *one, const void *frame)
{
    struct thread *t = thread_self;
    uintptr_t others =
        (uintptr_t)calling | (uintptr_t)atomic_load_explicit(&one->tracer, memory_order_relaxed);
    struct wire_ring *ring = thread_enter_quick(t, frame, others);
    if (UNLIKELY(!ring))
        return recycled_slow(object, one, frame);
    uint32_t node = plain_node(t->python, python.current_thread());
    if (UNLIKELY(!node)) {
        thread_leave(t);
        return recycled_slow(object, one, frame);
    }
    if (LIKELY(objects_on))
        node = objects_node_of(&objects_main, node, frames_word((uintptr_t)object, PYTHON_OBJECT_TYPE));
    ring_end_block(t, ring, (uint64_t)WIRE_MOVE << WIRE_TYPE_SHIFT, (void *)block_of((uintptr_t)object), 0,
                   node);
    thread_leave(t);
    return 0;
}

int recycle_event(void *object, int event, void *data)
{
    if (event == EVENT_CREATE && !just_allocated((uintptr_t)object))
        return recycled(object, data, __builtin_frame_address(0));
    return pass_on(data, object, event);
}

/* ---- the hook ----------------------------------------------------------------------------------- */

struct hook {
    python_tracer *tracer;
    void *data;
};

static const struct hook nobody = {recycle_event, NULL};
python_tracer *const *recycle_hook = &nobody.tracer;

/* The interpreter does not publish where its hook is; but it must be where our entry appears. */
static const struct hook *find_hook(const void *mark)
{
    const struct hook *found = NULL;
    const void *const *words = python.runtime;
    for (size_t i = 0; i + 1 < python.runtime_size / sizeof *words; i++) {
        if (words[i] != (const void *)recycle_event || words[i + 1] != mark)
            continue;
        if (found)
            return NULL;
        found = (const struct hook *)&words[i];
    }
    return found;
}

/* 3.15 tells a tracer that it was removed when another one is installed, so that a tracer of an extension
 * module may not exist any more when we call it. tracemalloc's, which is part of the interpreter, always
 * exists. */
static bool may_replace(python_tracer *tracer)
{
    return !tracer || python.layout.version < PYTHON_VERSION(3, 15) ||
           (uintptr_t)tracer - python.text < python.text_size;
}

/* The entry for the present owner of the hook; NULL if there were too many. No lock: interpreters with
 * their own GILs may come here at the same time, and then there are two entries. */
static const struct earlier *earlier_for(python_tracer *tracer, void *data)
{
    if (!tracer)
        return &earlier_ones[0];
    uint32_t used = atomic_load(&earlier_used);
    for (uint32_t i = 1; i < used && i < EARLIER; i++)
        if (earlier_ones[i].tracer == tracer && earlier_ones[i].data == data)
            return &earlier_ones[i];
    if (used >= EARLIER || (used = atomic_fetch_add(&earlier_used, 1)) >= EARLIER)
        return NULL;
    earlier_ones[used].data = data;
    atomic_store(&earlier_ones[used].tracer, tracer);
    return &earlier_ones[used];
}

NOINLINE void recycle_start(void)
{
    void *data;
    if (!python.set_tracer || !python.get_tracer || sampler_interval)
        return;
    python_tracer *tracer = python.get_tracer(&data);
    if (tracer == recycle_event || !may_replace(tracer))
        return;
    const struct earlier *one = earlier_for(tracer, data);
    if (!one)
        return;
    python.set_tracer(recycle_event, (void *)one);
    const struct hook *hook = recycle_hook == &nobody.tracer ? find_hook(one) : NULL;
    if (hook)
        recycle_hook = &hook->tracer;
}

void recycle_stop(void)
{
    void *data;
    if (!python.set_tracer || !python.get_tracer || python.get_tracer(&data) != recycle_event)
        return;
    const struct earlier *one = data;
    python.set_tracer(one->tracer, one->data);
}
