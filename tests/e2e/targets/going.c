/* going.c - a program that tells how much it did, for tests of records that lack something.
 *
 *   going SECONDS       allocates and frees as fast as it can for so long, then prints how many allocations
 * that were going forks N       has N children at the same time, each of which allocates a block
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void *volatile block;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned long churn(double seconds)
{
    unsigned long count = 0;
    for (double end = now() + seconds; now() < end;) {
        for (int i = 0; i < 1000; i++, count++) {
            block = malloc(24);
            free(block);
        }
    }
    return count;
}

static int forks(int count)
{
    int ends[2], started = 0;
    char byte;
    if (pipe(ends) != 0)
        return 1;
    for (; started < count; started++) {
        pid_t pid = fork();
        if (pid < 0)
            break;
        if (pid == 0) {
            close(ends[1]);
            block = malloc(1000);
            if (read(ends[0], &byte, 1) < 0)
                _exit(1);
            _exit(0);
        }
    }
    sleep(1); /* until all have allocated */
    close(ends[1]);
    while (wait(NULL) > 0) {
    }
    printf("%d\n", started);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "forks") == 0)
        return forks(atoi(argv[2]));
    if (argc != 2)
        return 2;
    puts("ready");
    fflush(stdout);
    printf("%lu\n", churn(atof(argv[1])));
    return 0;
}
