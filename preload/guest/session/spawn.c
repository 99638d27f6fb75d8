/* spawn.c - see spawn.h.
 *
 * The program clones a first child that shares its memory and sends no exit signal; that one clones a
 * second, which becomes the collector, and exits. The second has no parent then but init (or a subreaper),
 * and the first is waited for here, before the program could see it.
 *
 * Where the program itself is init, the first of a container, or a subreaper, the collector would be its own
 * child then, which it may wait for, and for ever. There the first child stays, the collector's parent, a
 * process of its own: as it sends no signal, and executes nothing, no wait but one with __WALL tells of it.
 */
#define _GNU_SOURCE
#include "spawn.h"
#include "arena.h"
#include "guest.h"
#include "ours.h"
#include "wire.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_SIZE 16384

/* In memory that all three share. */
struct spawn {
    char *const *arguments;
    char *const *environment;
    int kept[SPAWN_KEPT];
    int pid;                  /* PID of the second child */
    int error;                /* errno code of what failed, 0 = nothing */
    _Atomic uint32_t started; /* a futex: both PID and error are known */
    char first_stack_memory[STACK_SIZE] __attribute__((aligned(16)));
    char second_stack_memory[STACK_SIZE] __attribute__((aligned(16)));
};

#define FILES_LEAST 16 /* descriptors that a collector needs for the arena, its libraries and the database */
#define FILES_WANTED 4096

/* The limits are meant for the program, not for the collector: raises those that count when it is
 * executed. False if there are too few descriptors. */
static bool raise_limits(void)
{
    const int raised[] = {RLIMIT_STACK, RLIMIT_AS, RLIMIT_DATA, RLIMIT_NOFILE};
    struct rlimit limit;
    for (size_t i = 0; i < sizeof raised / sizeof raised[0]; i++) {
        if (syscall(SYS_prlimit64, 0, raised[i], NULL, &limit) != 0)
            continue;
        limit.rlim_cur = limit.rlim_max;
        syscall(SYS_prlimit64, 0, raised[i], &limit, NULL);
    }
    if (limit.rlim_cur >= FILES_LEAST)
        return true;
    limit.rlim_cur = limit.rlim_max = FILES_WANTED; /* possible for root */
    return syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, NULL) == 0;
}

/* ld.so's messages about the collector must not appear in the program's output. */
static void close_standard(void)
{
    syscall(SYS_close, 0);
    int null = (int)syscall(SYS_open, "/dev/null", O_RDWR);
    for (int standard = 1; standard < 3; standard++)
        if (null < 0 || syscall(SYS_dup2, null, standard) < 0)
            syscall(SYS_close, standard);
}

static int second_child(void *data)
{
    struct spawn *spawn = data;
    syscall(SYS_setsid); /* Ctrl-C at the terminal is meant for the program */
    if (!raise_limits()) {
        spawn->error = EMFILE;
        syscall(SYS_exit, 127);
    }
    bool low = false;
    for (int i = 0; i < SPAWN_KEPT; i++)
        low |= spawn->kept[i] >= 0 && spawn->kept[i] < 3;
    if (!low)
        close_standard();
    for (int i = 1; i < SPAWN_KEPT; i++)
        if (spawn->kept[i] >= 0)
            syscall(SYS_fcntl, spawn->kept[i], F_SETFD, 0);
    if (syscall(SYS_fcntl, spawn->kept[0], F_SETFD, 0) == 0)
        syscall(SYS_execve, spawn->arguments[0], spawn->arguments, spawn->environment);
    spawn->error = errno;
    syscall(SYS_exit, 127);
    return 127;
}

static int first_child(void *data)
{
    struct spawn *spawn = data;
    spawn->pid = clone(second_child, spawn->second_stack_memory + STACK_SIZE, CLONE_VM | CLONE_VFORK, spawn);
    if (spawn->pid < 0)
        spawn->error = errno;
    syscall(SYS_exit, 0);
    return 0;
}

/* The first child, if it stays. It holds nothing of the program's: no descriptor, no directory, and not
 * the arena, which lives as long as somebody has it mapped. */
static void keeper(struct spawn *spawn)
{
    spawn->pid = clone(second_child, spawn->second_stack_memory + STACK_SIZE, CLONE_VM | CLONE_VFORK, spawn);
    if (spawn->pid < 0)
        spawn->error = errno;
    int pid = spawn->pid;
    atomic_store(&spawn->started, 1);
    guest_futex_wake(&spawn->started);
    arena_unmap();
    syscall(SYS_close_range, 0, ~0u, 0);
    syscall(SYS_chdir, "/");
    syscall(SYS_setsid);
    syscall(SYS_prctl, PR_SET_NAME, "libtrace-keeper");
    while (pid > 0 && syscall(SYS_wait4, pid, NULL, __WALL, NULL) < 0 && errno == EINTR) {
    }
    syscall(SYS_exit_group, 0);
}

static bool adopts_orphans(void)
{
    int subreaper = 0;
    return guest_pid() == 1 || (prctl(PR_GET_CHILD_SUBREAPER, &subreaper) == 0 && subreaper);
}

/* Returns an errno code, or 0. */
static int spawn_by_keeper(struct spawn *spawn)
{
    long child = syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
    if (child == 0)
        keeper(spawn);
    int error = child < 0 ? errno : 0;
    while (child > 0 && !atomic_load(&spawn->started) && !guest_is_gone((int)child, true))
        guest_futex_wait(&spawn->started, 0, 10000000);
    return child > 0 && !atomic_load(&spawn->started) ? ECHILD : error;
}

static int spawn_by_orphan(struct spawn *spawn)
{
    int child = clone(first_child, spawn->first_stack_memory + STACK_SIZE, CLONE_VM | CLONE_VFORK, spawn);
    int error = child < 0 ? errno : 0;
    while (child > 0 && syscall(SYS_wait4, child, NULL, __WALL, NULL) < 0 && errno == EINTR) {
    }
    return error;
}

/* The environment without variables by which the collector itself would be traced, or allocate as the program is meant to;
 * in pages of its own. */
static char **clean_environment(size_t *size)
{
    char **environment = guest_environment();
    size_t count = 0;
    while (environment[count])
        count++;
    *size = (count + 2) * sizeof(char *);
    char **copy = guest_pages(*size);
    size_t used = 0;
    for (size_t i = 0; copy && i < count; i++) {
        if (strncmp(environment[i], "LD_", 3) != 0 && strncmp(environment[i], "GLIBC_TUNABLES=", 15) != 0 &&
            strncmp(environment[i], WIRE_SESSION_VARIABLE "=", 17) != 0)
            copy[used++] = environment[i];
    }
    if (copy)
        copy[used] = OURS_VARIABLE "=1";
    return copy;
}

#define PROCESSES_LEAST 64

/* The collector counts as a process of the user, so that the program's next fork might fail. The number of
 * processes cannot be asked for; a limit this low is meant seriously. Root has none. */
static bool processes_left(void)
{
    struct rlimit limit;
    return getuid() == 0 || getrlimit(RLIMIT_NPROC, &limit) != 0 || limit.rlim_cur >= PROCESSES_LEAST;
}

int spawn_collector(char *const *arguments, const int kept[SPAWN_KEPT], int *pid)
{
    int saved = errno, error = ENOMEM;
    size_t size;
    if (!processes_left()) {
        errno = saved;
        return EAGAIN;
    }
    char **environment = clean_environment(&size);
    struct spawn *spawn =
        guest_mmap(NULL, sizeof *spawn, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (environment && spawn != MAP_FAILED) {
        spawn->arguments = arguments;
        spawn->environment = environment;
        memcpy(spawn->kept, kept, sizeof spawn->kept);
        /* No signal handler of the program may run in a child that shares its memory. */
        uint64_t all = ~0ull, before;
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
        error = adopts_orphans() ? spawn_by_keeper(spawn) : spawn_by_orphan(spawn);
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
        if (!error)
            error = spawn->error;
        *pid = spawn->pid;
    }
    if (environment)
        guest_unmap(environment, size);
    if (spawn != MAP_FAILED)
        guest_munmap(spawn, sizeof *spawn);
    errno = saved;
    return error;
}
