/* recycle.c - objects that come from a free list.
 *
 * CPython keeps some objects that died (floats, tuples, lists ...) for the next one that is made: no
 * allocator sees that, but the block belongs to another line from then on. Since 3.13 the interpreter can
 * tell of every object that comes to life, through a hook that tracemalloc uses as well. Before 3.13 such a
 * block counts for the line that first allocated it.
 */
#include "domains.h"

#define EVENT_CREATE 0 /* PyRefTracer_CREATE */

/* Flags of types: what comes before an object in its block. */
#define TYPE_HAS_GC (1ull << 14)
#define TYPE_HAS_PREHEADER (3ull << 3) /* Py_TPFLAGS_MANAGED_WEAKREF, Py_TPFLAGS_MANAGED_DICT */
#define GC_HEADER 16
#define PREHEADER 16

static uintptr_t block_of(uintptr_t object)
{
    uintptr_t type = frames_word(object, PYTHON_OBJECT_TYPE);
    uint64_t flags = frames_word(type, python.layout.type_flags);
    return object - (flags & TYPE_HAS_GC ? GC_HEADER : 0) - (flags & TYPE_HAS_PREHEADER ? PREHEADER : 0);
}

/* A new block's object: counted already. */
static inline bool just_allocated(uintptr_t block)
{
    const struct thread *t = thread_self;
    struct python_thread *mine = LIKELY(t != NULL) ? t->python : NULL;
    if (!mine || mine->made != block)
        return false;
    mine->made = 0;
    return true;
}

static int object_event(void *object, int event, void *data)
{
    (void)data;
    if (event != EVENT_CREATE)
        return 0;
    uintptr_t block = block_of((uintptr_t)object);
    if (LIKELY(just_allocated(block)))
        return 0;
    struct thread *t = thread_enter(__builtin_frame_address(0));
    if (UNLIKELY(!t))
        return 0;
    struct python_thread *mine = python_thread_of(t);
    if (LIKELY(mine != NULL)) {
        uint32_t node = domains_stack(t, mine, __builtin_frame_address(0));
        ring_put_block(t, WIRE_MOVE, (void *)block, 0, node);
    }
    thread_leave(t);
    return 0;
}

void recycle_start(void)
{
    void *data;
    /* Later versions stop all threads to set the hook: nothing to do from within an allocation. */
    if (!python.set_tracer || !python.get_tracer || python.layout.version > PYTHON_VERSION(3, 14))
        return;
    if (!python.get_tracer(&data))
        python.set_tracer(object_event, NULL);
}
