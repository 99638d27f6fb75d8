/* namespace.c - a child in a PID namespace of its own, as launchers of containers start it.
 *
 *   namespace exit|killed|threads|exec [COMMAND...]
 *
 * Both processes allocate 1,000 blocks. Status 77 if no such namespace can be made.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCKS 1000
#define THREADS 20 /* one after the other: each gives its ring back */

static void *volatile kept[BLOCKS];

__attribute__((noinline)) static void allocate(int count)
{
    for (int i = 0; i < count; i++)
        kept[i] = malloc(100);
}

static void *in_thread(void *unused)
{
    allocate(BLOCKS / THREADS);
    return unused;
}

static void child(const char *how, char **command)
{
    if (strcmp(how, "threads") == 0) {
        for (int i = 0; i < THREADS; i++) {
            pthread_t thread;
            if (pthread_create(&thread, NULL, in_thread, NULL) != 0 || pthread_join(thread, NULL) != 0)
                exit(1);
        }
    } else {
        allocate(BLOCKS);
    }
    if (strcmp(how, "killed") == 0)
        raise(SIGKILL); /* which the first process of a namespace does not hear from within */
    if (strcmp(how, "killed") == 0)
        pause();
    if (strcmp(how, "exec") == 0)
        execvp(command[0], command);
    exit(0);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    allocate(BLOCKS);
    if (unshare(CLONE_NEWPID) != 0)
        return 77;
    pid_t pid = fork();
    if (pid == 0)
        child(argv[1], argv + 2);
    if (strcmp(argv[1], "killed") == 0) {
        usleep(200000);
        kill(pid, SIGKILL);
    }
    return waitpid(pid, NULL, 0) == pid ? 0 : 1;
}
