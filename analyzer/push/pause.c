/* pause.c - see pause.h. */
#define _GNU_SOURCE
#include "pause.h"
#include "signal_wait.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>

static volatile sig_atomic_t ended;

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
#define SIGNALS (sizeof signals / sizeof signals[0])

static void on_signal(int number)
{
    (void)number;
    ended = 1;
}

void pause_catch_signals(void)
{
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | (int)SA_RESETHAND};

    for (size_t i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &action, NULL);
}

int pause_was_ended(void)
{
    return ended;
}

void pause_for(double seconds)
{
    signal_wait(signals, SIGNALS, pause_was_ended, seconds);
}

double pause_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
