/* storm.c - threads that allocate and free at random, from 66 deep stacks in random order.
 *
 *   storm THREADS LOCAL|FOREIGN [OPERATIONS [LIVE [PROCESSORS]]]
 *
 * The operations and the live blocks are shared out among the threads, so that the work is the same for any
 * number of them. "foreign": every block is put where another thread will free it. PROCESSORS is how many the
 * threads may use, so that the others are left to whoever observes them; all if it is not given.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#define STACKS 66
#define DEPTH 14

static long thread_count, operations, live;
static bool foreign;
static _Atomic(char *) *slots; /* live of them; a thread's own are a range */
static uint32_t path_of[STACKS];

struct worker {
    pthread_t thread;
    long index;
    uint64_t allocations, frees, bytes, check;
} __attribute__((aligned(64)));

/* A stack is a path: at every level one of two calls, which the compiler must not merge. */
static NOINLINE char *descend(uint32_t path, int depth, size_t size)
{
    char *block;
    if (depth == 0) {
        block = malloc(size);
    } else if (path & 1) {
        block = descend(path >> 1, depth - 1, size);
        __asm__ volatile("# left" ::: "memory");
    } else {
        block = descend(path >> 1, depth - 1, size);
        __asm__ volatile("# right" ::: "memory");
    }
    KEEP_FRAME();
    return block;
}

static void *work(void *data)
{
    struct worker *w = data;
    uint64_t random = 88172645463325252ull + (uint64_t)w->index * 0x9e3779b97f4a7c15ull;
    long share = live / thread_count, first = w->index * share;
    for (long i = 0; i < operations / thread_count; i++) {
        uint64_t number = bench_random(&random);
        long slot =
            foreign ? (long)(number >> 32) % (share * thread_count) : first + (long)(number >> 32) % share;
        size_t size = 16 + (number >> 8) % 240;
        uint32_t path = path_of[(number >> 16 & 0xffff) % STACKS];
        char *block = descend(path, DEPTH, size);
        memset(block, (int)i, 16);
        w->allocations++;
        w->bytes += size;
        char *old = atomic_exchange_explicit(&slots[slot], block, memory_order_acq_rel);
        if (old) {
            w->check += (unsigned char)old[5];
            free(old);
            w->frees++;
        }
    }
    return NULL;
}

/* Of those that this process may use; whoever was started before it was asked keeps them all. */
static void use_processors(long count)
{
    cpu_set_t allowed, used;
    CPU_ZERO(&used);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        exit(1);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&used) < count; i++)
        if (CPU_ISSET(i, &allowed))
            CPU_SET(i, &used);
    if (sched_setaffinity(0, sizeof used, &used) != 0)
        exit(1);
}

int main(int argc, char **argv)
{
    if (argc > 5)
        use_processors(bench_argument(argc, argv, 5, 1));
    thread_count = bench_argument(argc, argv, 1, 2);
    foreign = argc > 2 && strcmp(argv[2], "foreign") == 0;
    operations = bench_argument(argc, argv, 3, 4000000);
    live = bench_argument(argc, argv, 4, 100000);
    if (thread_count < 1 || thread_count > 64 || live < thread_count)
        return 2;
    static struct worker workers[64];
    uint64_t random = 42, check = 0, allocations = 0, frees = 0, bytes = 0;
    for (int i = 0; i < STACKS; i++)
        path_of[i] = (uint32_t)(bench_random(&random) >> 20);
    static _Atomic(char *) memory[1 << 20];
    slots = memory;
    if (live > (long)(sizeof memory / sizeof memory[0]))
        return 2;
    for (long i = 0; i < thread_count; i++) {
        workers[i].index = i;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            return 1;
    }
    for (long i = 0; i < thread_count; i++) {
        pthread_join(workers[i].thread, NULL);
        allocations += workers[i].allocations;
        frees += workers[i].frees;
        bytes += workers[i].bytes;
        check += workers[i].check;
    }
    for (long i = 0; i < live; i++) {
        if (slots[i]) {
            free(slots[i]);
            frees++;
        }
    }
    bench_result(foreign ? 0 : check, allocations, frees, bytes);
    return 0;
}
