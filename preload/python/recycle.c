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
#define MOST_HEADERS (GC_HEADER + PREHEADER)
#define SMALLEST_BLOCK 16

static uintptr_t block_of(uintptr_t object)
{
    uintptr_t type = frames_word(object, PYTHON_OBJECT_TYPE);
    uint64_t flags = frames_word(type, python.layout.type_flags);
    return object - (flags & TYPE_HAS_GC ? GC_HEADER : 0) - (flags & TYPE_HAS_PREHEADER ? PREHEADER : 0);
}

/* A new block's object: counted already. Objects lie in their blocks behind their headers; and no object can
 * be in a block that was just given out for another, so an address within the block's first bytes will do. */
static inline bool just_allocated(uintptr_t object)
{
    const struct thread *t = thread_self;
    struct python_thread *mine = LIKELY(t != NULL) ? t->python : NULL;
    if (!mine || object - mine->made > MOST_HEADERS)
        return false;
    if (object - mine->made >= SMALLEST_BLOCK && block_of(object) != mine->made)
        return false;
    mine->made = 0;
    return true;
}

/* The hook has room for one. Who had it before us (tracemalloc, mostly), or took it since, is called by us.
 */
static python_tracer *next_tracer;
static void *next_data;

static NOINLINE int call_next(void *object, int event)
{
    /* Somebody who found us there may in turn call us. */
    static __thread bool calling __attribute__((tls_model("initial-exec")));
    if (calling)
        return 0;
    calling = true;
    int result = next_tracer(object, event, next_data);
    calling = false;
    return result;
}

/* An object in a block that is known already. */
static NOINLINE int recycled(void *object, const void *frame)
{
    struct thread *t = thread_enter(frame);
    if (LIKELY(t != NULL)) {
        struct python_thread *mine = python_thread_of(t);
        if (LIKELY(mine != NULL && !t->paused))
            ring_put_block(t, WIRE_MOVE, (void *)block_of((uintptr_t)object), 0,
                           domains_stack(t, mine, frame));
        thread_leave(t);
    }
    return LIKELY(!next_tracer) ? 0 : call_next(object, EVENT_CREATE);
}

int recycle_event(void *object, int event, void *data)
{
    (void)data;
    if (event == EVENT_CREATE && !just_allocated((uintptr_t)object))
        return recycled(object, __builtin_frame_address(0));
    return LIKELY(!next_tracer) ? 0 : call_next(object, event);
}

/* ---- the hook ----------------------------------------------------------------------------------- */

struct hook {
    python_tracer *tracer;
    void *data;
};

static const struct hook nobody = {recycle_event, NULL};
python_tracer *const *recycle_hook = &nobody.tracer;

/* Where the interpreter keeps the hook is not published; but it must be where our entry appears. */
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

/* 3.15 tells a tracer that it was removed when another one comes, so that one of an extension module may not
 * be there to be called any more. tracemalloc's, which is the interpreter's own, always is. */
static bool may_replace(python_tracer *tracer)
{
    return !tracer || python.layout.version < PYTHON_VERSION(3, 15) ||
           (uintptr_t)tracer - python.text < python.text_size;
}

NOINLINE void recycle_start(void)
{
    static char mark;
    void *data;
    if (!python.set_tracer || !python.get_tracer)
        return;
    python_tracer *tracer = python.get_tracer(&data);
    if (tracer == recycle_event || !may_replace(tracer))
        return;
    next_tracer = NULL;
    next_data = data;
    next_tracer = tracer;
    python.set_tracer(recycle_event, &mark);
    const struct hook *hook = find_hook(&mark);
    if (hook)
        recycle_hook = &hook->tracer;
}

void recycle_stop(void)
{
    void *data;
    if (python.set_tracer && python.get_tracer && python.get_tracer(&data) == recycle_event)
        python.set_tracer(next_tracer, next_data);
}
