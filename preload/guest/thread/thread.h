/* thread.h - what a thread needs to record: its ring, and the memory for its stacks.
 *
 * A signal handler that interrupts a hook records through a state and ring of its own (the next level), so
 * nothing of the interrupted one is touched. States belong to ring slots and are used again with them.
 */
#ifndef LIBTRACE_THREAD_H
#define LIBTRACE_THREAD_H

#include "guest.h"
#include "unwind.h"

struct thread {
    volatile uintptr_t busy; /* frame address of the hook that is at work on this state; 0 = none */
    uint64_t epoch;          /* the gate's, when this state was made or checked last */
    uint64_t head;           /* words published */
    uint64_t *words;         /* the ring's: a window on the arena; NULL = none yet */
    struct wire_ring *ring;
    void *last_allocated; /* block of the last allocation event, see newdelete.c */
    void *deleted;        /* block that operator delete has recorded and is giving back */
    size_t requested; /* one more than what operator new with an alignment was asked for; 0 = none at work */

    uint64_t limit;   /* head up to which there is room for now */
    uint64_t begin;   /* no word before it is in the collector's way, whatever the tail says */
    uint64_t woken;   /* head when the collector was woken last */
    uint64_t stamp;   /* time of the last stamped event, in stamp units; 0 = never */
    uint64_t stamped; /* head then */
    uint64_t buffer;  /* where in the arena words are */
    uint32_t level;
    uint32_t
        generation; /* attach_generation when the ring was claimed: later the ring is somebody else's memory */
    uint32_t tid;
    uint32_t paused;            /* libtrace_pause() without libtrace_resume(): allocations do not count */
    volatile bool pass_through; /* what we do now is not the program's: hooks pass through */
    struct thread *inner;       /* the next level's state */
    void *python;               /* preload/python's, NULL = none */
    struct unwind unwind;
} __attribute__((aligned(64))); /* unwind's memory follows */

#define THREAD_LEVELS 4 /* a handler may interrupt a hook, another one that handler, and so on */

/* Never NULL: a thread without a state of its own has that one, which is always busy. */
extern __thread struct thread *thread_self __attribute__((tls_model("initial-exec")));
extern HIDDEN struct thread thread_nobody;

/* After fork: the threads of the parent are not here, and the one that is has no ring yet. */
void thread_forked(void);

/* After the end of tracing, and a memory barrier of all threads: true if no thread is inside the recorder, so
 * that the arena can go. */
bool thread_all_out(void);

/* When a program is detached from, and no thread is inside: the windows on rings go. */
void thread_close_rings(void);

/* Before another attach_generation begins: the states of threads that live belong to them, the others may be used
 * again. */
void thread_new_generation(void);

/* ---- for enter.c ---------------------------------------------------------------------------------- */

/* A ring and a state for the calling thread; NULL when there is no room left. own: its state of an earlier
 * attach_generation. */
struct thread *thread_claim(uint32_t level, struct thread *own);

/* Has the ring given back when this thread, which the state is of, ends. */
void thread_watch_end(struct thread *t);

/* Threads that are in the midst of getting a state, or giving one back. */
extern HIDDEN _Atomic uint32_t threads_inside;

#endif
