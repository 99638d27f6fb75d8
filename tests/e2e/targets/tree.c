/* tree.c - processes that make processes, each allocating a number of blocks that no other does: fork, vfork,
 * exec, posix_spawn, system, and a child that closes every descriptor first.
 *
 *   tree            all of it; prints "name blocks" of each process that must be counted
 *   tree leaf N     allocates N blocks of 100 bytes and frees them
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void blocks(int n)
{
    for (int i = 0; i < n; i++) {
        void *volatile block = malloc(100);
        free(block);
    }
}

static void wait_for(pid_t pid, int expected)
{
    int status;
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != expected)
        printf("a child ended in another way: %d\n", status);
}

int main(int argc, char **argv)
{
    static char leaf[] = "leaf", forked_exec[] = "3000", vforked[] = "4000", spawned[] = "5000";
    char command[5000];

    if (argc > 2) {
        blocks(atoi(argv[2]));
        return 7;
    }
    blocks(1000);

    pid_t pid = fork(); /* goes on in the same image */
    if (pid == 0) {
        blocks(2000);
        _exit(0);
    }
    wait_for(pid, 0);

    pid = fork(); /* fork and exec */
    if (pid == 0) {
        execl(argv[0], argv[0], leaf, forked_exec, NULL);
        _exit(1);
    }
    wait_for(pid, 7);

    pid = vfork();
    if (pid == 0) {
        execl(argv[0], argv[0], leaf, vforked, NULL);
        _exit(1);
    }
    wait_for(pid, 7);

    char *arguments[] = {argv[0], leaf, spawned, NULL};
    if (posix_spawn(&pid, argv[0], NULL, NULL, arguments, environ) == 0)
        wait_for(pid, 7);

    snprintf(command, sizeof command, "%s leaf 6000", argv[0]);
    if (WEXITSTATUS(system(command)) != 7)
        puts("system() ended in another way");

    pid = fork(); /* a daemon's habits */
    if (pid == 0) {
        setsid();
        closefrom(0);
        blocks(7000);
        _exit(0);
    }
    wait_for(pid, 0);
    if (waitpid(-1, NULL, WNOHANG) != -1)
        puts("there is a child that this program did not make");
    puts("done");
    return 0;
}
