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
#include "domain_layers.h"
#include "finalize.h"
#include "fixed_offsets.h"
#include "first.h"
#include "probes.h"
#include "python.h"
#include "sampled.h"

/* ---- recording ------------------------------------------------------------------------------- */

/* What a block is, as far as its domain says: "object" is a constant in each of the functions below. An object's
 * block may be of a known type already, as it was reallocated. */
struct kind {
    bool object;
    uintptr_t type; /* 0 = it shows later */
};
#define MEMORY ((struct kind){false, 0})
#define OBJECT ((struct kind){true, 0})

/* Who called the function with this frame: a call in the interpreter, as its own functions only pass it on. */
INLINE uintptr_t call_of(const void *frame)
{
    return frames_word((uintptr_t)frame, sizeof(void *));
}

static inline void publish(struct thread *t, void *block, size_t size, const void *frame, struct kind kind)
{
    void *state = domains_state();
    uint32_t stack = domains_stack(t, python_thread_of(t), frame, state);
    struct objects_gil *gil = objects_gil_of(state);
    if (UNLIKELY(!gil))
        ring_put_block(t, WIRE_ALLOC, block, size, stack);
    else if (!kind.object)
        ring_put_block(t, WIRE_ALLOC, block, size, objects_memory_of(gil, stack, call_of(frame)));
    else if (!kind.type)
        objects_put_slow(t, gil, block, size, stack, call_of(frame));
    else
        ring_put_block(t, WIRE_ALLOC, block, size, stack ? objects_node_of(gil, stack, kind.type) : 0);
}

static inline void allocated(struct thread *t, void *block, size_t size, const void *frame, struct kind kind)
{
    struct python_thread *mine = python_thread_of(t);
    if (UNLIKELY(recycle_lost()))
        recycle_start();
    if (LIKELY(!t->paused))
        publish(t, block, size, frame, kind);
    else if (kind.object)
        objects_miss(domains_state());
    t->last_allocated = t->fresh = block;
    if (LIKELY(mine != NULL))
        mine->natives = 0;
}

/* Before a block is freed or reallocated: the latest object may be this one. */
INLINE void look_back(struct thread *t, const void *block, struct kind kind)
{
    struct objects_gil *gil = UNLIKELY(objects_several) ? objects_gil_of(domains_state()) : &objects_main;
    if (LIKELY(objects_on) && LIKELY(gil != NULL) && (kind.object || gil->latest.block == (uintptr_t)block))
        objects_look_slow(t, gil, (uintptr_t)block);
}

/* The same where nothing can be recorded. */
static inline void cannot_look(const void *block)
{
    if (UNLIKELY(objects_several) || UNLIKELY(objects_main.latest.block == (uintptr_t)block))
        objects_gone(block);
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

/* Where another tracer, tracemalloc for one, stands between two of our layers, the upper one records the object. */
static void object_missed(void)
{
    const struct thread *t = thread_self;
    if (!t || !t->pass_through)
        objects_miss(domains_state());
}

static __attribute__((noinline)) void *finish(struct thread *t, void *block, size_t size, const void *frame,
                                              bool object, uintptr_t type)
{
    if (UNLIKELY(!t)) {
        if (object)
            object_missed();
        return block;
    }
    t->pass_through = false;
    if (LIKELY(block != NULL))
        allocated(t, block, size, frame, (struct kind){object, type});
    thread_leave(t);
    return block;
}

INLINE void *finish_quick(struct thread *t, struct python_thread *mine, void *block)
{
    t->pass_through = false;
    t->last_allocated = t->fresh = block;
    mine->natives = 0;
    thread_leave(t);
    return block;
}

/* The same for an object of the main GIL of which only the type is not as expected. */
static __attribute__((noinline)) void *finish_object(struct thread *t, void *block, size_t size,
                                                     uint32_t stack, uintptr_t call)
{
    if (LIKELY(objects_on))
        objects_put_slow(t, &objects_main, block, size, stack, call);
    else
        ring_put_block(t, WIRE_ALLOC, block, size, stack);
    return finish_quick(t, t->python, block);
}

#define FRAME __builtin_frame_address(0)

/* What is asked for. The rest are constants of the functions below; typed: types are recorded. */
struct request {
    size_t count, size;
    enum python_family family;
    bool object, typed, zeroed;
};

INLINE void *ask_below(const struct python_allocator *below, struct request request)
{
    return request.zeroed ? below->calloc(below->context, request.count, request.size)
                          : below->malloc(below->context, request.size);
}

static __attribute__((noinline)) void *make_slow(const struct python_allocator *below, struct request request,
                                                 const void *frame)
{
    struct thread *t = begin(frame);
    return finish(t, ask_below(below, request), request.count * request.size, frame, request.object, 0);
}

/* The thread state of the caller if its stack, and objects' types if they are recorded, are found without further
 * questions; else NULL. */
INLINE void *plain_state(const struct python_thread *mine, enum python_family family, bool typed)
{
    void *state = python.current_thread();
    if (UNLIKELY(!state || !mine))
        return NULL;
    if (python_has_one_lock(family))
        return LIKELY(domains_is_own(python_layout_of(family), state)) ? state : NULL;
    if (UNLIKELY(recycle_lost()) || (typed && UNLIKELY(!objects_in_main(state))))
        return NULL;
    return state;
}

/* As make_slow(), as long as nothing is special. To be inlined in what the interpreter calls: the frame is that one's. */
INLINE void *make(const struct python_allocator *below, struct request request)
{
    struct thread *t = thread_self;
    size_t size = request.count * request.size;
    struct wire_ring *ring = thread_enter_quick(t, FRAME, size >> 32);
    if (UNLIKELY(!ring))
        return make_slow(below, request, FRAME);
    t->pass_through = true;
    void *block = ask_below(below, request), *state;
    struct python_thread *mine = t->python;
    if (UNLIKELY(!block) || UNLIKELY(!(state = plain_state(mine, request.family, request.typed))))
        return finish(t, block, size, FRAME, request.object, 0);
    struct python_known *known = frames_known(mine, (uintptr_t)state, request.family);
    uint32_t node = known->node;
    if (UNLIKELY(!node))
        return finish(t, block, size, FRAME, request.object, 0);
    uintptr_t call = (uintptr_t)__builtin_return_address(0);
    if (request.object) {
        const struct objects_guess *guess = objects_guess_again(known, size);
        if (UNLIKELY(!guess) || UNLIKELY(!objects_quick(t, &objects_main, block, size, guess, call)))
            return finish_object(t, block, size, node, call);
        node = objects_guessed(&objects_main, guess, node, call);
    } else if (request.typed) {
        node = objects_memory_again(known, call);
    }
    uint64_t word = (uint64_t)(request.object ? WIRE_OBJECT : WIRE_ALLOC) << WIRE_TYPE_SHIFT;
    ring_end_block(t, ring, word, block, (uint32_t)size, node);
    return finish_quick(t, mine, block);
}

/* The type of an object that is about to be reallocated, which it keeps. */
static inline uintptr_t resized(const void *block, struct kind kind)
{
    struct objects_gil *gil = kind.object ? objects_gil_of(domains_state()) : NULL;
    return gil ? objects_resized(gil, (uintptr_t)block) : 0;
}

static inline void *reallocate(void *context, void *block, size_t size, const void *frame, struct kind kind)
{
    const struct python_allocator *below = context;
    struct thread *t = begin(frame);
    if (UNLIKELY(!t)) {
        cannot_look(block);
        if (kind.object)
            object_missed();
        return below->realloc(below->context, block, size);
    }
    if (block) {
        look_back(t, block, kind);
        kind.type = resized(block, kind);
        ring_put(t, WIRE_REALLOC_BEGIN, block);
    }
    void *fresh = below->realloc(below->context, block, size);
    if (UNLIKELY(!fresh && block)) {
        t->pass_through = false;
        ring_put(t, WIRE_REALLOC_FAIL, block);
        thread_leave(t);
        return NULL;
    }
    /* What is in a block that was not new cannot be cleared, so its type is known now, or never. */
    return finish(t, fresh, size, frame, kind.object && (!block || kind.type), kind.type);
}

static void *memory_realloc(void *context, void *block, size_t size)
{
    return reallocate(context, block, size, FRAME, MEMORY);
}

static void *object_realloc(void *context, void *block, size_t size)
{
    return reallocate(context, block, size, FRAME, OBJECT);
}

static __attribute__((noinline)) void release_slow(const struct python_allocator *below, void *block,
                                                   const void *frame, bool object)
{
    struct thread *t = LIKELY(block != NULL) ? begin(frame) : NULL;
    if (UNLIKELY(!t)) {
        cannot_look(block);
        below->free(below->context, block);
        return;
    }
    finalize_look(t);
    look_back(t, block, (struct kind){object, 0});
    if (t->fresh == block)
        t->fresh = NULL;
    if (UNLIKELY(sampler_interval))
        ring_stamp_next(t);
    ring_put(t, WIRE_FREE, block);
    below->free(below->context, block);
    t->pass_through = false;
    thread_leave(t);
}

/* As release_slow(), as make(). All but the block are constants. */
INLINE void release(const struct python_allocator *below, void *block, bool object, bool typed, bool one_lock)
{
    struct thread *t = thread_self;
    if (UNLIKELY(!block))
        return below->free(below->context, block);
    uint64_t special = finalize_due() | (typed && !one_lock && objects_several);
    struct wire_ring *ring = thread_enter_quick(t, FRAME, special);
    if (UNLIKELY(!ring)) {
        release_slow(below, block, FRAME, object);
        return;
    }
    bool seen =
        object ? objects_quick_look(t, block) : !typed || objects_main.latest.block != (uintptr_t)block;
    if (UNLIKELY(!seen)) { /* what is published then may need the room */
        thread_leave(t);
        release_slow(below, block, FRAME, object);
        return;
    }
    t->pass_through = true;
    if (UNLIKELY(t->fresh == block))
        t->fresh = NULL;
    ring_end(t, ring, (uint64_t)WIRE_FREE << WIRE_TYPE_SHIFT, block);
    below->free(below->context, block);
    t->pass_through = false;
    thread_leave(t);
}

/* When an object is freed, it still has its type. */
INLINE void look_at_dying(void *block)
{
    if (UNLIKELY(block && *(const void **)((char *)block + PYTHON_OBJECT_TYPE) == python.code_type))
        codes_died((uintptr_t)block);
}

/* The functions for a family of versions, with types and without them. The interpreters of some have one GIL: then
 * nobody asks whether there are several. */
#define FUNCTIONS(family, of)                                                            \
    static void *untyped_malloc##of(void *context, size_t size)                          \
    {                                                                                    \
        return make(context, (struct request){1, size, family, false, false, false});    \
    }                                                                                    \
    static void *untyped_calloc##of(void *context, size_t count, size_t size)            \
    {                                                                                    \
        return make(context, (struct request){count, size, family, false, false, true}); \
    }                                                                                    \
    static void *memory_malloc##of(void *context, size_t size)                           \
    {                                                                                    \
        return make(context, (struct request){1, size, family, false, true, false});     \
    }                                                                                    \
    static void *memory_calloc##of(void *context, size_t count, size_t size)             \
    {                                                                                    \
        return make(context, (struct request){count, size, family, false, true, true});  \
    }                                                                                    \
    static void *object_malloc##of(void *context, size_t size)                           \
    {                                                                                    \
        return make(context, (struct request){1, size, family, true, true, false});      \
    }                                                                                    \
    static void *object_calloc##of(void *context, size_t count, size_t size)             \
    {                                                                                    \
        return make(context, (struct request){count, size, family, true, true, true});   \
    }
FUNCTIONS(PYTHON_FROM_38, _38)
FUNCTIONS(PYTHON_FROM_311, _311)
FUNCTIONS(PYTHON_FROM_312, _312)
FUNCTIONS(PYTHON_FROM_313, _313)

static void untyped_free(void *context, void *block)
{
    release(context, block, false, false, true);
}

static void object_free_untyped(void *context, void *block)
{
    look_at_dying(block);
    release(context, block, false, false, true);
}

/* One: where all interpreters have one GIL. */
static void memory_free_one(void *context, void *block)
{
    release(context, block, false, true, true);
}

static void object_free_one(void *context, void *block)
{
    look_at_dying(block);
    release(context, block, true, true, true);
}

static void memory_free(void *context, void *block)
{
    release(context, block, false, true, false);
}

static void object_free(void *context, void *block)
{
    look_at_dying(block);
    release(context, block, true, true, false);
}

/* For hybrid stacks, which have more to them. */
static void *memory_malloc_hybrid(void *context, size_t size)
{
    return make_slow(context, (struct request){.count = 1, .size = size}, FRAME);
}

static void *memory_calloc_hybrid(void *context, size_t count, size_t size)
{
    return make_slow(context, (struct request){.count = count, .size = size, .zeroed = true}, FRAME);
}

static void *object_malloc_hybrid(void *context, size_t size)
{
    return make_slow(context, (struct request){.count = 1, .size = size, .object = true}, FRAME);
}

static void *object_calloc_hybrid(void *context, size_t count, size_t size)
{
    return make_slow(context, (struct request){.count = count, .size = size, .object = true, .zeroed = true},
                     FRAME);
}

/* ---- the functions, in a sampled run ------------------------------------------------------------------ */

/* What an allocator below asks of malloc() is counted here already. small: it should not ask. */
INLINE void *ask_uncounted(const struct python_allocator *below, struct request request, bool small)
{
    struct sampler_saved saved = sampler_suspend();
    void *block = ask_below(below, request);
    bool asked = saved.sampler->allocations != saved.allocations;
    sampler_resume(&saved);
    if (small && UNLIKELY(asked))
        domain_layers_use_no_pools();
    return block;
}

/* The latest recorded object has its type by the next event of an object: so that is made due. */
static void *finish_sampled(struct thread *t, void *block, size_t size, const void *frame, bool object,
                            uintptr_t type)
{
    sample_set_add(block);
    if (LIKELY(!t->paused))
        probes_alloc(block, size);
    ring_stamp_next(t);
    finish(t, block, size, frame, object, type);
    if (object)
        sampler_hold();
    return block;
}

/* Decides, looks at the latest object and for new modules. NULL: the block is not to be recorded. */
static struct thread *begin_sampled(size_t size, const void *frame)
{
    if (UNLIKELY(!sampled_live(frame))) {
        sampler_rest();
        return NULL;
    }
    bool held = sampler_held(), taken = sampler_takes(size);
    struct thread *t = held || taken ? thread_enter(frame) : NULL;
    if (!t)
        return NULL;
    sampler_says_own();
    struct objects_gil *gil = held ? objects_gil_of(domains_state()) : NULL;
    if (gil) {
        ring_stamp_next(t);
        objects_look_slow(t, gil, 0);
    }
    if (taken)
        t = sampled_look(t, frame);
    else
        thread_leave(t);
    if (!taken || !t)
        return NULL;
    t->pass_through = true;
    return t;
}

static __attribute__((noinline)) void *make_sampled_slow(const struct python_allocator *below,
                                                         struct request request, const void *frame)
{
    size_t size = request.count * request.size;
    struct thread *t = begin_sampled(size, frame);
    void *block = ask_uncounted(below, request, first_is_pooled(size));
    if (UNLIKELY(!block))
        sampler_undo_taken(size);
    if (!t)
        return block;
    if (LIKELY(block != NULL))
        return finish_sampled(t, block, size, frame, request.object, 0);
    t->pass_through = false;
    thread_leave(t);
    return NULL;
}

INLINE void *make_sampled(const struct python_allocator *below, struct request request, const void *frame)
{
    if (LIKELY(sampler_passes(request.count * request.size)))
        return ask_uncounted(below, request, false);
    return make_sampled_slow(below, request, frame);
}

void *memory_malloc_sampled(void *context, size_t size)
{
    return make_sampled(context, (struct request){.count = 1, .size = size}, FRAME);
}

void *memory_malloc_hit(void *context, size_t size)
{
    return make_sampled_slow(context, (struct request){.count = 1, .size = size}, FRAME);
}

void *object_malloc_hit(void *context, size_t size)
{
    return make_sampled_slow(context, (struct request){.count = 1, .size = size, .object = true}, FRAME);
}

static void *memory_calloc_sampled(void *context, size_t count, size_t size)
{
    return make_sampled(context, (struct request){.count = count, .size = size, .zeroed = true}, FRAME);
}

void *object_malloc_sampled(void *context, size_t size)
{
    return make_sampled(context, (struct request){.count = 1, .size = size, .object = true}, FRAME);
}

static void *object_calloc_sampled(void *context, size_t count, size_t size)
{
    return make_sampled(
        context, (struct request){.count = count, .size = size, .object = true, .zeroed = true}, FRAME);
}

/* Publishes that a recorded block is about to be reallocated, or (event) that this failed. Returns the type that it
 * keeps if it is an object's. */
static uintptr_t put_resized(enum wire_event event, void *block, const void *frame, struct kind kind)
{
    struct thread *t = thread_enter(frame);
    if (UNLIKELY(!t)) {
        cannot_look(block);
        return 0;
    }
    ring_stamp_next(t);
    if (event == WIRE_REALLOC_BEGIN) {
        look_back(t, block, kind);
        kind.type = resized(block, kind);
    } else {
        sample_set_add(block);
    }
    ring_put(t, event, block);
    thread_leave(t);
    return kind.type;
}

static void *reallocate_sampled(void *context, void *block, size_t size, const void *frame, struct kind kind)
{
    const struct python_allocator *below = context;
    bool held = block && sampled_goes(block);
    if (held)
        kind.type = put_resized(WIRE_REALLOC_BEGIN, block, frame, kind);
    struct thread *t = LIKELY(sampler_passes(size)) ? NULL : begin_sampled(size, frame);
    if (t && !held && block)
        kind.type = resized(block, kind);
    struct sampler_saved saved = sampler_suspend();
    void *fresh = below->realloc(below->context, block, size);
    sampler_resume(&saved);
    if (UNLIKELY(!fresh)) {
        sampler_undo_taken(size);
        if (t) {
            t->pass_through = false;
            thread_leave(t);
        }
        if (held)
            put_resized(WIRE_REALLOC_FAIL, block, frame, kind);
        return NULL;
    }
    if (held)
        probes_free(block);
    return t ? finish_sampled(t, fresh, size, frame, kind.object && (!block || kind.type), kind.type) : fresh;
}

static void *memory_realloc_sampled(void *context, void *block, size_t size)
{
    return reallocate_sampled(context, block, size, FRAME, MEMORY);
}

static void *object_realloc_sampled(void *context, void *block, size_t size)
{
    return reallocate_sampled(context, block, size, FRAME, OBJECT);
}

INLINE void release_sampled(void *context, void *block, const void *frame, bool object)
{
    const struct python_allocator *below = context;
    bool recorded = sampled_goes(block);
    if (recorded)
        probes_free(block);
    if (recorded || UNLIKELY(finalize_due()))
        release_slow(below, block, frame, object);
    else
        below->free(below->context, block);
}

void memory_free_sampled(void *context, void *block)
{
    release_sampled(context, block, FRAME, false);
}

void object_free_sampled(void *context, void *block)
{
    look_at_dying(block);
    release_sampled(context, block, FRAME, true);
}

#define PLAIN(family, of, lock)                                                                           \
    [DOMAIN_PLAIN +                                                                                       \
        (family)] = {{NULL, untyped_malloc##of, untyped_calloc##of, memory_realloc, untyped_free},        \
                     {NULL, untyped_malloc##of, untyped_calloc##of, memory_realloc, object_free_untyped}, \
                     {NULL, memory_malloc##of, memory_calloc##of, memory_realloc, memory_free##lock},     \
                     {NULL, object_malloc##of, object_calloc##of, object_realloc, object_free##lock}}
const struct python_allocator domain_functions[DOMAIN_WAYS][DOMAIN_KINDS] = {
    PLAIN(PYTHON_FROM_38, _38, _one),
    PLAIN(PYTHON_FROM_311, _311, _one),
    PLAIN(PYTHON_FROM_312, _312, ),
    PLAIN(PYTHON_FROM_313, _313, ),
    [DOMAIN_HYBRID] = {{NULL, memory_malloc_hybrid, memory_calloc_hybrid, memory_realloc, untyped_free},
                       {NULL, memory_malloc_hybrid, memory_calloc_hybrid, memory_realloc,
                        object_free_untyped},
                       {NULL, memory_malloc_hybrid, memory_calloc_hybrid, memory_realloc, memory_free},
                       {NULL, object_malloc_hybrid, object_calloc_hybrid, object_realloc, object_free}},
    [DOMAIN_SAMPLED] =
        {{NULL, memory_malloc_sampled, memory_calloc_sampled, memory_realloc_sampled, memory_free_sampled},
         {NULL, memory_malloc_sampled, memory_calloc_sampled, memory_realloc_sampled, object_free_sampled},
         {NULL, memory_malloc_sampled, memory_calloc_sampled, memory_realloc_sampled, memory_free_sampled},
         {NULL, object_malloc_sampled, object_calloc_sampled, object_realloc_sampled, object_free_sampled}},
    [DOMAIN_POOLED] =
        {{NULL, memory_malloc_pooled, memory_calloc_sampled, memory_realloc_sampled, memory_free_pooled},
         {NULL, memory_malloc_pooled, memory_calloc_sampled, memory_realloc_sampled, object_free_pooled},
         {NULL, memory_malloc_pooled, memory_calloc_sampled, memory_realloc_sampled, memory_free_pooled},
         {NULL, object_malloc_pooled, object_calloc_sampled, object_realloc_sampled, object_free_pooled}},
};
