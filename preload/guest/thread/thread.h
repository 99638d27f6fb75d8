/* thread.h - what a thread needs for recording: its ring, and memory for its stacks.
 *
 * A signal handler that interrupts a hook uses a state and a ring of its own (the next level), so that it
 * does not disturb the interrupted one. States belong to ring slots and are used again with them.
 */
#ifndef LIBTRACE_THREAD_H
#define LIBTRACE_THREAD_H

#include "guest.h"
#include "unwind.h"

struct thread {
    volatile uintptr_t busy; /* frame address of the hook that is using this state; 0 = none */
    uint64_t epoch;          /* the gate's, when this state was made or last checked */
    uint64_t head;           /* words published */
    uint64_t *words;         /* the ring's buffer, as mapped here; NULL = none yet */
    struct wire_ring *ring;
    void *last_allocated; /* block of the last allocation event, see newdelete.c */
    void *deleted;        /* block that operator delete has recorded and is freeing */
    size_t requested;     /* size asked of operator new with an alignment, plus 1; 0 = no such call */
    void *fresh; /* that of the last one of the interpreter's that no object was seen in, see recycle.c */

    uint64_t limit;   /* there is room for now up to this head */
    uint64_t begin;   /* words before it are not waiting for the collector, whatever the tail is */
    uint64_t woken;   /* head when the collector was last woken */
    uint64_t stamp;   /* time of the last stamped event, in stamp units; 0 = never */
    uint64_t stamped; /* head at that time */
    uint64_t buffer;  /* offset of `words` in the arena */
    uint32_t level;
    uint32_t generation; /* attach_generation when the ring was claimed: in a later one it is not ours */
    uint32_t tid;
    uint32_t depth;             /* of stacks that its memory is enough for */
    uint32_t gil;               /* of which its objects are, as in WIRE_GIL */
    uint32_t paused;            /* libtrace_pause() without libtrace_resume(): allocations do not count */
    volatile bool pass_through; /* what this thread does now is not to be recorded: hooks pass through */
    struct thread *inner;       /* the next level's state */
    void *python;               /* struct python_thread; NULL = none */
    struct unwind unwind;
} __attribute__((aligned(64))); /* unwind's memory follows */

#define THREAD_LEVELS 4 /* a signal handler may interrupt a hook, another handler that one, and so on */

/* Never NULL: for a thread without a state of its own it is thread_nobody, which is always busy. */
extern __thread struct thread *thread_self __attribute__((tls_model("initial-exec")));
extern HIDDEN struct thread thread_nobody;

/* After fork: the parent's other threads do not exist here, and this one has no ring yet. */
void thread_forked(void);

/* After the end of tracing and a memory barrier of all threads: true if no thread is inside the recorder, so
 * that the arena can be unmapped. */
bool thread_all_out(void);

/* At a detach, when no thread is inside: unmaps the rings. */
void thread_close_rings(void);

/* Before the next attach_generation: the states of living threads stay theirs, the others may be used
 * again. */
void thread_new_generation(void);

/* ---- for enter.c ---------------------------------------------------------------------------------- */

/* Gets a ring and a state for the calling thread; NULL if there is no room. own: its state from an earlier
 * attach_generation. */
struct thread *thread_claim(uint32_t level, struct thread *own);

/* Arranges that what the calling thread has, its ring and its line (sampler.h), is returned when it ends. */
void thread_watch_end(void);

/* True if the C library may call calloc() for that. */
bool thread_watch_allocates(void);

/* Threads that are getting or returning a state at the moment. */
extern HIDDEN _Atomic uint32_t threads_inside;

#endif
