/* thread.c - see thread.h. */
#define _GNU_SOURCE
#include "thread.h"
#include "alive.h"
#include "python.h"
#include "modules.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct shapes nobodys_shapes; /* in which nothing is ever found */
struct thread thread_nobody = {.busy = 1, .unwind = {.shapes = &nobodys_shapes}};

__thread struct thread *thread_self __attribute__((tls_model("initial-exec"))) = &thread_nobody;

/* States of this process by ring slot; made on first use, kept for the slot's next owner. */
static struct thread *_Atomic states[WIRE_RINGS];

/* Set while the slow path below is at work on this thread: what it calls may not record. */
static __thread bool entering __attribute__((tls_model("initial-exec")));

static _Atomic uint32_t inside; /* threads in the slow path, see thread_all_out() */

static _Atomic uint32_t rings_claimed; /* by this process; from the second on events are stamped */

/* ---- the end of a thread ----------------------------------------------------------------------- */

static pthread_key_t end_key;
static _Atomic int end_key_state; /* 0 none, 1 being made, 2 made */

/* Other destructors may still allocate after this one: the ring stays the thread's until it is gone. Not in a
 * forked child that has no ring yet, nor after a detach. */
static void thread_ends(void *state)
{
    struct thread *t = state;
    atomic_fetch_add(&inside, 1);
    if (session_live() && t->part == session_part)
        atomic_store(&t->ring->state, WIRE_RING_LAST);
    atomic_fetch_sub(&inside, 1);
}

static void watch_end(struct thread *t)
{
    int none = 0;
    if (atomic_compare_exchange_strong(&end_key_state, &none, 1))
        atomic_store(&end_key_state, pthread_key_create(&end_key, thread_ends) == 0 ? 2 : 1);
    if (atomic_load(&end_key_state) == 2)
        pthread_setspecific(end_key, t);
}

/* ---- claiming a ring --------------------------------------------------------------------------- */

/* Confined, not every ring's buffer can be mapped. */
static bool may_open(uint32_t index)
{
    uint64_t buffer = atomic_load(&arena->ring[index].buffer);
    const struct thread *t = atomic_load(&states[index]);
    return LIKELY(!guest_confined) || !buffer || arena_within_reach(buffer) || (t && t->buffer == buffer);
}

static struct wire_ring *claim_slot(uint32_t *index)
{
    uint32_t claimed = wire_claimed(WIRE_RING_CLAIMED, (uint32_t)(process - arena->process) + 1);
    for (uint32_t i = 0; i < WIRE_RINGS; i++) {
        uint32_t none = WIRE_RING_FREE;
        struct wire_ring *ring = &arena->ring[i];
        if (atomic_load_explicit(&ring->state, memory_order_relaxed) != none || !may_open(i) ||
            !atomic_compare_exchange_strong(&ring->state, &none, claimed))
            continue;
        uint32_t used = atomic_load(&arena->rings);
        while (used <= i && !atomic_compare_exchange_weak(&arena->rings, &used, i + 1)) {
        }
        *index = i;
        return ring;
    }
    return NULL;
}

#define RING_SIZE (WIRE_RING_WORDS * sizeof(uint64_t))

static size_t state_size(void)
{
    return sizeof(struct thread) + unwind_memory(settings.depth);
}

static void close_ring(struct thread *t)
{
    if (t->words)
        arena_close(t->words, RING_SIZE);
    t->words = NULL;
    t->buffer = 0;
}

/* The window on the ring's buffer: the state may have it already, from the slot's owner before. */
static bool open_ring(struct thread *t, struct wire_ring *ring)
{
    uint64_t buffer = atomic_load(&ring->buffer), fresh = 0;
    if (!buffer)
        buffer = fresh = arena_claim(RING_SIZE);
    if (t->buffer != buffer)
        close_ring(t);
    if (buffer && !t->words)
        t->words = arena_window(buffer, RING_SIZE);
    if (t->words) {
        t->buffer = buffer;
        atomic_store(&ring->buffer, buffer);
    } else if (fresh) {
        arena_give_back(fresh, RING_SIZE);
    }
    return t->words != NULL;
}

static struct thread *state_of(uint32_t index)
{
    struct thread *t = atomic_load(&states[index]);
    if (t)
        return t;
    t = guest_pages(state_size());
    if (t)
        atomic_store(&states[index], t);
    return t;
}

/* A ring and a state for the calling thread; NULL when there is no room left. own: its state of an earlier
 * part. */
static struct thread *claim(uint32_t level, struct thread *own)
{
    uint32_t index = 0;
    struct wire_ring *ring = claim_slot(&index);
    struct thread *inner = own ? own->inner : NULL;
    struct thread *t = !ring ? NULL : own ? own : state_of(index);
    if (!t || !open_ring(t, ring)) {
        if (ring)
            atomic_store(&ring->state, WIRE_RING_FREE);
        atomic_fetch_add(&process->events_lost, 1);
        return NULL;
    }
    if (own)
        atomic_store(&states[index], own);
    struct thread before = {.words = t->words, .buffer = t->buffer};
    *t = before;
    t->inner = inner;
    t->part = session_part;
    t->tid = (uint32_t)guest_tid();
    unwind_init(&t->unwind, settings.depth, t + 1);
    t->ring = ring;
    t->head = atomic_load(&ring->head);
    t->limit = t->begin = t->woken = t->head; /* all of it was consumed, or it would not be free */
    atomic_store(&ring->limit, t->limit);
    t->stamped = ~t->head; /* long ago: the first event tells when this thread began */
    t->level = level;
    atomic_store(&ring->ask, 0);
    ring->process = (uint32_t)(process - arena->process);
    ring->tid = t->tid;
    ring->level = level;
    memset(ring->name, 0, sizeof ring->name);
    if (!guest_confined)
        prctl(PR_GET_NAME, ring->name);
    atomic_store(&ring->state, WIRE_RING_BUSY);
    if (atomic_fetch_add(&rings_claimed, 1) >= 1)
        session_stamping();
    return t;
}

/* The states of this thread, each with a ring of the parent's, are used again. Not if the fork came within a
 * hook, from a signal handler: then it is still at work on one of them. */
static void keep_states(void)
{
    for (struct thread *t = thread_self; t && t->part == session_part; t = t->inner) {
        atomic_store(&states[t->ring - arena->ring], NULL);
        t->part = UINT32_MAX;
    }
}

void thread_forked(void)
{
    if (thread_self->busy)
        thread_self = &thread_nobody;
    else
        keep_states();
    atomic_store(&rings_claimed, 0);
    atomic_store(&inside, 1); /* ours: the slow path leads here */
}

void thread_close_rings(void)
{
    for (uint32_t i = 0; i < WIRE_RINGS; i++) {
        struct thread *t = atomic_load(&states[i]);
        if (t)
            close_ring(t);
    }
}

void thread_new_part(void)
{
    pid_t pid = (pid_t)syscall(SYS_getpid);
    for (uint32_t i = 0; i < WIRE_RINGS; i++) {
        struct thread *t = atomic_load(&states[i]);
        if (t && syscall(SYS_tgkill, pid, t->tid, 0) == 0)
            atomic_store(&states[i], NULL);
    }
    atomic_store(&rings_claimed, 0);
}

bool thread_all_out(void)
{
    if (atomic_load(&inside))
        return false;
    pid_t pid = (pid_t)syscall(SYS_getpid);
    for (uint32_t i = 0; i < WIRE_RINGS; i++) {
        const struct thread *t = atomic_load(&states[i]);
        /* Threads that were cancelled in a hook stay busy for ever. */
        if (t && t->busy && t->part == session_part && syscall(SYS_tgkill, pid, t->tid, 0) == 0)
            return false;
    }
    return true;
}

/* ---- the slow way in --------------------------------------------------------------------------- */

/* A hook that was at work on t when a handler jumped out of it will never give t back: its frame is gone,
 * which shows by ours being further out, unless we are on the stack of a signal handler. */
static bool abandoned(const struct thread *t, const void *frame)
{
    if ((uintptr_t)frame < t->busy || guest_confined) /* then it stays taken, and the next level records */
        return false;
    stack_t stack;
    return sigaltstack(NULL, &stack) == 0 && !(stack.ss_flags & SS_ONSTACK);
}

/* What a new epoch may mean for a thread that was recording already. A signal handler that comes in between
 * must not take the quick way yet: the thread's own epoch is last. */
static void look_again(struct thread *t, uint64_t epoch, const void *frame)
{
    bool modules = (t->epoch ^ epoch) != GATE_STAMPING;
    if (modules) {
        modules_refresh();
        unwind_forget(&t->unwind);
    }
    atomic_store_explicit(&t->ring->ask, 0, memory_order_relaxed);
    SIGNAL_FENCE();
    t->epoch = epoch;
    /* Between mapping a module and relocating it ld.so allocates: what it brings cannot be called yet. Every
     * allocation of its own makes another epoch, so there will be a later look. */
    if (modules && ((const uintptr_t *)frame)[1] - gate->loader_start >= gate->loader_size)
        python_look();
}

#define BARRED_EVENTS 256 /* of a thread for which there was no room, until the next try */
static __thread uint32_t barred __attribute__((tls_model("initial-exec")));

static struct thread *enter(const void *frame)
{
    if (!session_ready())
        return NULL;
    uint64_t epoch = atomic_load(&gate->epoch);
    struct thread **place = &thread_self;
    for (uint32_t level = 0; level < 4; level++) {
        struct thread *t = *place;
        if (t == &thread_nobody)
            t = NULL;
        if (!t || t->part != session_part) {
            t = claim(level, t);
            if (!t) {
                barred = BARRED_EVENTS;
                return NULL;
            }
            SIGNAL_FENCE();
            *place = t;
            if (level == 0)
                watch_end(t);
        }
        if (t->busy && (t->passing || !abandoned(t, frame))) {
            if (t->passing)
                return NULL;
            place = &t->inner;
            continue;
        }
        if (t->epoch != epoch)
            look_again(t, epoch, frame);
        t->passing = false;
        t->busy = (uintptr_t)frame;
        SIGNAL_FENCE();
        return t;
    }
    atomic_fetch_add(&process->events_lost, 1); /* in handlers that interrupted handlers that did so */
    return NULL;
}

NOINLINE GUEST_ALIGNED struct thread *thread_enter_slow(const void *frame)
{
    if (entering)
        return NULL;
    if (UNLIKELY(barred) && session_live()) {
        barred--;
        atomic_fetch_add(&process->events_lost, 1);
        return NULL;
    }
    int saved = errno;
    entering = true;
    atomic_fetch_add(&inside, 1);
    /* We may open files, at which a thread can be cancelled: but not in the midst of malloc(). */
    int cancelling;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
    struct thread *t = enter(frame);
    pthread_setcancelstate(cancelling, NULL);
    atomic_fetch_sub(&inside, 1);
    SIGNAL_FENCE();
    entering = false;
    errno = saved;
    return t;
}

/* ---- the ring's slow parts ---------------------------------------------------------------------- */

/* Reads the clock: the next event's elapsed time, 0 after a STAMP of its own. */
static uint64_t stamp(struct thread *t)
{
    uint64_t now = __rdtsc() >> WIRE_STAMP_SHIFT, elapsed = now - t->stamp;
    t->stamp = now;
    t->stamped = t->head;
    if (LIKELY(elapsed <= WIRE_ELAPSED_MAX))
        return elapsed;
    ring_word(t, (uint64_t)WIRE_STAMP << WIRE_TYPE_SHIFT | (now & ((1ull << WIRE_TYPE_SHIFT) - 1)));
    return 0;
}

/* The collector has gone to sleep, and set ask for it, if it was 0: whoever sees it awake here is seen by it,
 * before it sleeps, to have changed ask. */
static NOINLINE void first_after_sleep(struct thread *t, uint64_t ask)
{
    atomic_exchange(&t->ring->ask, ask);
    if (atomic_load(&arena->asleep) == WIRE_SLEEPING)
        arena_wake_collector();
}

static void set_ask(struct thread *t)
{
    uint64_t ask = t->limit - RING_EVENT_WORDS + 1;
    if (t->epoch & GATE_STAMPING && (t->stamped | (RING_STAMP_WORDS - 1)) + 1 < ask)
        ask = (t->stamped | (RING_STAMP_WORDS - 1)) + 1;
    if (t->paused)
        ask = 0;
    if (UNLIKELY(atomic_load_explicit(&t->ring->ask, memory_order_relaxed) == 0))
        first_after_sleep(t, ask);
    else
        atomic_store_explicit(&t->ring->ask, ask, memory_order_relaxed);
}

/* Not cold: every few events where there are threads. */
__attribute__((noinline)) uint64_t ring_begin_slow(struct thread *t, uint64_t word)
{
    if (UNLIKELY(t->head + RING_EVENT_WORDS > t->limit) && !thread_wait(t))
        return UINT64_MAX;
    if (t->epoch & GATE_STAMPING && (t->head ^ t->stamped) / RING_STAMP_WORDS)
        word |= stamp(t) << WIRE_ELAPSED_SHIFT;
    set_ask(t);
    return word;
}

#define WAIT_SPINS 8               /* looks before sleeping */
#define WAIT_STEP_NS 50000         /* between looks at a full ring, at first; */
#define WAIT_MOST_NS 5000000       /* at most; see wait_step() */
#define SILENCE_NS 100000000ull    /* without a beat from the collector for so long: is it dead? */
#define HEARTBEAT_NS 5000000000ull /* and for so long: it is gone; */
#define TURN_NS 20000000ull /* but among many threads its turn comes late: for each ring so much more, */
#define TURNS_MOST_NS 30000000000ull /* at most */
#define LOOK_MOST_NS 20000000ull     /* between two looks no more is counted: we may have been stopped, too */

/* How long it may be silent. The scheduler gives each thread that can run a few milliseconds in turn: between
 * a thousand of them the collector waits for seconds until it runs, on a busy machine for many. */
static uint64_t longest_silence(void)
{
    uint64_t turns_ns = atomic_load_explicit(&arena->rings, memory_order_relaxed) * TURN_NS;
    return HEARTBEAT_NS + (turns_ns < TURNS_MOST_NS ? turns_ns : TURNS_MOST_NS);
}

/* silent_ns: how long it has been watched without a beat. */
static bool collector_gone(uint64_t silent_ns)
{
    return atomic_load(&arena->collector) == WIRE_COLLECTOR_FAILED || alive_gone(silent_ns > SILENCE_NS) ||
           (silent_ns > HEARTBEAT_NS && silent_ns > longest_silence());
}

/* Everything was consumed: begins anew at the buffer's start unless that is near. */
static void begin_anew(struct thread *t, uint64_t step)
{
    uint64_t place = t->head & RING_MASK;
    if (place == 0 || place + step <= WIRE_RING_WINDOW)
        return;
    t->begin = t->head = (t->head | RING_MASK) + 1;
    t->woken = t->head;
    atomic_store_explicit(&t->ring->begin, t->begin, memory_order_relaxed);
    atomic_store_explicit(&t->ring->head, t->head, memory_order_release);
}

/* Wakes the collector in time if it sleeps while there is ever more to read. False: it is gone, and what is
 * written would be memory for nothing. */
static bool wake_in_time(struct thread *t, uint64_t unread)
{
    const uint64_t quarter = WIRE_RING_WORDS / 4;
    if (unread < quarter || t->head - t->woken < quarter)
        return true;
    t->woken = t->head;
    if (atomic_load(&arena->asleep))
        arena_wake_collector();
    return !collector_gone(0);
}

/* The first word that the ring has no room for. What the collector grants is what is left of the buffer from
 * its start on: from there the words before the tail are not needed again before all was read. */
static uint64_t end_of_room(const struct thread *t, uint64_t tail)
{
    uint64_t granted = atomic_load_explicit(&arena->ring_room, memory_order_relaxed);
    uint64_t full = tail + WIRE_RING_WORDS;
    if (LIKELY(granted == 0))
        return full;
    uint64_t end =
        (t->head & ~(uint64_t)RING_MASK) + (granted > WIRE_RING_WINDOW ? granted : WIRE_RING_WINDOW);
    return end < full ? end : full;
}

/* Moves the limit on if there is room behind it, to the end of a page; see wire.h. */
static bool extend(struct thread *t)
{
    struct wire_ring *ring = t->ring;
    uint64_t step = t->epoch & GATE_STAMPING ? WIRE_RING_STEP : WIRE_RING_ALONE;
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (tail < t->begin)
        tail = t->begin;
    if (tail == t->head) {
        begin_anew(t, step);
        tail = t->head;
    }
    if (!wake_in_time(t, t->head - tail))
        return false;
    uint64_t full = end_of_room(t, tail);
    uint64_t limit = (t->head + step) & ~(uint64_t)(WIRE_PAGE_WORDS - 1);
    if (limit > full)
        limit = full;
    if ((int64_t)(limit - t->head) < 2 * RING_EVENT_WORDS)
        return false;
    uint64_t was = atomic_load_explicit(&ring->limit, memory_order_relaxed);
    if (was & WIRE_RING_HELD || !atomic_compare_exchange_strong_explicit(
                                    &ring->limit, &was, limit, memory_order_acquire, memory_order_relaxed))
        return false;
    t->limit = limit;
    return true;
}

#define UNSERVED_SWEEPS 16        /* of the collector without a word of this ring taken, */
#define UNSERVED_NS 1000000000ull /* and for so long: it does not know of the ring */

/* What a waiting thread has seen of its ring being read. */
struct service {
    uint64_t tail, since_ns;
    uint32_t sweep, sweeps; /* the collector's last one; those without progress */
};

/* True if the collector reads rings, but never this one: the program overwrote what tells of it. A collector
 * that waits for a disk is waited for, as it reads none. */
static bool is_unserved(struct service *service, uint64_t tail, uint64_t now_ns)
{
    uint32_t sweep = atomic_load_explicit(&arena->sweep, memory_order_relaxed);
    if (!service->since_ns || service->tail != tail) {
        *service = (struct service){.tail = tail, .since_ns = now_ns, .sweep = sweep};
    } else if (service->sweep != sweep) {
        service->sweep = sweep;
        service->sweeps++;
    }
    return service->sweeps > UNSERVED_SWEEPS && now_ns - service->since_ns > UNSERVED_NS;
}

/* The longer it has waited the longer it sleeps: a thousand threads that look all the time leave the
 * collector no processor to give them room with. */
static uint64_t wait_step(uint64_t waited_ns)
{
    uint64_t step = waited_ns / 4;
    return step < WAIT_STEP_NS ? WAIT_STEP_NS : step < WAIT_MOST_NS ? step : WAIT_MOST_NS;
}

NOINLINE bool thread_wait(struct thread *t)
{
    struct service service = {0};
    uint64_t since = 0, looked_ns = 0, silent_ns = 0;
    uint32_t last_beat = 0; /* the collector's last sign of life */
    unsigned spins = 0;
    for (;;) {
        if (LIKELY(extend(t))) {
            if (since)
                atomic_fetch_add(&t->ring->waited_ns, guest_now_ns() - since);
            return true;
        }
        if (atomic_load(&arena->asleep))
            arena_wake_collector();
        uint32_t beat = atomic_load(&arena->beat);
        uint64_t now_ns = guest_now_ns(), passed_ns = now_ns - looked_ns;
        if (!since) {
            since = now_ns;
            atomic_fetch_add(&t->ring->waits, 1);
        }
        if (!looked_ns || beat != last_beat)
            silent_ns = 0;
        else
            silent_ns += passed_ns < LOOK_MOST_NS ? passed_ns : LOOK_MOST_NS;
        last_beat = beat;
        looked_ns = now_ns;
        if (!session_live())
            return false;
        if (is_unserved(&service, atomic_load(&t->ring->tail), now_ns)) {
            atomic_fetch_add(&process->events_lost, 1);
            session_stop("the program overwrote memory of libtrace's; it goes on untraced", "");
            return false;
        }
        /* It may have been overwritten; the collector takes as much as it says. */
        atomic_store_explicit(&t->ring->head, t->head, memory_order_release);
        if (collector_gone(silent_ns)) {
            session_gone();
            return false;
        }
        /* The collector is at work, most likely, and will give a part of the ring back very soon. */
        if (spins++ < WAIT_SPINS) {
            for (int i = 0; i < 64; i++)
                _mm_pause();
            continue;
        }
        guest_sleep(wait_step(now_ns - since));
    }
}
