/* ring.c - see ring.h. */
#define _GNU_SOURCE
#include "ring.h"
#include "alive.h"
#include "arena.h"
#include "guest_assert.h"
#include "process.h"
#include "processor.h"
#include "stop.h"

/* Reads the clock. Returns the next event's elapsed time, or 0 after it has written a STAMP. */
static uint64_t stamp(struct thread *t)
{
    uint64_t now = guest_ticks() >> PROCESSOR_STAMP_SHIFT, elapsed = now - t->stamp;
    t->stamp = now;
    t->stamped = t->head;
    if (LIKELY(elapsed <= WIRE_ELAPSED_MAX))
        return elapsed;
    ring_word(t, (uint64_t)WIRE_STAMP << WIRE_TYPE_SHIFT | (now & ((1ull << WIRE_TYPE_SHIFT) - 1)));
    return 0;
}

/* The collector went to sleep, after setting slow_at to 0. If it looks awake here, it will notice before it
 * sleeps that slow_at has changed. */
static NOINLINE void first_after_sleep(struct thread *t, uint64_t slow_at)
{
    atomic_exchange(&t->ring->slow_at, slow_at);
    if (atomic_load(&arena->asleep) == WIRE_SLEEPING)
        arena_wake_collector();
}

/* Not marked cold: with several threads, every few events get here. */
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

#define WAIT_SPINS 8                 /* looks before the first sleep */
#define WAIT_STEP_NS 50000           /* time between looks at a full ring: at first, */
#define WAIT_MOST_NS 5000000         /* and at most; see wait_step() */
#define SILENCE_NS 100000000ull      /* it stands still for this long: check whether it is dead */
#define HEARTBEAT_NS 5000000000ull   /* for this long: it is gone, */
#define TURN_NS 20000000ull          /* unless many threads delay its turn: this much more for each ring, */
#define TURNS_MOST_NS 30000000000ull /* at most */

/* How long the collector may stand still. The scheduler gives each runnable thread a few milliseconds in turn:
 * among a thousand of them the collector waits for seconds, on a busy machine for many. */
static uint64_t longest_silence(void)
{
    uint64_t turns_ns = atomic_load_explicit(&arena->rings, memory_order_relaxed) * TURN_NS;
    return HEARTBEAT_NS + (turns_ns < TURNS_MOST_NS ? turns_ns : TURNS_MOST_NS);
}

/* silent_ns: how long it has stood still while it was watched. */
static bool collector_gone(uint64_t silent_ns)
{
    return atomic_load(&arena->collector) == WIRE_COLLECTOR_FAILED || alive_gone(silent_ns > SILENCE_NS) ||
           (silent_ns > HEARTBEAT_NS && silent_ns > longest_silence());
}

/* Called when all words were consumed: starts again at the beginning of the buffer, unless that is near. */
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

/* Wakes the collector before the ring is full if it sleeps while more and more is unread. False: it is gone,
 * and writing on would only use up memory. */
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

/* The first word for which there is no room. ring_room allows words from the buffer's start on; those before
 * the tail are not used again until all were read. */
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

/* Moves the limit forward to the end of a page, if there is room; see wire.h. */
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

#define UNSERVED_SWEEPS 16        /* of the collector without reading a word of this ring, */
#define UNSERVED_NS 1000000000ull /* for at least this long: it does not know of the ring */

/* What a waiting thread has seen of the collector's work on its ring. */
struct service {
    uint64_t tail, since_ns;
    uint32_t sweep, sweeps; /* the last value of arena->sweep; sweeps without progress */
};

/* True if the collector reads rings, but never this one: the program has overwritten what describes it. A
 * collector that waits for a disk reads no ring at all, so the thread goes on waiting. */
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

/* The longer a thread has waited the longer it sleeps: a thousand threads that keep looking leave the
 * collector no processor for emptying their rings. */
static uint64_t wait_step(uint64_t waited_ns)
{
    uint64_t step = waited_ns / 4;
    return step < WAIT_STEP_NS ? WAIT_STEP_NS : step < WAIT_MOST_NS ? step : WAIT_MOST_NS;
}

static NOINLINE bool wait_for_room(struct thread *t)
{
    struct service service = {0};
    struct alive_watch watch = {0};
    uint64_t since = 0;
    unsigned spins = 0;
    for (;;) {
        if (LIKELY(extend(t))) {
            if (since)
                atomic_fetch_add(&t->ring->waited_ns, guest_now_ns() - since);
            return true;
        }
        if (atomic_load(&arena->asleep))
            arena_wake_collector();
        uint64_t silent_ns = alive_silent_ns(&watch), now_ns = watch.looked_ns;
        if (!since) {
            since = now_ns;
            atomic_fetch_add(&t->ring->waits, 1);
        }
        if (!tracing_live())
            return false;
        if (is_unserved(&service, atomic_load(&t->ring->tail), now_ns)) {
            atomic_fetch_add(&process->events_lost, 1);
            stop_process("the program overwrote memory of libtrace's; it goes on untraced", "");
            return false;
        }
        /* The program may have overwritten it, and the collector reads as far as it says. */
        atomic_store_explicit(&t->ring->head, t->head, memory_order_release);
        if (collector_gone(silent_ns)) {
            stop_without_collector();
            return false;
        }
        /* The collector is most likely at work, and will soon return a part of the ring. */
        if (spins++ < WAIT_SPINS) {
            for (int i = 0; i < 64; i++)
                processor_pause();
            continue;
        }
        guest_sleep(wait_step(now_ns - since));
    }
}

/* Not marked cold: with several threads, each page's first event gets here. */
__attribute__((noinline)) bool thread_wait(struct thread *t)
{
    return LIKELY(extend(t)) || wait_for_room(t);
}
