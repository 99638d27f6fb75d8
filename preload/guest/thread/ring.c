/* ring.c - see ring.h. */
#define _GNU_SOURCE
#include "ring.h"
#include "alive.h"
#include "arena.h"
#include "guest_assert.h"
#include "process.h"
#include "processor.h"
#include "stop.h"

/* Reads the clock: the next event's elapsed time, 0 after a STAMP of its own. */
static uint64_t stamp(struct thread *t)
{
    uint64_t now = processor_ticks() >> PROCESSOR_STAMP_SHIFT, elapsed = now - t->stamp;
    t->stamp = now;
    t->stamped = t->head;
    if (LIKELY(elapsed <= WIRE_ELAPSED_MAX))
        return elapsed;
    ring_word(t, (uint64_t)WIRE_STAMP << WIRE_TYPE_SHIFT | (now & ((1ull << WIRE_TYPE_SHIFT) - 1)));
    return 0;
}

/* The collector has gone to sleep, and set slow_at for it, if it was 0: whoever sees it awake here is seen by it,
 * before it sleeps, to have changed slow_at. */
static NOINLINE void first_after_sleep(struct thread *t, uint64_t slow_at)
{
    atomic_exchange(&t->ring->slow_at, slow_at);
    if (atomic_load(&arena->asleep) == WIRE_SLEEPING)
        arena_wake_collector();
}

/* Not cold: every few events where there are threads. */
__attribute__((noinline)) uint64_t ring_begin_slow(struct thread *t, uint64_t word)
{
    if (UNLIKELY(t->head + RING_EVENT_WORDS > t->limit) && !thread_wait(t))
        return UINT64_MAX;
    uint64_t slow_at = t->limit - RING_EVENT_WORDS + 1;
    if (t->epoch & GATE_STAMPING) {
        if ((t->head ^ t->stamped) / RING_STAMP_WORDS)
            word |= stamp(t) << WIRE_ELAPSED_SHIFT;
        guest_assert(t->head + RING_EVENT_WORDS <= t->limit + 1); /* after a STAMP */
        uint64_t next = (t->stamped | (RING_STAMP_WORDS - 1)) + 1;
        slow_at = next < slow_at ? next : slow_at;
    }
    guest_assert(t->epoch & GATE_STAMPING || t->head + RING_EVENT_WORDS <= t->limit);
    if (t->paused)
        slow_at = 0;
    if (UNLIKELY(atomic_load_explicit(&t->ring->slow_at, memory_order_relaxed) == 0))
        first_after_sleep(t, slow_at);
    else
        atomic_store_explicit(&t->ring->slow_at, slow_at, memory_order_relaxed);
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
    guest_assert(limit > t->head && limit - t->head <= WIRE_RING_WORDS);
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

static NOINLINE bool wait_for_room(struct thread *t)
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
        if (!tracing_live())
            return false;
        if (is_unserved(&service, atomic_load(&t->ring->tail), now_ns)) {
            atomic_fetch_add(&process->events_lost, 1);
            stop_process("the program overwrote memory of libtrace's; it goes on untraced", "");
            return false;
        }
        /* It may have been overwritten; the collector takes as much as it says. */
        atomic_store_explicit(&t->ring->head, t->head, memory_order_release);
        if (collector_gone(silent_ns)) {
            stop_without_collector();
            return false;
        }
        /* The collector is at work, most likely, and will give a part of the ring back very soon. */
        if (spins++ < WAIT_SPINS) {
            for (int i = 0; i < 64; i++)
                processor_pause();
            continue;
        }
        guest_sleep(wait_step(now_ns - since));
    }
}

/* Not cold: each page where there are threads. */
__attribute__((noinline)) bool thread_wait(struct thread *t)
{
    return LIKELY(extend(t)) || wait_for_room(t);
}
