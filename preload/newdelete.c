/* newdelete.c - C++'s operator new and delete, all overloads, by their mangled names (Itanium ABI).
 *
 * They are hooked for programs whose own allocator sits behind them without malloc() below. Where malloc() is
 * below, as in libstdc++, our malloc hook records the block first; then this one must not:
 *
 *   new     forgets what the thread allocated last, calls the real one, and records the block unless the
 * thread's last allocation is just that block; delete  records the free, and keeps the block in mind while
 * the real one runs, so that a free() of it below is not recorded again.
 *
 * An exception from the real operator passes through: nothing is held that it could leave behind.
 */
#define _GNU_SOURCE
#include "real.h"
#include "record.h"
#include "stack/loader.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define FRAME __builtin_frame_address(0)

/* The real operator; looked up on first use, as libstdc++ may be loaded at any time. It need not come after
 * us in the look-up order then, so the library is asked for by name as well; but not where that could end the
 * process: then there is none for now. */
static NOINLINE void *look_up(const char *name)
{
    int saved = errno;
    void *symbol = dlsym(RTLD_NEXT, name);
    static const char *const libraries[] = {"libstdc++.so.6", "libc++.so.1", "libc++abi.so.1"};
    bool safe = symbol || loader_consistent();
    for (size_t i = 0; !symbol && safe && i < sizeof libraries / sizeof libraries[0]; i++) {
        void *library = dlopen(libraries[i], RTLD_NOW | RTLD_NOLOAD);
        if (library)
            symbol = dlsym(library, name);
    }
    errno = saved;
    return symbol;
}

INLINE void new_begins(void)
{
    struct thread *t = thread_self;
    if (LIKELY(!t->busy))
        t->made = NULL;
}

INLINE void new_ends(void *block, size_t size, const void *frame)
{
    struct thread *t = thread_self;
    if (block && t->made != block)
        record_alloc(block, size, frame, record_foresee(frame));
}

INLINE void delete_begins(void *block, const void *frame)
{
    record_free(block, frame);
    struct thread *t = thread_self;
    if (LIKELY(!t->busy))
        t->deleting = block;
}

INLINE void delete_ends(void)
{
    struct thread *t = thread_self;
    if (LIKELY(!t->busy))
        t->deleting = NULL;
}

/* Without a real operator there is nobody who could throw: malloc's memory, or the end. */
static void *no_operator(size_t alignment, size_t size)
{
    void *block = alignment ? aligned_alloc(alignment, (size + alignment - 1) & ~(alignment - 1))
                            : malloc(size ? size : 1);
    if (!block)
        abort();
    return block;
}

#define REAL(name, type)                              \
    static type real_##name;                          \
    if (UNLIKELY(!real_##name)) {                     \
        void *symbol = look_up(#name);                \
        memcpy(&real_##name, &symbol, sizeof symbol); \
    }

#define OPERATOR_NEW(name, alignment, parameters, arguments, types) \
    EXPORT void *name parameters;                                   \
    EXPORT void *name parameters                                    \
    {                                                               \
        typedef void *(*type)types;                                 \
        REAL(name, type)                                            \
        if (UNLIKELY(!real_##name))                                 \
            return no_operator(alignment, size);                    \
        new_begins();                                               \
        void *block = real_##name arguments;                        \
        new_ends(block, size, FRAME);                               \
        return block;                                               \
    }

#define OPERATOR_DELETE(name, parameters, arguments, types) \
    EXPORT void name parameters;                            \
    EXPORT void name parameters                             \
    {                                                       \
        if (!block)                                         \
            return;                                         \
        typedef void(*type) types;                          \
        REAL(name, type)                                    \
        if (UNLIKELY(!real_##name)) {                       \
            free(block);                                    \
            return;                                         \
        }                                                   \
        delete_begins(block, FRAME);                        \
        real_##name arguments;                              \
        delete_ends();                                      \
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
