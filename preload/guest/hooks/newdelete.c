/* newdelete.c - C++'s operator new and delete, all overloads, by their mangled names (Itanium ABI).
 *
 * They are hooked for programs whose own allocator is behind them, without malloc(). If they call malloc(), as in
 * libstdc++, our malloc hook records the block first, and this one must not do so again:
 *
 * New clears the thread's last allocation, calls the real operator, and records the block unless it was recorded
 * meanwhile, or is inside a block that was: a program's own operator may put a header before it, or cut it from a
 * larger piece. Once that is seen, the operators leave all recording to malloc().
 *
 * Delete records the free, and remembers the block while the real operator runs, so that a free() of it in there is not
 * recorded again.
 *
 * An exception from the real operator passes through: nothing is held that would have to be released.
 */
#define _GNU_SOURCE
#include "real.h"
#include "record.h"
#include "sampled.h"
#include "loader.h"

#include <dlfcn.h>
#include <stdlib.h>

#define FRAME __builtin_frame_address(0)

#define OPERATORS 20

/* found: the real operators. direct: the same where nothing else has to be done; NULL before the first
 * call, and for good once malloc() is known to record. */
static void *found[OPERATORS];
static void *direct[OPERATORS];
static _Atomic bool counted_below;

/* Looked up on first use, as libstdc++ may be loaded at any time. It may not be behind us in the look-up
 * order then, so the library is searched by name as well, unless that could end the process: then NULL for
 * now. */
static NOINLINE void *look_up(unsigned which, const char *name)
{
    static const char *const libraries[] = {"libstdc++.so.6", "libc++.so.1", "libc++abi.so.1"};
    int saved = errno;
    void *symbol = found[which] ? found[which] : dlsym(RTLD_NEXT, name);
    bool safe = symbol || loader_consistent();
    for (size_t i = 0; !symbol && safe && i < sizeof libraries / sizeof libraries[0]; i++) {
        void *library = dlopen(libraries[i], RTLD_NOW | RTLD_NOLOAD);
        if (library)
            symbol = dlsym(library, name);
    }
    found[which] = symbol;
    if (!atomic_load(&counted_below))
        direct[which] = symbol;
    errno = saved;
    return symbol;
}

static void leave_it_to_malloc(void)
{
    atomic_store(&counted_below, true);
    for (unsigned i = 0; i < OPERATORS; i++)
        __atomic_store_n(&direct[i], NULL, __ATOMIC_RELAXED);
}

/* ---- new ----------------------------------------------------------------------------------------- */

/* A state that is busy belongs to what a signal handler has interrupted: the handler uses one of its own. */
static NOINLINE void new_begins_slow(size_t requested, const void *frame)
{
    struct thread *t = thread_enter(frame);
    if (!t)
        return;
    t->last_allocated = NULL;
    t->requested = requested;
    thread_leave(t);
}

/* requested: one more than the size, for an operator that rounds the size up before it allocates; else 0. */
INLINE void new_begins(size_t requested, const void *frame)
{
    struct thread *t = thread_self;
    if (UNLIKELY(t->busy)) {
        new_begins_slow(requested, frame);
        return;
    }
    t->last_allocated = NULL;
    if (requested)
        t->requested = requested;
}

#define LOOK_BACK 64 /* words of the ring that are searched */

/* Where the block is in what the thread has allocated of late: 0 = that very block, or how far into a larger
 * one; -1 = it is not. No second word of an event looks like the first one of an allocation: nodes are fewer.
 */
static int64_t place_in_recent(const struct thread *t, uintptr_t block, size_t size)
{
    uint64_t count = t->head - t->begin < LOOK_BACK ? t->head - t->begin : LOOK_BACK;
    for (uint64_t i = 1; i < count; i++) {
        uint64_t word = t->words[(t->head - i - 1) & RING_MASK], next = t->words[(t->head - i) & RING_MASK];
        uintptr_t made = wire_address(word);
        if (wire_type(word) == WIRE_FREE && made == block)
            return -1;
        if (wire_type(word) == WIRE_ALLOC && made <= block && block - made + size <= (uint32_t)next)
            return (int64_t)(block - made);
    }
    return -1;
}

static NOINLINE void new_ends_slow(void *block, size_t size, const void *frame)
{
    struct thread *t = block ? thread_enter(frame) : NULL;
    if (!t)
        return;
    int64_t place = t->last_allocated == block ? 0
                    : t->last_allocated        ? place_in_recent(t, (uintptr_t)block, size)
                                               : -1;
    t->requested = 0;
    thread_leave(t);
    if (place > 0)
        leave_it_to_malloc();
    else if (place < 0)
        record_alloc(block, size, frame, record_predict(frame));
}

INLINE void new_ends(void *block, size_t size, const void *frame)
{
    struct thread *t = thread_self;
    if (LIKELY(t->last_allocated == block))
        return;
    if (LIKELY(!t->last_allocated && !t->busy && block))
        record_alloc(block, size, frame, record_predict(frame));
    else
        new_ends_slow(block, size, frame);
}

/* In a sampled run: whether the thread has counted meanwhile says whether malloc() has counted the block. A thread's first
 * block counts in another place than what was looked at. */
struct begun {
    struct sampler *sampler;
    uint64_t allocations;
};

INLINE struct begun new_begins_sampled(size_t requested)
{
    struct sampler *s = sampler_self;
    s->requested = requested;
    return (struct begun){s, s->allocations};
}

INLINE void *new_ends_sampled(void *block, size_t size, struct begun at, const void *frame)
{
    at.sampler->requested = 0;
    if (LIKELY(at.sampler->allocations != at.allocations) || sampler_self != at.sampler ||
        sampler_passes(size))
        return block;
    return sampled_made(block, size, frame);
}

/* ---- delete -------------------------------------------------------------------------------------- */

static NOINLINE void deleting_slow(void *block, const void *frame)
{
    struct thread *t = thread_enter(frame);
    if (!t)
        return;
    t->deleted = block;
    thread_leave(t);
}

INLINE void deleting(void *block, const void *frame)
{
    struct thread *t = thread_self;
    if (LIKELY(!t->busy))
        t->deleted = block;
    else
        deleting_slow(block, frame);
}

/* A number that grows with all that the thread records. */
static uint64_t position(const void *frame)
{
    struct thread *t = thread_enter(frame);
    uint64_t head = t ? t->head : 0;
    if (t)
        thread_leave(t);
    return head;
}

/* Blocks allocated before malloc() was known to record may have been recorded by their operator only. */
static NOINLINE void deleted_below(void *block, uint64_t before, const void *frame)
{
    if (position(frame) == before)
        record_free(block, frame);
}

/* Without a real operator there is nobody to throw: use malloc's memory, or abort. */
static void *no_operator(size_t alignment, size_t size)
{
    void *block = alignment ? aligned_alloc(alignment, (size + alignment - 1) & ~(alignment - 1))
                            : malloc(size ? size : 1);
    if (!block)
        abort();
    return block;
}

/* Each operator has a number. */
#define OPERATOR_NEW(name, alignment, parameters, arguments, types)         \
    EXPORT void *name parameters;                                           \
    EXPORT void *name parameters                                            \
    {                                                                       \
        enum { WHICH = __COUNTER__ };                                       \
        typedef void *(*type)types;                                         \
        if (UNLIKELY(!direct[WHICH])) {                                     \
            if (!look_up(WHICH, #name))                                     \
                return no_operator(alignment, size);                        \
            if (atomic_load(&counted_below))                                \
                return ((type)found[WHICH])arguments;                       \
        }                                                                   \
        if (sampled_run()) {                                                \
            struct begun at = new_begins_sampled(alignment ? size + 1 : 0); \
            void *block = ((type)found[WHICH])arguments;                    \
            return new_ends_sampled(block, size, at, FRAME);                \
        }                                                                   \
        new_begins(alignment ? size + 1 : 0, FRAME);                        \
        void *block = ((type)found[WHICH])arguments;                        \
        new_ends(block, size, FRAME);                                       \
        return block;                                                       \
    }

#define OPERATOR_DELETE(name, parameters, arguments, types) \
    EXPORT void name parameters;                            \
    EXPORT void name parameters                             \
    {                                                       \
        enum { WHICH = __COUNTER__ };                       \
        typedef void(*type) types;                          \
        if (!block)                                         \
            return;                                         \
        if (UNLIKELY(!direct[WHICH])) {                     \
            if (!look_up(WHICH, #name)) {                   \
                free(block);                                \
                return;                                     \
            }                                               \
            if (atomic_load(&counted_below)) {              \
                uint64_t before = position(FRAME);          \
                ((type)found[WHICH]) arguments;             \
                deleted_below(block, before, FRAME);        \
                return;                                     \
            }                                               \
        }                                                   \
        if (sampled_run()) {                                \
            if (sampled_goes(block))                        \
                sampled_freed(block, FRAME);                \
            ((type)found[WHICH]) arguments;                 \
            return;                                         \
        }                                                   \
        record_free(block, FRAME);                          \
        deleting(block, FRAME);                             \
        ((type)found[WHICH]) arguments;                     \
        deleting(NULL, FRAME);                              \
    }

typedef const void *tag; /* const std::nothrow_t & */

/* operator new(size), new[], with nothrow, with alignment, with both */
OPERATOR_NEW(_Znwm, 0, (size_t size), (size), (size_t))
OPERATOR_NEW(_Znam, 0, (size_t size), (size), (size_t))
OPERATOR_NEW(_ZnwmRKSt9nothrow_t, 0, (size_t size, tag nothrow), (size, nothrow), (size_t, tag))
OPERATOR_NEW(_ZnamRKSt9nothrow_t, 0, (size_t size, tag nothrow), (size, nothrow), (size_t, tag))
OPERATOR_NEW(_ZnwmSt11align_val_t, align, (size_t size, size_t align), (size, align), (size_t, size_t))
OPERATOR_NEW(_ZnamSt11align_val_t, align, (size_t size, size_t align), (size, align), (size_t, size_t))
OPERATOR_NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, align, (size_t size, size_t align, tag nothrow),
             (size, align, nothrow), (size_t, size_t, tag))
OPERATOR_NEW(_ZnamSt11align_val_tRKSt9nothrow_t, align, (size_t size, size_t align, tag nothrow),
             (size, align, nothrow), (size_t, size_t, tag))

/* operator delete(block), delete[], with nothrow, size, alignment and their combinations */
OPERATOR_DELETE(_ZdlPv, (void *block), (block), (void *))
OPERATOR_DELETE(_ZdaPv, (void *block), (block), (void *))
OPERATOR_DELETE(_ZdlPvRKSt9nothrow_t, (void *block, tag nothrow), (block, nothrow), (void *, tag))
OPERATOR_DELETE(_ZdaPvRKSt9nothrow_t, (void *block, tag nothrow), (block, nothrow), (void *, tag))
OPERATOR_DELETE(_ZdlPvm, (void *block, size_t size), (block, size), (void *, size_t))
OPERATOR_DELETE(_ZdaPvm, (void *block, size_t size), (block, size), (void *, size_t))
OPERATOR_DELETE(_ZdlPvSt11align_val_t, (void *block, size_t align), (block, align), (void *, size_t))
OPERATOR_DELETE(_ZdaPvSt11align_val_t, (void *block, size_t align), (block, align), (void *, size_t))
OPERATOR_DELETE(_ZdlPvmSt11align_val_t, (void *block, size_t size, size_t align), (block, size, align),
                (void *, size_t, size_t))
OPERATOR_DELETE(_ZdaPvmSt11align_val_t, (void *block, size_t size, size_t align), (block, size, align),
                (void *, size_t, size_t))
OPERATOR_DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, (void *block, size_t align, tag nothrow),
                (block, align, nothrow), (void *, size_t, tag))
OPERATOR_DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, (void *block, size_t align, tag nothrow),
                (block, align, nothrow), (void *, size_t, tag))

_Static_assert(__COUNTER__ == OPERATORS, "as many as there are numbers for");
