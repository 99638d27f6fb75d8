/* child.c - see child.h. */
#include "child.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
/* after the headers that it needs */
#include <cmocka.h>

#define LOOKS 20000 /* of a millisecond each: long, because the machine may be busy */

void child_ready(struct child_memory *memory)
{
    atomic_store(&memory->ready, 1);
}

void child_start(struct child *child, void (*life)(struct child_memory *memory))
{
    child->memory =
        mmap(NULL, sizeof *child->memory, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(child->memory != MAP_FAILED);
    child->pid = fork();
    if (child->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        life(child->memory);
        _exit(0);
    }
    assert_true(child->pid > 0);
    for (int i = 0; i < LOOKS && !atomic_load(&child->memory->ready); i++)
        usleep(1000);
    assert_true(atomic_load(&child->memory->ready));
}

int child_turns(const struct child *child)
{
    uint64_t before = atomic_load(&child->memory->turns);
    for (int i = 0; i < LOOKS && atomic_load(&child->memory->turns) < before + 3; i++) {
        siginfo_t ended = {0};
        if (waitid(P_PID, (id_t)child->pid, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid != 0)
            return 0;
        usleep(1000);
    }
    return atomic_load(&child->memory->turns) >= before + 3;
}

int child_status(struct child *child)
{
    int status = -1;
    assert_int_equal(waitpid(child->pid, &status, __WALL), child->pid);
    child->pid = 0;
    return status;
}

void child_end(struct child *child)
{
    if (child->pid > 0) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, __WALL);
    }
    munmap(child->memory, sizeof *child->memory);
    child->pid = 0;
}
