/* exit_facts.c - see exit_facts.h. */
#define _GNU_SOURCE
#include "exit_facts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How a process ended that is somebody else's child: from Linux 6.15 on, its pidfd keeps this. */
struct exit_info {
    uint64_t mask, cgroup;
    uint32_t pid, tgid, ppid, ids[8];
    int32_t exit_code;
    uint32_t reserved[16];
};
#define EXIT_INFO_MASK (1ull << 3)
#define EXIT_INFO_IOCTL _IOC(_IOC_READ | _IOC_WRITE, 0xff, 11, 64)

static bool exit_from_pidfd(int pidfd, int *status)
{
    struct exit_info info;
    memset(&info, 0, sizeof info);
    info.mask = EXIT_INFO_MASK;
    if (ioctl(pidfd, EXIT_INFO_IOCTL, &info) != 0 || !(info.mask & EXIT_INFO_MASK))
        return false;
    *status = info.exit_code;
    return true;
}

/* On older kernels: the last field of /proc/PID/stat, as long as the process is a zombie. */
static bool exit_from_proc(int pid, int *status)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    const char *state = strrchr(text, ')'), *last = strrchr(text, ' ');
    if (!state || !last || (state[2] != 'Z' && state[2] != 'X'))
        return false;
    *status = atoi(last + 1);
    return true;
}

void exit_facts_status(struct tracked_process *process, const struct arena_death *death)
{
    int status;
    /* /proc has it until the process was waited for, the pidfd from then on: that may happen between two
     * looks, so the pidfd is tried twice.
     */
    if ((process->pidfd >= 0 && exit_from_pidfd(process->pidfd, &status)) ||
        exit_from_proc(process->facts.pid, &status) ||
        (process->pidfd >= 0 && exit_from_pidfd(process->pidfd, &status))) {
        process->facts.exit_known = true;
        process->facts.exit_status = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    } else if (death->exit_known) {
        process->facts.exit_known = true;
        process->facts.exit_status = death->exit_status;
    }
}

/* The kernel derives the number of that clock from the PID. */
bool exit_facts_cpu_so_far(const struct tracked_process *process, uint64_t *cpu_ns)
{
    const clockid_t clock = (clockid_t)(~(unsigned)process->facts.pid << 3 | 2);
    struct timespec used;
    if (process->facts.pid == 0 || syscall(SYS_clock_gettime, clock, &used) != 0)
        return false;
    *cpu_ns = (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
    return true;
}

/* If the PID was still its own before and after reading, the clock was its own, too. */
void exit_facts_cpu(struct tracked_process *process)
{
    uint64_t cpu_ns;
    if (process->pidfd >= 0 && syscall(SYS_pidfd_send_signal, process->pidfd, 0, NULL, 0) == 0 &&
        exit_facts_cpu_so_far(process, &cpu_ns) &&
        syscall(SYS_pidfd_send_signal, process->pidfd, 0, NULL, 0) == 0)
        process->facts.cpu_ns = cpu_ns;
}
