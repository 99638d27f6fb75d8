/* end.c - what happens when the program exits. See session.h. */
#define _GNU_SOURCE
#include "session.h"
#include "alive.h"
#include "arena.h"
#include "module_files.h"
#include "modules.h"
#include "sampler.h"
#include "stop.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

uint64_t session_child_faults(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_CHILDREN, &usage) == 0 ? (uint64_t)usage.ru_minflt : UINT64_MAX;
}

void session_note_usage(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return;
    process->cpu_ns = ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * 1000000000u +
                      ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) * 1000u;
    process->peak_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
}

static void wait_for_collector(void)
{
    switch (alive_wait()) {
    case ALIVE_DONE:
        break;
    case ALIVE_SLOW:
        if (atomic_load(&arena->collector) == WIRE_COLLECTOR_STARTING && atomic_load(&arena->locked))
            stop_say(
                "another program keeps the database locked; what was recorded will be written when that has "
                "ended, if it does so within two minutes",
                "");
        break;
    case ALIVE_FAILED:
        stop_run("the collector failed", "");
        break;
    case ALIVE_GONE:
        stop_without_collector();
        break;
    case ALIVE_NEVER:
        stop_run("the collector did not start, nothing was recorded (is libtrace installed whole?)", "");
        break;
    }
}

#define INITIAL_PID_NAMESPACE 0xeffffffcu /* its inode, in every kernel */

/* When the first process of a PID namespace ends, the kernel kills all others, including the collector. So
 * that process waits for the collector, and so does the run's first process, whose end may be the end of a
 * shell that is the namespace's first process. Not if the collector is outside. */
static bool may_end_collector(void)
{
    uint64_t own = process->pid_namespace;
    return !guest_confined && own && own != INITIAL_PID_NAMESPACE &&
           own == atomic_load(&arena->collector_namespace) &&
           (process->pid == 1 || process->flags & WIRE_PROCESS_FIRST);
}

/* True if this process, the run's first, has no child and never had one. Children that it cannot know
 * about, such as those that the kernel reaped, count as well. */
static bool never_forked(void)
{
    struct sigaction reaping;
    return syscall(SYS_waitid, P_ALL, 0, NULL, WEXITED | WNOHANG | WNOWAIT | __WALL, NULL) != 0 &&
           errno == ECHILD && session_child_faults() == arena->first_faults &&
           sigaction(SIGCHLD, NULL, &reaping) == 0 && reaping.sa_handler != SIG_IGN &&
           !(reaping.sa_flags & SA_NOCLDWAIT);
}

static void note_end(int exit_status)
{
    if (!guest_confined)
        session_note_usage();
    atomic_store(&process->exit_status, exit_status & 0xff);
    atomic_store(&process->exit_known, 1);
    atomic_store(&process->ended_ns, guest_moment_ns());
}

/* True if the paths of its modules lead elsewhere for the collector, or nowhere. */
static bool is_only_way(void)
{
    uint64_t view[3];
    guest_view(view);
    return memcmp(view, arena->first_view, sizeof view) != 0 || modules_lack_files();
}

/* Waits for the collector if the files of our modules may only be reachable through this process. */
static void keep_files(void)
{
    bool some = atomic_load(&process->modules) != atomic_load(&process->modules_kept);
    if (some && !guest_confined && is_only_way())
        module_files_wait(process);
}

void session_exiting(int exit_status)
{
    if (atomic_load(&tracing) == TRACING_STOPPED && process && process->pid == guest_pid() &&
        atomic_load(&process->record) == WIRE_RECORD_STOPPED) /* it went on untraced */
        note_end(exit_status);
    /* Not in a child that shares our memory (vfork), nor in one that never recorded anything. */
    if (atomic_load(&tracing) != TRACING_LIVE || atomic_load(&gate->epoch) == 0 ||
        process->pid != guest_pid())
        return;
    uint32_t live = WIRE_PROCESS_LIVE;
    note_end(exit_status);
    bool first = process->flags & WIRE_PROCESS_FIRST, waits = may_end_collector();
    if (first && !guest_confined && never_forked())
        process->flags |= WIRE_PROCESS_CHILDLESS;
    if (waits)
        process->flags |= WIRE_PROCESS_WAITS;
    sampler_says();
    stop_record(WIRE_RECORD_WHOLE);
    guest_show_pieces(NULL); /* the slot may soon be another process's */
    if (!atomic_compare_exchange_strong(&process->state, &live, WIRE_PROCESS_EXITING))
        return;
    arena_wake_collector();
    keep_files();
    /* Only the run's first process: the user waits for its end before asking for a report. */
    if (first)
        wait_for_collector();
    if (waits)
        alive_wait_for_end();
}

static void at_exit(int exit_status, void *unused)
{
    (void)unused;
    int saved = errno;
    session_exiting(exit_status);
    errno = saved;
}

bool session_hear_exit(void)
{
    return on_exit(at_exit, NULL) == 0;
}
