/* reaper.c - number 1 of a container that waits for all children that it has, or gets: one more than it has made, and it
 * waits for ever.
 *
 *   reaper COMMAND...
 *
 * Ends as the command did.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int status, result = 1;
    void *volatile kept = malloc(100);
    pid_t child = argc > 1 ? fork() : -1;

    if (child == 0) {
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    for (pid_t ended; (ended = wait(&status)) > 0 || errno == EINTR;)
        if (ended == child)
            result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    free(kept);
    return result;
}
