/* sampled.c - blocks of several sizes from a line each: some are kept, some are freed by another thread, some grow, some
 * are of a forked child. All is decided by the numbers below, so that each run allocates the same. */
#pragma GCC optimize("no-optimize-sibling-calls") /* each block's line is its function's own */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))
#define KEPT 20000
#define SLOTS 64

static void *kept[KEPT];
static void *volatile slot[SLOTS];
static unsigned rounds = 1;

NOINLINE static void *small(unsigned i)
{
    return malloc(16 + i % 48);
}

NOINLINE static void *middle(unsigned i)
{
    return malloc(1000 + i % 3000);
}

NOINLINE static void *large(unsigned i)
{
    return calloc(1, 40000 + i % 60000);
}

NOINLINE static void *passed(unsigned i)
{
    return malloc(100 + i % 1000);
}

/* Each block is freed by whichever thread comes next. */
static void *pass(void *seed)
{
    for (unsigned i = 0; i < 20000 * rounds; i++) {
        void *block = passed(i * 31 + (unsigned)(size_t)seed);
        free(__atomic_exchange_n(&slot[i % SLOTS], block, __ATOMIC_SEQ_CST));
    }
    return NULL;
}

NOINLINE static void grow(void)
{
    char *block = NULL;
    for (unsigned i = 1; i < 3000; i++)
        block = realloc(block, i * 40);
    free(block);
}

int main(int argc, char **argv)
{
    pthread_t thread[3];
    rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
    for (unsigned i = 0; i < KEPT; i++)
        kept[i] = i % 100 == 7 ? large(i) : i % 10 == 3 ? middle(i) : small(i);
    for (unsigned i = 0; i < KEPT; i += 2)
        free(kept[i]);
    grow();
    for (size_t i = 0; i < 3; i++)
        pthread_create(&thread[i], NULL, pass, (void *)i);
    for (size_t i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    for (unsigned i = 0; i < SLOTS; i++)
        free(slot[i]);
    pid_t child = fork();
    if (child == 0) {
        for (unsigned i = 1; i < KEPT; i += 4)
            free(kept[i]); /* its parent's */
        for (unsigned i = 0; i < 5000; i++)
            free(middle(i));
        _exit(0);
    }
    waitpid(child, NULL, 0);
    return 0;
}
