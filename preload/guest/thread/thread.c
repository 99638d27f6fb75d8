/* thread.c - see thread.h. */
#define _GNU_SOURCE
#include "thread.h"
#include "arena.h"
#include "guest_assert.h"
#include "process.h"
#include "ring.h"
#include "sampler.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct predictor nobodys_predictor; /* nothing is ever found in it */
struct thread thread_nobody = {.busy = 1, .unwind = {.predictor = &nobodys_predictor}};

__thread struct thread *thread_self __attribute__((tls_model("initial-exec"))) = &thread_nobody;

/* This process's states by ring slot; made on first use, and kept for the slot's next owner. */
static struct thread *_Atomic states[WIRE_RINGS];
static _Atomic uint32_t states_used; /* those behind have never been made */

_Atomic uint32_t threads_inside;

static _Atomic uint32_t rings_claimed; /* by this process; from the second on, events are stamped */

/* ---- the end of a thread ----------------------------------------------------------------------- */

static pthread_key_t end_key;
static _Atomic int end_key_state; /* 0 none, 1 being made, 2 made */

/* Other destructors may still allocate after this one, so the ring stays the thread's until the thread is
 * gone. Does nothing in a forked child that has no ring yet, or after a detach. */
static void thread_ends(void *unused)
{
    (void)unused;
    const struct thread *t = thread_self;
    atomic_fetch_add(&threads_inside, 1);
    if (tracing_live()) {
        if (t != &thread_nobody && t->generation == attach_generation)
            atomic_store(&t->ring->state, WIRE_RING_LAST);
        sampler_ends();
    }
    atomic_fetch_sub(&threads_inside, 1);
}

static bool has_end_key(void)
{
    int none = 0;
    if (UNLIKELY(atomic_load(&end_key_state) == 0) &&
        atomic_compare_exchange_strong(&end_key_state, &none, 1))
        atomic_store(&end_key_state, pthread_key_create(&end_key, thread_ends) == 0 ? 2 : 1);
    return atomic_load(&end_key_state) == 2;
}

void thread_watch_end(void)
{
    if (has_end_key())
        pthread_setspecific(end_key, &end_key);
}

#define KEYS_IN_PLACE 32 /* of which the C library has the values in memory that each thread has */

bool thread_watch_allocates(void)
{
    return has_end_key() && end_key >= KEYS_IN_PLACE;
}

/* ---- claiming a ring --------------------------------------------------------------------------- */

/* While confined, not every ring's buffer can be mapped. */
static bool may_open(uint32_t index)
{
    uint64_t buffer = atomic_load(&arena->ring[index].buffer);
    const struct thread *t = atomic_load(&states[index]);
    return LIKELY(!guest_confined) || !buffer || arena_within_reach(buffer) || (t && t->buffer == buffer);
}

static struct wire_ring *claim_slot(uint32_t *index)
{
    uint32_t claimed = wire_claimed(WIRE_RING_CLAIMED, (uint32_t)(process - arena->process) + 1);
    for (uint32_t i = 0; i < arena_ring_count; i++) {
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

static size_t state_size(uint32_t depth)
{
    return sizeof(struct thread) + unwind_memory(depth);
}

static void close_ring(struct thread *t)
{
    if (t->words)
        arena_close(t->words, RING_SIZE);
    t->words = NULL;
    t->buffer = 0;
}

/* Maps the ring's buffer, unless the state has the mapping already, from the slot's previous owner. */
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

static bool exists(const struct thread *t)
{
    return syscall(SYS_tgkill, syscall(SYS_getpid), t->tid, 0) == 0;
}

/* Makes a state that of a slot. The one before was that of a thread that is gone, and goes, too: its mapping of the ring would
 * keep the arena for ever. (It is not gone where something has overwritten the shared memory.) */
static void keep_state(uint32_t index, struct thread *t)
{
    int saved = errno;
    uint32_t used = atomic_load(&states_used);
    while (used <= index && !atomic_compare_exchange_weak(&states_used, &used, index + 1)) {
    }
    struct thread *before = atomic_exchange(&states[index], t);
    if (before && before != t && !(before->generation == attach_generation && exists(before))) {
        close_ring(before);
        guest_unmap(before, state_size(before->depth));
    }
    errno = saved;
}

static struct thread *state_of(uint32_t index)
{
    struct thread *t = atomic_load(&states[index]);
    if (t && t->depth >= settings.depth)
        return t;
    t = guest_pages(state_size(settings.depth));
    if (t) {
        t->depth = settings.depth;
        keep_state(index, t);
    }
    return t;
}

struct thread *thread_claim(uint32_t level, struct thread *own)
{
    uint32_t index = 0;
    struct wire_ring *ring = claim_slot(&index);
    struct thread *inner = own ? own->inner : NULL;
    if (own && own->depth < settings.depth)
        own = NULL; /* made for an earlier attach: it is too small, and lost */
    struct thread *t = !ring ? NULL : own ? own : state_of(index);
    if (!t || !open_ring(t, ring)) {
        if (ring)
            atomic_store(&ring->state, WIRE_RING_FREE);
        atomic_fetch_add(&process->events_lost, 1);
        return NULL;
    }
    if (own)
        keep_state(index, own);
    struct thread before = {.words = t->words, .buffer = t->buffer, .depth = t->depth};
    *t = before;
    t->inner = inner;
    guest_assert(t != &thread_nobody && ring == &arena->ring[index] && level < THREAD_LEVELS);
    t->generation = attach_generation;
    t->tid = (uint32_t)guest_tid();
    unwind_init(&t->unwind, settings.depth, t + 1);
    t->ring = ring;
    t->head = atomic_load(&ring->head);
    t->limit = t->begin = t->woken = t->head; /* all was consumed, or the ring would not be free */
    atomic_store(&ring->limit, t->limit);
    t->stamped = ~t->head; /* as if stamped long ago: the first event tells when this thread began */
    t->level = level;
    atomic_store(&ring->slow_at, 0);
    ring->process = (uint32_t)(process - arena->process);
    ring->tid = t->tid;
    ring->level = level;
    memset(ring->name, 0, sizeof ring->name);
    if (!guest_confined)
        prctl(PR_GET_NAME, ring->name);
    atomic_store(&ring->state, WIRE_RING_BUSY);
    if (atomic_fetch_add(&rings_claimed, 1) >= 1)
        gate_stamp();
    return t;
}

/* Takes this thread's states, each of which has one of the parent's rings, out of the table, so that they are
 * used again for the child's rings. Not if a signal handler forked within a hook: then that hook is still
 * using one of them. */
static void keep_states(void)
{
    for (struct thread *t = thread_self; t && t->generation == attach_generation; t = t->inner) {
        atomic_store(&states[t->ring - arena->ring], NULL);
        t->generation = UINT32_MAX;
    }
}

void thread_forked(void)
{
    if (thread_self->busy)
        thread_self = &thread_nobody;
    else
        keep_states();
    atomic_store(&rings_claimed, 0);
    atomic_store(&threads_inside, 1); /* this thread itself, as the slow path got here */
}

void thread_close_rings(void)
{
    for (uint32_t i = 0; i < atomic_load(&states_used); i++) {
        struct thread *t = atomic_load(&states[i]);
        if (t)
            close_ring(t);
    }
}

void thread_new_generation(void)
{
    for (uint32_t i = 0; i < atomic_load(&states_used); i++) {
        struct thread *t = atomic_load(&states[i]);
        if (t && exists(t))
            atomic_store(&states[i], NULL);
    }
    atomic_store(&rings_claimed, 0);
}

bool thread_all_out(void)
{
    if (atomic_load(&threads_inside))
        return false;
    for (uint32_t i = 0; i < atomic_load(&states_used); i++) {
        const struct thread *t = atomic_load(&states[i]);
        /* Threads that were cancelled in a hook stay busy for ever: only those that exist count. */
        if (t && t->busy && t->generation == attach_generation && exists(t))
            return false;
    }
    return true;
}
