/* bench.h - what the benchmark's workloads share: numbers, results, and the last moment of the work. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#undef NOINLINE /* micro.c: the recorder has a weaker one */
#define NOINLINE __attribute__((noipa))

/* Ends a function whose call must not become a jump: its frame is part of the stack that is measured. */
#define KEEP_FRAME() __asm__ volatile("" ::: "memory")

/* xorshift64*: fast, and the same on every machine. */
static inline uint64_t bench_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1dull;
}

static inline uint64_t bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline long bench_argument(int argc, char **argv, int index, long otherwise)
{
    return argc > index ? atol(argv[index]) : otherwise;
}

/* Says what was done, for the harness to compare with what was counted. Printed with no allocation, so that
 * the counts are whole: a buffer on the stack, and one write. "end" is the moment at which the work was over.
 */
static inline void bench_result(uint64_t check, uint64_t allocations, uint64_t frees, uint64_t bytes)
{
    char text[200];
    static char buffer[256];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    snprintf(text, sizeof text, "check %llx allocations %llu frees %llu bytes %llu end %llu\n",
             (unsigned long long)check, (unsigned long long)allocations, (unsigned long long)frees,
             (unsigned long long)bytes, (unsigned long long)bench_now_ns());
    fputs(text, stdout);
    fflush(stdout);
}

#endif
