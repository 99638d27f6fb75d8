/* deaths.c - see deaths.h. */
#define _GNU_SOURCE
#include "deaths.h"
#include "door_keeper.h"

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define STACK_SIZE (64u << 10)
#define AGAIN_NS \
    1000000 /* time until it is woken again, as it may not have been asleep yet; then twice that */
#define AGAIN_MOST_NS 128000000

/* After a request with a wrong key the door ignores everybody for so long: nobody can keep us busy. */
#define STRANGER_NS 1000000

static int poller = -1;
static int door = -1;
static struct arena *shared;
static _Atomic bool noticed;

static void notify(void)
{
    atomic_store(&noticed, true);
    for (long pause = AGAIN_NS; atomic_load(&noticed); pause = pause < AGAIN_MOST_NS ? pause * 2 : pause) {
        arena_nudge(shared);
        nanosleep(&(struct timespec){0, pause}, NULL);
    }
}

static void *wait_for_all(void *signals)
{
    struct epoll_event events[16];
    pthread_sigmask(SIG_SETMASK, signals, NULL);
    for (;;) {
        /* If it was interrupted by a signal, the handler has set a flag for the collector. */
        int count = epoll_wait(poller, events, 16, -1), others = count;
        for (int i = 0; i < count; i++) {
            if (!events[i].data.u32)
                continue;
            others--;
            if (!door_answer(shared, door))
                nanosleep(&(struct timespec){0, STRANGER_NS}, NULL);
        }
        if (others)
            notify();
    }
    return NULL;
}

static void watch_door(int made)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 1};
    door = made > 0 ? made : door_open(shared);
    if (door >= 0)
        epoll_ctl(poller, EPOLL_CTL_ADD, door, &event);
}

void deaths_open(struct arena *arena, int made)
{
    shared = arena;
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller >= 0)
        watch_door(made);
}

bool deaths_start(void)
{
    static sigset_t before;
    sigset_t all;
    pthread_attr_t attributes;
    pthread_t thread;
    if (poller < 0 || pthread_attr_init(&attributes) != 0)
        return false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_attr_setstacksize(&attributes, STACK_SIZE) == 0 &&
                   pthread_create(&thread, &attributes, wait_for_all, &before) == 0;
    pthread_attr_destroy(&attributes);
    if (!started)
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

void deaths_watch(int pidfd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT};
    if (poller >= 0)
        epoll_ctl(poller, EPOLL_CTL_ADD, pidfd, &event);
}

bool deaths_noticed(void)
{
    return atomic_load_explicit(&noticed, memory_order_relaxed) && atomic_exchange(&noticed, false);
}
