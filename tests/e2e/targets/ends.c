/* ends.c - allocates a known number of blocks, and ends in the way that it is told.
 *
 *   ends WAY [PROGRAM]
 *
 * In the ways that leave somebody behind, that one allocates as much again a little later.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCKS 1000

static void *kept[BLOCKS];

static void __attribute__((noinline)) allocate(void)
{
    for (int i = 0; i < BLOCKS; i++)
        kept[i] = malloc(100);
    for (int i = 0; i < BLOCKS; i += 2)
        free(kept[i]);
}

static void *allocate_later(void *unused)
{
    (void)unused;
    usleep(20000);
    allocate();
    return NULL;
}

static void die(int number)
{
    signal(number, SIG_DFL);
    kill(getpid(), number);
    for (;;)
        pause();
}

/* Nobody waits for it, and nothing of the terminal is its any more. */
static void become_daemon(void)
{
    if (fork() != 0)
        _exit(0);
    setsid();
    if (fork() != 0)
        _exit(0);
    for (int file = 0; file < 3; file++)
        close(file);
    allocate_later(NULL);
    exit(0);
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "";
    const struct rlimit no_core = {0, 0};
    pthread_t thread;
    setrlimit(RLIMIT_CORE, &no_core);
    allocate();
    if (strcmp(way, "_exit") == 0)
        _exit(3);
    if (strcmp(way, "quick_exit") == 0)
        quick_exit(3);
    if (strcmp(way, "abort") == 0)
        abort();
    if (strcmp(way, "killed") == 0)
        die(SIGKILL);
    if (strcmp(way, "executes") == 0 && argc > 2)
        execl(argv[2], argv[2], "static", "3", (char *)NULL);
    if (strcmp(way, "daemon") == 0)
        become_daemon();
    if (strcmp(way, "threads") == 0 && pthread_create(&thread, NULL, allocate_later, NULL) == 0)
        pthread_exit(NULL);
    if (strcmp(way, "leaves child") == 0) {
        if (fork() != 0)
            die(SIGKILL);
        close(0), close(1), close(2);
        allocate_later(NULL);
        _exit(0);
    }
    return 3;
}
