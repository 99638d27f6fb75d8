/* signal_wait.c - see signal_wait.h. */
#define _GNU_SOURCE
#include "signal_wait.h"

#include <poll.h>
#include <signal.h>
#include <time.h>

void signal_wait(const int *signals, size_t count, int (*over)(void), double seconds)
{
    struct timespec pause = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    sigset_t ours, before;

    if (seconds <= 0)
        return;
    sigemptyset(&ours);
    for (size_t i = 0; i < count; i++)
        sigaddset(&ours, signals[i]);
    sigprocmask(SIG_BLOCK, &ours, &before);
    if (!over())
        ppoll(NULL, 0, &pause, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
}
