/* memory_watch.c - see memory_watch.h. */
#define _GNU_SOURCE
#include "memory_watch.h"
#include "pids.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)

/* Kept free, besides what writing the recording takes: the program may take so much between two looks, and
 * the collector some for writing, before everything is returned. */
#define KEPT (4 * MIB)
#define SHARED_MUCH (4 * MIB) /* if the shared memory is smaller, ending would not help */
#define LAST (3 * MIB / 2)    /* with less than that there is no time to write */
#define TO_BEGIN (4 * MIB)    /* for the collector itself, and the first events */
#define TIGHT (512 * MIB)
#define NEAR (64 * MIB)
#define RINGS_PART \
    4 /* share of the room for what is recorded, but not read yet: it can fill up within milliseconds */

/* A processor touches up to 4 GiB of fresh memory a second: what is left must last until the next look. If
 * usage does not change, the looks can be rarer. */
#define PER_SECOND (4096 * MIB)
#define PER_SECOND_IDLE (64 * MIB)
#define SOONEST_NS 1000000ull
#define LATEST_NS 100000000ull
#define LATEST_IDLE_NS 2000000000ull
#define A_TURN_NS 10000000ull
#define FAST_MOST (8 * MIB)
#define UNLIMITED_NS 60000000000ull /* a limit may be set later */

const char memory_watch_sentence[] =
    "the memory limit of the program's cgroup is near: recording has stopped, the program goes on";

static const char no_room[] =
    "the memory limit of the program's cgroup leaves no room for recording; the program runs untraced";

void memory_watch_pause(struct memory_watch *watch)
{
    pthread_mutex_lock(&watch->writing);
}

void memory_watch_go_on(struct memory_watch *watch)
{
    pthread_mutex_unlock(&watch->writing);
}

static uint64_t kept(const struct memory_watch *watch)
{
    return KEPT + atomic_load_explicit(&watch->to_write, memory_order_relaxed);
}

static uint64_t room_now(const struct memory_watch *watch)
{
    return memory_limit_room(&watch->limit, 4 * kept(watch));
}

/* If the program is in another group than we, only our shared memory counts there. True if returning it
 * would help the program. */
static bool presses_the_program(const struct memory_watch *watch, uint64_t room)
{
    uint64_t shared = room == UINT64_MAX ? 0 : arena_resident(watch->arena);
    return shared >= SHARED_MUCH && room < shared;
}

/* The group is charged for the shared memory until nobody has it mapped any more: so it is returned before
 * we exit. */
static _Noreturn void give_up(struct memory_watch *watch)
{
    memory_watch_pause(watch);
    arena_state(watch->arena, WIRE_COLLECTOR_FAILED, memory_watch_sentence);
    arena_abandon(watch->arena);
    _exit(1);
}

/* Any thread may call it. */
static uint64_t look(struct memory_watch *watch)
{
    uint64_t room = room_now(watch), outside = memory_limit_room(&watch->program, 4 * KEPT);
    uint64_t least = kept(watch) + atomic_load_explicit(&watch->fast, memory_order_relaxed);
    enum memory_state before = memory_watch_state(watch), now = MEMORY_PLENTY;
    atomic_store_explicit(&watch->room, room < outside ? room : outside, memory_order_relaxed);
    if (room < LAST)
        give_up(watch);
    if (room < 2 * least)
        now = room < least ? MEMORY_END : MEMORY_SHORT;
    if (presses_the_program(watch, outside))
        now = MEMORY_END;
    room = room < outside ? room : outside;
    while (before != MEMORY_END && !atomic_compare_exchange_weak(&watch->state, &before, now)) {
    }
    if (before == MEMORY_END || now != MEMORY_END)
        return room;
    /* The programs are told first, as what they would record from now on takes memory, too. */
    memory_watch_pause(watch);
    arena_state(watch->arena, WIRE_COLLECTOR_FAILED, memory_watch_sentence);
    arena_grant(watch->arena, 1);
    arena_wake(watch->arena);
    memory_watch_go_on(watch);
    return room;
}

static uint64_t pause_until_next(uint64_t room, bool idle)
{
    if (room == UINT64_MAX)
        return UNLIMITED_NS;
    uint64_t left = room > LAST ? room - LAST : 0, rate = idle ? PER_SECOND_IDLE : PER_SECOND;
    uint64_t latest = idle ? LATEST_IDLE_NS : LATEST_NS, most = rate / 1000 * (latest / 1000000);
    uint64_t ns = left < most ? left * 1000 / (rate / 1000000) : latest;
    return ns > SOONEST_NS ? ns : SOONEST_NS;
}

/* If all processors are busy, a thread with shorter time slices waits less for its turn (Linux 6.12;
 * before, a thread that has slept gets its turn soon anyway). */
static void ask_for_short_turns(void)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {.size = sizeof attributes, .policy = SCHED_OTHER, .runtime = 100000 /* ns */};
    syscall(SYS_sched_setattr, 0, &attributes, 0);
}

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* If memory goes fast, and all processors are busy with that, it may be gone before our next turn. */
static void note_speed(struct memory_watch *watch, uint64_t before, uint64_t room, uint64_t passed_ns)
{
    uint64_t taken = room < before && before != UINT64_MAX ? before - room : 0;
    uint64_t a_turn = taken / (passed_ns / 1000 + 1) * (A_TURN_NS / 1000);
    uint64_t remembered = atomic_load_explicit(&watch->fast, memory_order_relaxed) / 8 * 7;
    uint64_t fast = a_turn > remembered ? a_turn : remembered;
    atomic_store_explicit(&watch->fast, fast < FAST_MOST ? fast : FAST_MOST, memory_order_relaxed);
}

static bool limited(const struct memory_watch *watch)
{
    return watch->limit.count || watch->program.count;
}

/* One may have been set since. */
static void look_for_limit(struct memory_watch *watch)
{
    memory_limit_close(&watch->limit);
    memory_limit_open(&watch->limit, 0, NULL);
}

static void *run(void *data)
{
    struct memory_watch *watch = data;
    uint64_t before = UINT64_MAX, looked_ns = clock_ns();
    ask_for_short_turns();
    for (;;) {
        uint64_t room = look(watch), now_ns = clock_ns();
        note_speed(watch, before, room, now_ns - looked_ns);
        looked_ns = now_ns;
        uint64_t ns = pause_until_next(room, room == before);
        before = room;
        nanosleep(&(struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)}, NULL);
        if (watch->limit.count == 0)
            look_for_limit(watch);
    }
    return NULL;
}

/* Signals go to the collector's main thread, which may be asleep. Without this thread, only the kernel's
 * OOM killer limits us. */
static void start_thread(struct memory_watch *watch)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_attr_init(&attributes) == 0) {
        pthread_attr_setstacksize(&attributes, 128u << 10);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        pthread_create(&thread, &attributes, run, watch);
        pthread_attr_destroy(&attributes);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

uint64_t memory_watch_ring(const struct memory_watch *watch, uint32_t rings)
{
    uint64_t room = atomic_load_explicit(&watch->room, memory_order_relaxed), least = kept(watch);
    uint64_t words = room > least ? (room - least) / RINGS_PART / sizeof(uint64_t) / (rings ? rings : 1) : 1;
    return memory_watch_state(watch) == MEMORY_END ? 1 : words;
}

const char *memory_watch_start(struct memory_watch *watch, struct arena *arena, int first_pidfd,
                               bool attached)
{
    watch->arena = arena;
    pthread_mutex_init(&watch->writing, NULL);
    memory_limit_open(&watch->limit, 0, NULL);
    int first = first_pidfd ? pids_of_pidfd(first_pidfd) : 0;
    if (first > 0)
        memory_limit_open(&watch->program, first, &watch->limit);
    uint64_t room = room_now(watch), outside = memory_limit_room(&watch->program, 4 * KEPT);
    watch->room = room < outside ? room : outside;
    /* A program that has started us has done something by now, and may have been killed for its memory: that is to be
     * recorded, and look() protects it as at any time. */
    if ((attached ? watch->room : room) < kept(watch) + TO_BEGIN)
        return no_room;
    if (limited(watch))
        start_thread(watch);
    return NULL;
}

/* Most programs have no limit: then there is nothing to watch, until somebody sets one. */
static void look_again(struct memory_watch *watch, uint64_t now_ns)
{
    if (watch->next_look_ns) { /* memory_watch_start() has just looked */
        look_for_limit(watch);
        if (limited(watch))
            start_thread(watch);
    }
    watch->next_look_ns = now_ns + UNLIMITED_NS;
}

void memory_watch_look(struct memory_watch *watch, uint64_t now_ns)
{
    uint64_t room = atomic_load_explicit(&watch->room, memory_order_relaxed);
    if (now_ns < watch->next_look_ns)
        return;
    if (!limited(watch)) {
        look_again(watch, now_ns);
        return;
    }
    if (room == UINT64_MAX)
        return;
    watch->next_look_ns = now_ns + (room < NEAR ? SOONEST_NS : LATEST_NS);
    look(watch);
}

bool memory_watch_is_tight(const struct memory_watch *watch)
{
    return memory_limit_room(&watch->limit, TIGHT) < TIGHT;
}

bool memory_watch_fits(const struct memory_watch *watch, uint64_t bytes)
{
    uint64_t least = 2 * kept(watch) + 4 * bytes;
    return memory_watch_state(watch) != MEMORY_END && memory_limit_room(&watch->limit, least) >= least;
}
