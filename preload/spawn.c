/* spawn.c - see spawn.h.
 *
 * The program clones a first child that shares its memory and sends no exit signal; that one clones a
 * second, which becomes the collector, and exits. The second has no parent then but init (or a subreaper),
 * and the first is waited for here, before the program could see it.
 */
#define _GNU_SOURCE
#include "spawn.h"
#include "guest.h"
#include "wire.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_SIZE 16384

struct spawn {
    char *const *arguments;
    char *const *environment;
    int descriptors[2];
    int pid;   /* of the second child */
    int error; /* errno code of what failed, 0 = nothing */
    char first_stack_memory[STACK_SIZE] __attribute__((aligned(16)));
    char second_stack_memory[STACK_SIZE] __attribute__((aligned(16)));
};

static int second_child(void *data)
{
    struct spawn *spawn = data;
    syscall(SYS_setsid); /* Ctrl-C at the terminal is for the program */
    if (spawn->descriptors[1] >= 0)
        syscall(SYS_fcntl, spawn->descriptors[1], F_SETFD, 0);
    if (syscall(SYS_fcntl, spawn->descriptors[0], F_SETFD, 0) == 0)
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

/* The environment without what would trace the collector itself; in pages of its own. */
static char **clean_environment(size_t *size)
{
    size_t count = 0;
    while (environ && environ[count])
        count++;
    *size = (count + 1) * sizeof(char *);
    char **copy = guest_pages(*size);
    size_t used = 0;
    for (size_t i = 0; copy && i < count; i++) {
        if (strncmp(environ[i], "LD_", 3) != 0 && strncmp(environ[i], WIRE_SESSION_VARIABLE "=", 17) != 0)
            copy[used++] = environ[i];
    }
    return copy;
}

int spawn_collector(char *const *arguments, int descriptor, int other, int *pid)
{
    int saved = errno, error = ENOMEM;
    size_t size;
    char **environment = clean_environment(&size);
    struct spawn *spawn = guest_pages(sizeof *spawn);
    if (environment && spawn) {
        spawn->arguments = arguments;
        spawn->environment = environment;
        spawn->descriptors[0] = descriptor;
        spawn->descriptors[1] = other;
        /* No handler of the program may run in a child that shares its memory. */
        uint64_t all = ~0ull, before;
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
        int child = clone(first_child, spawn->first_stack_memory + STACK_SIZE, CLONE_VM | CLONE_VFORK, spawn);
        error = child < 0 ? errno : 0;
        while (child > 0 && syscall(SYS_wait4, child, NULL, __WALL, NULL) < 0 && errno == EINTR) {
        }
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
        if (!error)
            error = spawn->error;
        *pid = spawn->pid;
    }
    if (environment)
        guest_unmap(environment, size);
    if (spawn)
        guest_unmap(spawn, sizeof *spawn);
    errno = saved;
    return error;
}
