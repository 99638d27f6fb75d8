/* late.c - a child that outlives its parent, and allocates only then.
 *
 *   late child|daemon|silent MILLISECONDS
 *
 * Once the time is over it makes 1,000 blocks of 777 bytes; "silent" makes none. Until then it does nothing
 * that allocates. "daemon" is forked twice, and nobody's child. The parent says the number of its child, and
 * ends at once, with one block of 5 bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *volatile kept;

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    unsigned pause_us = (unsigned)atoi(argv[2]) * 1000;
    pid_t child = fork();
    if (child == 0 && strcmp(argv[1], "daemon") == 0 && fork() != 0)
        _exit(0);
    if (child == 0) {
        close(STDOUT_FILENO); /* whoever reads them need not wait for us */
        close(STDERR_FILENO);
        usleep(pause_us);
        for (int i = 0; i < 1000 && strcmp(argv[1], "silent") != 0; i++)
            kept = malloc(777);
        _exit(0);
    }
    if (strcmp(argv[1], "daemon") == 0)
        waitpid(child, NULL, 0);
    char number[16];
    int length = snprintf(number, sizeof number, "%d\n", (int)child);
    if (write(STDOUT_FILENO, number, (size_t)length) != length)
        return 1;
    kept = malloc(5);
    return 0;
}
