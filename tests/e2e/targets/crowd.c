/* crowd.c - many threads that allocate for a while, and then wait.
 *
 *   crowd THREADS PAIRS   each thread allocates and frees a block so often; then "waiting" is printed, and
 *                         all wait for the end of standard input. For every further line all do it again.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static long pairs;
static pthread_barrier_t begin, done;
static atomic_bool over;

static void __attribute__((noinline)) blocks(long count)
{
    void *volatile block;
    for (long i = 0; i < count; i++) {
        block = malloc(16 + (size_t)i % 100);
        free(block);
    }
}

static void *work(void *unused)
{
    for (;;) {
        pthread_barrier_wait(&begin);
        if (over)
            return unused;
        blocks(pairs);
        pthread_barrier_wait(&done);
    }
}

int main(int argc, char **argv)
{
    long count = argc > 2 ? atol(argv[1]) : 0;
    pairs = argc > 2 ? atol(argv[2]) : 0;
    if (count < 1 || count > 10000)
        return 2;
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    pthread_barrier_init(&begin, NULL, (unsigned)count + 1);
    pthread_barrier_init(&done, NULL, (unsigned)count + 1);
    for (long i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, work, NULL) != 0)
            return 3;
    char line[16];
    do {
        pthread_barrier_wait(&begin);
        pthread_barrier_wait(&done);
        puts("waiting");
        fflush(stdout);
    } while (fgets(line, sizeof line, stdin));
    over = true;
    pthread_barrier_wait(&begin);
    for (long i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    puts("done");
    return 0;
}
