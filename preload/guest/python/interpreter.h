/* interpreter.h - which CPython this process runs, and the few of its functions that may be called. */
#ifndef LIBTRACE_PYTHON_INTERPRETER_H
#define LIBTRACE_PYTHON_INTERPRETER_H

#include "guest.h"
#include "offsets.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As CPython's PyMemAllocatorEx: part of its stable API. */
struct python_allocator {
    void *context;
    void *(*malloc)(void *context, size_t size);
    void *(*calloc)(void *context, size_t count, size_t size);
    void *(*realloc)(void *context, void *block, size_t size);
    void (*free)(void *context, void *block);
};
enum python_domain { PYTHON_RAW = 0, PYTHON_MEMORY = 1, PYTHON_OBJECT = 2 };

typedef int python_tracer(void *object, int event, void *data);

struct python_interpreter {
    struct python_layout layout;

    /* The thread state that is current. Up to 3.11 that of whichever thread holds the GIL, from 3.12 on
     * the calling thread's or NULL. A load each; takes nothing. */
    void *(*current_thread)(void);
    /* The calling thread's, whether it holds the GIL or not; NULL on threads that Python does not know. */
    void *(*own_thread)(void);

    void (*get_allocator)(enum python_domain domain, struct python_allocator *allocator);
    void (*set_allocator)(enum python_domain domain, struct python_allocator *allocator);
    int (*set_tracer)(python_tracer *tracer, void *data); /* 3.13+, else NULL */
    python_tracer *(*get_tracer)(void **data);

    const void *runtime; /* &_PyRuntime */
    size_t runtime_size;
    /* Has a function called soon, by the main thread and with the GIL held. From any thread without the GIL. */
    int (*add_pending_call)(int (*function)(void *), void *argument);
    int (*is_initialized)(void);
    int (*is_finalizing)(void); /* a load; NULL where it is not exported */

    const void *code_type, *string_type, *bytes_type;
    const void *eval; /* _PyEval_EvalFrameDefault */
    size_t eval_size; /* without the parts that the compiler moved away, see eval.h */
    uintptr_t text;   /* the segment that the interpreter's functions lie in */
    size_t text_size;
};

/* layout.version is 0 until one is found. Written once. */
extern HIDDEN struct python_interpreter python;

/* True once there is one whose stacks have to be asked for with python_stack(). */
extern HIDDEN bool python_active;

/* One thread at a time may exchange the interpreter's allocators: who finds the interpreter may not hold its
 * lock, and interpreters may have a lock each. False: another one is at it. */
extern HIDDEN _Atomic bool interpreter_claimed;

static inline bool interpreter_claim(void)
{
    return !atomic_exchange(&interpreter_claimed, true);
}

static inline void interpreter_release(void)
{
    atomic_store(&interpreter_claimed, false);
}

/* Looks for the symbols of an interpreter. True once there is one that can be read; says once on stderr if
 * there is one that cannot. */
bool interpreter_find(void);

#endif
