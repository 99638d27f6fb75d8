/* passes.c - executes a command with the environment behind its arguments, which the kernel has made, as programs in Go
 * do: they do not ask the C library.
 *
 *   passes COMMAND...
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void *volatile kept;

int main(int argc, char **argv)
{
    char **environment = argv + argc + 1;
    int status;

    kept = malloc(123);
    pid_t child = argc > 1 ? fork() : -1;
    if (child == 0) {
        execve(argv[1], argv + 1, environment);
        _exit(127);
    }
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
