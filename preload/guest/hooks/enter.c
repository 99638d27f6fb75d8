/* enter.c - see enter.h. */
#define _GNU_SOURCE
#include "enter.h"
#include "modules.h"
#include "process.h"
#include "processor.h"
#include "python.h"
#include "rules.h"
#include "session.h"

#include <pthread.h>
#include <signal.h>

/* Set while the slow path below is at work on this thread: what it calls may not record. */
static __thread bool entering __attribute__((tls_model("initial-exec")));

/* A hook that was using t when a signal handler jumped out of it will never release t. Its frame is gone
 * then, so ours lies further out, unless we are on a signal handler's own stack. */
static bool abandoned(const struct thread *t, const void *frame)
{
    if ((uintptr_t)frame < t->busy || guest_confined) /* then it stays taken, and the next level records */
        return false;
    stack_t stack;
    return sigaltstack(NULL, &stack) == 0 && !(stack.ss_flags & SS_ONSTACK);
}

/* What a new epoch may mean for a thread that was recording before. A signal handler in between must not
 * take the quick path yet, so the thread's own epoch is set last. */
static void look_again(struct thread *t, uint64_t epoch, const void *frame)
{
    bool modules = (t->epoch ^ epoch) != GATE_STAMPING;
    if (modules) {
        modules_refresh(rules_flush);
        unwind_forget(&t->unwind);
    }
    atomic_store_explicit(&t->ring->slow_at, 0, memory_order_relaxed);
    SIGNAL_FENCE();
    t->epoch = epoch;
    /* ld.so allocates between mapping a module and relocating it: its functions cannot be called yet. Each
     * of its allocations begins another epoch, so there will be a later look. */
    if (modules && processor_return_address(frame) - gate->loader_start >= gate->loader_size)
        python_look();
}

#define BARRED_EVENTS 256 /* events of a thread for which there was no room, until it tries again */
static __thread uint32_t barred __attribute__((tls_model("initial-exec")));

static struct thread *enter(const void *frame)
{
    if (!session_ready())
        return NULL;
    /* The epoch, then whether tracing is live, in the reverse order of session_detach(): else this could be the epoch that
     * says that it has ended, and this thread would not look again (tests/model/gate.pml). */
    uint64_t epoch = atomic_load(&gate->epoch);
    if (!tracing_live())
        return NULL;
    struct thread **place = &thread_self;
    for (uint32_t level = 0; level < THREAD_LEVELS; level++) {
        struct thread *t = *place;
        if (t == &thread_nobody)
            t = NULL;
        if (!t || t->generation != attach_generation) {
            t = thread_claim(level, t);
            if (!t) {
                barred = BARRED_EVENTS;
                return NULL;
            }
            SIGNAL_FENCE();
            *place = t;
            if (level == 0)
                thread_watch_end();
        }
        if (t->busy && (t->pass_through || !abandoned(t, frame))) {
            if (t->pass_through)
                return NULL;
            place = &t->inner;
            continue;
        }
        if (t->epoch != epoch)
            look_again(t, epoch, frame);
        t->pass_through = false;
        t->busy = (uintptr_t)frame;
        SIGNAL_FENCE();
        return t;
    }
    /* In signal handlers that interrupted handlers that interrupted hooks, and so on. */
    atomic_fetch_add(&process->events_lost, 1);
    return NULL;
}

NOINLINE GUEST_ALIGNED struct thread *thread_enter_slow(const void *frame)
{
    if (entering)
        return NULL;
    if (UNLIKELY(barred) && tracing_live()) {
        barred--;
        atomic_fetch_add(&process->events_lost, 1);
        return NULL;
    }
    int saved = errno;
    entering = true;
    atomic_fetch_add(&threads_inside, 1);
    /* We may open files, where a thread can be cancelled: but malloc() must not be a cancellation point. */
    int cancelling;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
    struct thread *t = enter(frame);
    pthread_setcancelstate(cancelling, NULL);
    atomic_fetch_sub(&threads_inside, 1);
    SIGNAL_FENCE();
    entering = false;
    errno = saved;
    return t;
}
