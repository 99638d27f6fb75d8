/* server.h - a server of which ten minutes last as many seconds as it is told: what it does is counted, not timed.
 *
 * Ten minutes are TICKS; each tick allocates and frees 600 requests of a megabyte, in ten blocks, and does not touch them.
 * That is 1 GB a second of those minutes. What a tick leaks in this folder's programs is LEAKED bytes: 1 MB a minute.
 */
#ifndef LIBTRACE_TESTS_SERVER_H
#define LIBTRACE_TESTS_SERVER_H

#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TICKS = 1000, REQUESTS = 600, PARTS = 10, PART_BYTES = 100000, LEAKED = 10000 };

static double server_seconds;
static unsigned long server_seed = 1;

/* The same numbers each time: from 0 to most - 1. */
static inline unsigned server_random(unsigned most)
{
    server_seed = server_seed * 6364136223846793005UL + 1442695040888963407UL;
    return (unsigned)((server_seed >> 33) % most);
}

static inline void server_churn(void)
{
    char *volatile part[PARTS];

    for (int i = 0; i < PARTS; i++)
        part[i] = (char *)malloc(PART_BYTES);
    for (int i = 0; i < PARTS; i++)
        free(part[i]);
}

/* What the server needs for good, and loads when it starts. The large block tells glibc to keep for later what is freed. */
static inline void server_load(void)
{
    static char *volatile loaded[2000];
    char *volatile large = (char *)malloc(1 << 24);

    free(large);
    for (int i = 0; i < 2000; i++)
        loaded[i] = (char *)calloc(1, 10000);
}

static inline double server_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Calls tick() and serve() for each of its requests; at last waits to be stopped. */
static inline void server_run(const char *seconds, void (*tick)(int tick), void (*serve)(int request))
{
    double began = server_clock();

    server_seconds = atof(seconds);
    server_load();
    for (int i = 0; i < TICKS; i++) {
        for (int k = 0; k < REQUESTS; k++) {
            if (serve != NULL)
                serve(i * REQUESTS + k);
            server_churn();
        }
        if (tick != NULL)
            tick(i);
        double early = began + server_seconds * (i + 1) / TICKS - server_clock();

        if (early > 0)
            usleep((useconds_t)(early * 1e6));
        if (i % 10 == 9)
            trace_mark("tenth tick");
    }
    puts("done");
    fflush(stdout);
    for (;;)
        pause();
}

struct server_kind {
    const char *name;
    void (*tick)(int tick);
    void (*serve)(int request);
};

/* A program's main: KIND SECONDS. */
static inline int server_main(const struct server_kind *kinds, size_t count, int argc, char **argv)
{
    for (size_t i = 0; argc == 3 && i < count; i++)
        if (strcmp(kinds[i].name, argv[1]) == 0)
            server_run(argv[2], kinds[i].tick, kinds[i].serve);
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "%s\n", kinds[i].name);
    return 2;
}

#endif
