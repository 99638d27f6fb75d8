/* interpreter.h - which CPython this process runs, and the few of its functions that may be called. */
#ifndef LIBTRACE_PYTHON_INTERPRETER_H
#define LIBTRACE_PYTHON_INTERPRETER_H

#include "guest.h"
#include "offsets.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Same layout as CPython's PyMemAllocatorEx, which is part of its stable API. */
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

    /* The current thread state: up to 3.11 that of the thread that holds the GIL, from 3.12 on the calling
     * thread's or NULL. Both functions only load a value and take no lock. */
    void *(*current_thread)(void);
    /* The calling thread's state, whether it holds the GIL or not; NULL for threads that Python does not
     * know. */
    void *(*own_thread)(void);

    void (*get_allocator)(enum python_domain domain, struct python_allocator *allocator);
    void (*set_allocator)(enum python_domain domain, struct python_allocator *allocator);
    int (*set_tracer)(python_tracer *tracer, void *data); /* 3.13+, else NULL */
    python_tracer *(*get_tracer)(void **data);

    const void *runtime; /* &_PyRuntime */
    size_t runtime_size;
    /* Makes the main thread call a function soon, with the GIL held. May be called on any thread, without the
     * GIL. */
    int (*add_pending_call)(int (*function)(void *), void *argument);
    int (*is_initialized)(void);
    int (*is_finalizing)(void); /* only loads a value; NULL if it is not exported */

    const void *code_type, *string_type, *bytes_type;
    const void *type_type;                        /* PyType_Type; NULL if it is not exported, */
    void *(*main_interpreter)(void);              /* and this one, which only loads a value, */
    int64_t (*interpreter_id)(void *interpreter); /* as does this one */
    const void *eval;                             /* _PyEval_EvalFrameDefault */
    size_t eval_size; /* without the parts that the compiler moved elsewhere, see eval.h */
    uintptr_t text;   /* the segment that holds the interpreter's functions */
    size_t text_size;
};

/* layout.version is 0 until an interpreter is found. Written only once. */
extern HIDDEN struct python_interpreter python;

/* True once stacks of this interpreter are to be recorded, by python_stack(). */
extern HIDDEN bool python_active;

/* Only one thread at a time may exchange the interpreter's allocators: the thread that found the interpreter
 * may not hold its lock, and each interpreter may have a lock of its own. False = another thread does. */
extern HIDDEN _Atomic bool interpreter_claimed;

static inline bool interpreter_claim(void)
{
    return !atomic_exchange(&interpreter_claimed, true);
}

static inline void interpreter_release(void)
{
    atomic_store(&interpreter_claimed, false);
}

/* Looks for the symbols of an interpreter. True once there is one that can be read. If there is one that
 * cannot, prints one line on stderr. */
bool interpreter_find(void);

#endif
