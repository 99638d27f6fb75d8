/* limited.c - a program that sets itself a limit and goes on: what it can do is to be the same with us.
 *
 *   limited BLOCKS THREADS [RESOURCE LIMIT]...      resources by their numbers
 *
 * Forks a child that makes so many blocks, then does so itself, and in threads; of a hundred blocks one is
 * kept. Says how many there were.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

static long count;

static NOINLINE void *one(size_t size)
{
    void *volatile block = malloc(size);
    return block;
}

static NOINLINE long blocks(long n)
{
    long made = 0;
    for (long i = 0; i < n; i++) {
        void *block = one(16 + (size_t)(i % 64));
        made += block != NULL;
        if (i % 100)
            free(block);
    }
    return made;
}

static void *work(void *made)
{
    *(long *)made = blocks(count);
    return NULL;
}

static long in_threads(int threads)
{
    long made[64] = {0}, sum = 0;
    pthread_t thread[64];
    for (int i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, work, &made[i]) != 0)
            return -1;
    for (int i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
        sum += made[i];
    }
    return sum;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    count = atol(argv[1]);
    int threads = atoi(argv[2]) < 64 ? atoi(argv[2]) : 64;
    for (int i = 3; i + 1 < argc; i += 2) {
        struct rlimit limit = {strtoull(argv[i + 1], NULL, 0), strtoull(argv[i + 1], NULL, 0)};
        if (setrlimit((__rlimit_resource_t)atoi(argv[i]), &limit) != 0)
            return 3;
    }
    pid_t child = fork();
    if (child == 0)
        _exit(blocks(count) == count ? 0 : 1);
    int status = -1;
    if (child > 0 && waitpid(child, &status, 0) != child)
        return 4;
    printf("child %s, status %d\n", child > 0 ? "forked" : strerror(errno), status);
    printf("made %ld", blocks(count));
    printf(", in threads %ld\n", in_threads(threads));
    return 0;
}
