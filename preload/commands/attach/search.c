/* search.c - see search.h. */
#include "search.h"
#include "frame.h"
#include "proc.h"
#include "refusal.h"
#include "thread_stack.h"

#include <dirent.h>
#include <errno.h>
#include <linux/rseq.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#define SEARCH_NS 20000000000ull /* the longest that a safe point is searched for */
/* The same in a program with its own allocator: all its code may count as unsafe. */
#define SEARCH_OWN_NS 5000000000ull
#define STOP_NS 200000000ull /* how long a thread may take to stop */
/* After so many stops, a stack that cannot be read to its end is accepted. */
#define RETRIES_UNKNOWN 40

uint64_t search_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void search_hurry(bool on)
{
    /* Not inherited by the collector, which is forked later. */
    struct sched_param parameters = {.sched_priority = on ? 1 : 0};
    if (sched_setscheduler(0, on ? SCHED_RR | SCHED_RESET_ON_FORK : SCHED_OTHER, &parameters) != 0)
        errno = 0; /* then without */
}

/* ---- stopping a thread --------------------------------------------------------------------------------- */

static void on_alarm(int number)
{
    (void)number; /* its only purpose is to interrupt a wait */
}

static void set_alarm(uint64_t ns)
{
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    /* Repeatedly: the first may come before the wait has begun. */
    struct itimerval timer = {{0, 10000}, {(time_t)(ns / 1000000000u), (suseconds_t)(ns / 1000u % 1000000u)}};
    if (!ns)
        timer.it_interval.tv_usec = 0;
    setitimer(ITIMER_REAL, &timer, NULL);
}

int search_wait(pid_t tid, uint64_t timeout_ns, int *status)
{
    uint64_t end = search_now_ns() + timeout_ns;
    pid_t done;
    set_alarm(timeout_ns);
    do
        done = waitpid(tid, status, __WALL);
    while (done < 0 && errno == EINTR && search_now_ns() < end);
    bool late = done < 0 && errno == EINTR;
    set_alarm(0);
    return late ? -1 : done == tid && WIFSTOPPED(*status);
}

static bool is_interrupt(int status)
{
    return status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) == SIGTRAP;
}

int search_interrupt(pid_t tid)
{
    return ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0 ? search_await_interrupt(tid) : 0;
}

static void go_on_from(pid_t tid, int status)
{
    /* Stops at system calls have no signal to deliver. */
    int number = status >> 16 || WSTOPSIG(status) & 0x80 ? 0 : WSTOPSIG(status);
    ptrace(PTRACE_CONT, tid, NULL, (void *)(long)number);
}

int search_await_interrupt(pid_t tid)
{
    int status;
    for (;;) {
        int stop = search_wait(tid, STOP_NS, &status);
        if (stop <= 0 || is_interrupt(status))
            return stop;
        go_on_from(tid, status);
    }
}

/* As search_await_interrupt(), for a thread that was interrupted before, and without waiting. */
static int has_stopped(pid_t tid)
{
    int status;
    pid_t done;
    while ((done = waitpid(tid, &status, __WALL | WNOHANG)) == tid && WIFSTOPPED(status)) {
        if (is_interrupt(status))
            return 1;
        go_on_from(tid, status);
    }
    return done == 0 ? -1 : 0;
}

void search_let_go(pid_t tid)
{
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, tid, NULL, &registers) == 0 && !frame_restarts(&registers)) {
        struct user_regs_struct again = frame_again(registers);
        if (frame_pc(&again) != frame_pc(&registers))
            ptrace(PTRACE_SETREGS, tid, NULL, &again);
    }
    ptrace(PTRACE_DETACH, tid, NULL, NULL);
}

/* ---- where it stopped ---------------------------------------------------------------------------------- */

/* True inside a restartable sequence (rseq): if a signal had interrupted the thread there, the kernel
 * would restart the sequence, which we cannot do when the thread goes back. */
static bool in_restartable_sequence(const struct target *target, pid_t tid, uintptr_t pc)
{
    struct __ptrace_rseq_configuration rseq = {0};
    struct rseq_cs sequence;
    uint64_t place = 0; /* may be that of a sequence that is over */
    return ptrace(PTRACE_GET_RSEQ_CONFIGURATION, tid, (void *)sizeof rseq, &rseq) == sizeof rseq &&
           rseq.rseq_abi_pointer &&
           target_read(target, rseq.rseq_abi_pointer + offsetof(struct rseq, rseq_cs), &place,
                       sizeof place) &&
           place && target_read(target, place, &sequence, sizeof sequence) &&
           pc - sequence.start_ip < sequence.post_commit_offset;
}

static bool has_room(const struct target *target, pid_t tid, const struct user_regs_struct *registers)
{
    uintptr_t low = target_stack_end(target, tid, frame_stack(registers), frame_descriptor(registers));
    return low && frame_stack(registers) - low >= SEARCH_ROOM;
}

/* ---- one thread after the other ------------------------------------------------------------------------ */

struct search {
    struct target *target;
    struct stacks *stacks;
    pid_t *late; /* threads that have not stopped yet, but will */
    size_t late_count;
    unsigned stops;
    unsigned elsewhere; /* how many of these were on a stack that is not known to be the thread's own */
    bool seized;        /* any thread at all was seized */
    int error;          /* for the last thread that could not be seized */
    uint64_t stopped_ns;
};

static void let_go_when_stopped(pid_t tid, uint64_t timeout_ns)
{
    int status;
    if (search_wait(tid, timeout_ns, &status) > 0)
        ptrace(PTRACE_DETACH, tid, NULL, (void *)(long)(status >> 16 ? 0 : WSTOPSIG(status)));
}

static pid_t *find_late(const struct search *search, pid_t tid)
{
    for (size_t i = 0; i < search->late_count; i++)
        if (search->late[i] == tid)
            return &search->late[i];
    return NULL;
}

/* Seizes and interrupts a thread; as search_interrupt(). One that was too late before may have stopped by now: on a busy
 * machine all may be late. */
static int stop_thread(struct search *search, pid_t tid)
{
    pid_t *late = find_late(search, tid);
    if (late) {
        int stop = has_stopped(tid);
        if (stop < 0)
            return stop;
        *late = search->late[--search->late_count];
        search_hurry(true);
        return stop;
    }
    if (ptrace(PTRACE_SEIZE, tid, NULL, (void *)PTRACE_O_TRACESYSGOOD) != 0) {
        search->error = errno;
        return 0;
    }
    search->seized = true;
    search_hurry(true);
    return search_interrupt(tid);
}

static void remember_late(struct search *search, pid_t tid)
{
    pid_t *more = reallocarray(search->late, search->late_count + 1, sizeof *more);
    if (more) {
        search->late = more;
        more[search->late_count++] = tid;
    }
}

/* True if the thread, which is stopped, is at a safe point. */
static bool stands_right(struct search *search, pid_t tid)
{
    struct user_regs_struct registers;
    enum stack_place place = stacks_place(search->stacks, search->target, tid);
    search->stops++;
    if (place == STACK_UNSAFE || (place == STACK_UNKNOWN && search->stops <= RETRIES_UNKNOWN))
        return false;
    if (ptrace(PTRACE_GETREGS, tid, NULL, &registers) != 0)
        return false;
    if (!has_room(search->target, tid, &registers)) {
        search->elsewhere++;
        return false;
    }
    return !in_restartable_sequence(search->target, tid, frame_pc(&registers));
}

/* Stops the thread. True if it is at a safe point; else it goes on. */
static bool try_thread(struct search *search, pid_t tid)
{
    char state = proc_state(search->target->pid, tid);
    if (state == 'D' || state == 'Z' || state == 'X' || state == 0)
        return false;
    int stop = stop_thread(search, tid);
    search->stopped_ns = search_now_ns();
    bool right = stop > 0 && stands_right(search, tid);
    if (stop > 0 && !right)
        search_let_go(tid);
    if (!right)
        search_hurry(false);
    if (stop < 0 && !find_late(search, tid))
        remember_late(search, tid);
    return right;
}

/* Tries the threads of the process one after the other, the main thread first. */
static pid_t try_threads(struct search *search)
{
    char path[64];
    pid_t found = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)search->target->pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        return 0;
    for (struct dirent *entry; !found && (entry = readdir(tasks));) {
        pid_t tid = (pid_t)atoi(entry->d_name);
        if (tid > 0 && try_thread(search, tid))
            found = tid;
    }
    closedir(tasks);
    return found;
}

static const char *why_none(const struct search *search, uint64_t start_ns)
{
    if (!search->seized && search->error)
        return refusal_denied(search->target->pid, search->error);
    if (proc_state(search->target->pid, search->target->pid) == 0)
        return "has ended";
    if (search_now_ns() - start_ns <= (search->target->own_allocator ? SEARCH_OWN_NS : SEARCH_NS))
        return NULL;
    if (search->target->own_allocator && search->elsewhere * 2 <= search->stops)
        return "has an allocator of its own, linked into it, and was never seen outside of the code around "
               "that; try "
               "again";
    return search->elsewhere * 2 > search->stops
               ? "was hardly ever seen on the stack of a thread (it runs coroutines?), or had no room there; "
                 "try again"
               : "was never seen outside of its allocator or loader; try again";
}

const char *search_thread(struct target *target, struct search_result *result)
{
    struct search search = {.target = target, .stacks = stacks_open(target->pid)};
    uint64_t start_ns = search_now_ns();
    const char *why = NULL;
    result->tid = 0;
    if (!search.stacks)
        return "cannot be read";
    for (long wait_ns = 100000; !why && !(result->tid = try_threads(&search));
         wait_ns = wait_ns < 5000000 ? wait_ns * 5 / 4 : wait_ns) {
        why = why_none(&search, start_ns);
        long jitter = (long)(search_now_ns() % 50000); /* so as not to be in step with the program */
        nanosleep(&(struct timespec){0, wait_ns + jitter}, NULL);
    }
    result->stopped_ns = search.stopped_ns;
    for (size_t i = 0; i < search.late_count; i++)
        let_go_when_stopped(search.late[i], STOP_NS);
    free(search.late);
    result->stacks = search.stacks;
    if (why)
        stacks_close(search.stacks);
    return why;
}
