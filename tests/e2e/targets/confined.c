/* confined.c - works and allocates behind a seccomp filter of its own, as the processes of browsers and of
 * sshd do. A system call that the filter does not know ends the program. Ends when its parent does.
 *
 *   confined none|all|thread     no filter; one for the whole program; one for a thread beside the main
 * thread
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const int allowed[] = {
    SYS_brk,
    SYS_mmap,
    SYS_munmap,
    SYS_mprotect,
    SYS_madvise,
    SYS_read,
    SYS_write,
    SYS_clock_gettime,
    SYS_nanosleep,
    SYS_clock_nanosleep,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_exit,
    SYS_exit_group,
    SYS_restart_syscall,
    SYS_futex,
    SYS_getrandom,
};
#define ALLOWED (sizeof allowed / sizeof allowed[0])

static void confine(void)
{
    struct sock_filter filter[2 * ALLOWED + 2], *at = filter;
    *at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < ALLOWED; i++) {
        *at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], 0, 1);
        *at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    *at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog program = {(unsigned short)(at - filter), filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        perror("confined: seccomp");
        _exit(9);
    }
}

static volatile sig_atomic_t told;

static void on_signal(int number)
{
    told = number;
}

static void *work(void *confined)
{
    if (confined)
        confine();
    static const char ready[] = "ready\n";
    if (write(STDOUT_FILENO, ready, sizeof ready - 1) < 0)
        return NULL;
    for (;;) {
        char *volatile block = malloc(100);
        free(block);
        if (told) {
            told = 0;
            confine();
            if (write(STDOUT_FILENO, "confined\n", 9) < 0)
                return NULL;
        }
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
}

int main(int argc, char **argv)
{
    const char *who = argc > 1 ? argv[1] : "none";
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGUSR1, on_signal);
    pthread_t thread;
    if (strcmp(who, "thread") == 0) {
        if (pthread_create(&thread, NULL, work, "") != 0)
            return 1;
        pthread_join(thread, NULL);
    }
    work(strcmp(who, "all") == 0 ? "" : NULL);
}
