/* jail.c - a program that locks itself into seccomp, and lives on as far as its jail allows.
 *
 *   jail HOW ACTION MODE [BLOCKS]
 *
 * HOW it enters: prctl, seccomp (by syscall(), as libseccomp), or syscall (prctl by syscall()).
 * ACTION for what is not allowed: kill, or errno.
 * MODE: strict: nothing but read, write, _exit. alone: memory, too. threads, forks: what these take.
 *       exec: all but what a tracer's start would take; then executes itself as "alone", without a jail.
 *       refused: the filter is broken, the kernel does not take it.
 *       beside: strict, beside a thread that goes on as long as this one lives.
 * jail clock HOW MODE ...: no jail, but nobody may read the processor's clock; HOW: prctl, or syscall.
 * Makes so many blocks in blocks(), by stacks of many shapes, after one of 10 bytes before; in two threads,
 * or two children that end one after the other, as many again.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

static const int alone[] = {SYS_write, SYS_brk, SYS_mmap, SYS_munmap, SYS_exit, SYS_exit_group, -1};
static const int threads[] = {
    SYS_clone,   SYS_clone3,         SYS_set_robust_list,   SYS_rseq,         SYS_futex, SYS_mprotect,
    SYS_madvise, SYS_rt_sigprocmask, SYS_sched_getaffinity, SYS_rt_sigaction, -1};
static const int forks[] = {SYS_clone, SYS_set_robust_list, SYS_wait4, SYS_futex, SYS_rt_sigprocmask, -1};
static const int refused[] = {SYS_memfd_create, SYS_pidfd_open, SYS_mremap,    SYS_munlock, SYS_getppid,
                              SYS_readlink,     SYS_kill,       SYS_waitid,    SYS_prctl,   SYS_getrusage,
                              SYS_sigaltstack,  SYS_madvise,    SYS_nanosleep, -1};

static struct sock_filter filter[100];
static unsigned short length;

static void add(struct sock_filter instruction)
{
    filter[length++] = instruction;
}

static void for_each(const int *calls, unsigned action)
{
    for (; *calls >= 0; calls++) {
        add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)*calls, 0, 1));
        add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
    }
}

static int lose_clock(const char *how)
{
    return strcmp(how, "prctl") == 0 ? prctl(PR_SET_TSC, PR_TSC_SIGSEGV)
                                     : (int)syscall(SYS_prctl, PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
}

static int enter(const char *how, const char *action, const char *mode)
{
    if (strcmp(how, "clock") == 0)
        return lose_clock(action);
    unsigned otherwise = strcmp(action, "kill") == 0 ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | 1;
    add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    if (strcmp(mode, "exec") == 0) {
        for_each(refused, otherwise);
        add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    } else {
        for_each(alone, SECCOMP_RET_ALLOW);
        if (strcmp(mode, "threads") == 0)
            for_each(threads, SECCOMP_RET_ALLOW);
        if (strcmp(mode, "forks") == 0)
            for_each(forks, SECCOMP_RET_ALLOW);
        add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, otherwise));
    }
    struct sock_fprog program = {strcmp(mode, "refused") == 0 ? 0 : length, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    if (strcmp(mode, "strict") == 0 || strcmp(mode, "beside") == 0)
        return strcmp(how, "prctl") == 0 ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)
                                         : (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL);
    if (strcmp(how, "prctl") == 0)
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
    if (strcmp(how, "syscall") == 0)
        return (int)syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static long count;

static NOINLINE void *one(void)
{
    void *volatile block = malloc(100);
    return block;
}

static NOINLINE void *deep(unsigned way, unsigned depth)
{
    void *block = depth == 0 ? one() : way & 1 ? deep(way >> 1, depth - 1) : deep(way >> 1, depth - 1);
    __asm__ volatile("" : "+r"(block)); /* no tail call */
    return block;
}

static NOINLINE void blocks(void)
{
    for (long i = 0; i < count; i++)
        free(deep((unsigned)i, i % 10));
}

static void *work(void *unused)
{
    blocks();
    return unused;
}

static volatile int started, ended;

/* As many blocks again, and then some more, until the other thread is done. */
static void *work_beside(void *unused)
{
    blocks();
    started = 1;
    while (!ended)
        free(malloc(20));
    _exit(7);
    return unused;
}

static void begin_beside(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, work_beside, NULL) != 0)
        _exit(5);
    while (!started) {
    }
}

static void in_threads(void)
{
    pthread_t thread[2];
    for (int i = 0; i < 2; i++)
        if (pthread_create(&thread[i], NULL, work, NULL) != 0)
            _exit(5);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
}

static void in_children(void)
{
    for (int i = 0; i < 2; i++) {
        int status = -1;
        pid_t child = fork();
        if (child == 0) {
            blocks();
            _exit(0);
        }
        if (wait4(child, &status, 0, NULL) != child || status != 0)
            _exit(6);
    }
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    count = argc > 4 ? atol(argv[4]) : 1000;
    const char *mode = argv[3];
    void *volatile before = malloc(10);
    if (strcmp(mode, "beside") == 0)
        begin_beside();
    if (strcmp(argv[1], "not") != 0 && (enter(argv[1], argv[2], mode) != 0) != (strcmp(mode, "refused") == 0))
        return 3;
    blocks();
    if (strcmp(mode, "threads") == 0)
        in_threads();
    if (strcmp(mode, "forks") == 0)
        in_children();
    if (strcmp(mode, "exec") == 0) {
        char *again[] = {argv[0], "not", "kill", "alone", argc > 4 ? argv[4] : NULL, NULL};
        execv(argv[0], again);
        return 4;
    }
    static const char say[] = "still here\n";
    if (write(1, say, sizeof say - 1) < 0)
        return 1;
    free(before);
    if (strcmp(mode, "beside") == 0) {
        ended = 1;
        syscall(SYS_exit, 7);
    }
    if (strcmp(mode, "strict") == 0)
        syscall(SYS_exit, 7);
    return 7;
}
