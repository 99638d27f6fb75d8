/* sandbox.c - a child that is shut up as browsers shut up what shows pages: in a PID namespace of its own, with no files
 * to see, behind a seccomp filter.
 *
 *   sandbox DIRECTORY WHAT...     WHAT of namespace, files, filter
 *
 * Prints the child's number, then both wait until the input ends. Status 77 if that cannot be done here.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int wants(char **what, const char *name)
{
    for (; *what; what++)
        if (strcmp(*what, name) == 0)
            return 1;
    return 0;
}

static void child(const char *directory, char **what, int ready)
{
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog filter = {1, &allow};
    char byte;

    if (wants(what, "files") && (chroot(directory) != 0 || chdir("/") != 0))
        _exit(77);
    if (wants(what, "filter") && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
                                  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0))
        _exit(77);
    if (write(ready, "", 1) != 1)
        _exit(1);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        free(malloc(10));
    _exit(0);
}

int main(int argc, char **argv)
{
    int ready[2], status = 0;
    char byte;

    if (argc < 2 || pipe(ready) != 0)
        return 2;
    if (wants(argv + 2, "namespace") && unshare(CLONE_NEWPID) != 0)
        return 77;
    pid_t pid = fork();
    if (pid == 0) {
        close(ready[0]);
        child(argv[1], argv + 2, ready[1]);
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) == 1) {
        printf("%d\n", (int)pid);
        fflush(stdout);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
