/* inject.c - see inject.h. */
#include "inject.h"
#include "proc.h"
#include "refusal.h"
#include "stacks.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES (512 * 1024) /* of the calls; constructors run on it */
#define RED_ZONE 128
#define RETURN_ADDRESS 0ull /* nothing is there: to return to it raises SIGSEGV, which we see first */

#define SEARCH_NS 20000000000ull /* for a safe point, at most */
#define STOP_NS 200000000ull     /* for a thread to stop */
#define CALL_NS 10000000000ull   /* for a call to come back */
#define RETRIES_UNKNOWN 40       /* after so many stops a stack that cannot be read to its end will do */

struct injection {
    struct target *target;
    pid_t tid;
    int memory; /* /proc/PID/mem */
    bool alive, stopped;
    bool lost;                         /* a call did not come back */
    struct user_regs_struct registers; /* as they were */
    void *extended;                    /* vector registers and the like, in the kernel's format */
    size_t extended_size;
    uint64_t mask;   /* blocked signals */
    uintptr_t stack; /* ours, in the process; 0 = none yet */
    uint64_t stopped_ns;
    int policy; /* the thread's own, of scheduling */
    bool hurried;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void pause_ns(long ns)
{
    nanosleep(&(struct timespec){0, ns}, NULL);
}

/* ---- being quick
 * ------------------------------------------------------------------------------------------- */

/* On a busy machine each step would wait its turn, and the program with it. Where we may, we and the stopped
 * thread go first until it goes on. */
static void hurry(bool on)
{
    struct sched_param parameters = {.sched_priority = on ? 1 : 0};
    if (sched_setscheduler(0, on ? SCHED_RR : SCHED_OTHER, &parameters) != 0)
        errno = 0; /* then not */
}

static void hurry_thread(struct injection *in)
{
    struct sched_param parameters = {.sched_priority = 1};
    in->policy = sched_getscheduler(in->tid);
    in->hurried = (in->policy == SCHED_OTHER || in->policy == SCHED_BATCH) &&
                  sched_setscheduler(in->tid, SCHED_RR, &parameters) == 0;
}

static void calm_thread(struct injection *in)
{
    struct sched_param parameters = {.sched_priority = 0};
    if (in->hurried && sched_setscheduler(in->tid, in->policy, &parameters) != 0)
        errno = 0; /* it has ended */
}

/* ---- stopping a thread ---------------------------------------------------------------------------- */

static void on_alarm(int number)
{
    (void)number; /* it ends a wait */
}

static void set_alarm(uint64_t ns)
{
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    /* Again and again: the first may come before the wait has begun. */
    struct itimerval timer = {{0, 10000}, {(time_t)(ns / 1000000000u), (suseconds_t)(ns / 1000u % 1000000u)}};
    if (!ns)
        timer.it_interval.tv_usec = 0;
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* Waits for the thread's next stop; 0 = ended, -1 = none in this time. */
static int wait_for_stop(pid_t tid, uint64_t timeout_ns, int *status)
{
    uint64_t end = now_ns() + timeout_ns;
    pid_t done;
    set_alarm(timeout_ns);
    do
        done = waitpid(tid, status, __WALL);
    while (done < 0 && errno == EINTR && now_ns() < end);
    bool late = done < 0 && errno == EINTR;
    set_alarm(0);
    return late ? -1 : done == tid && WIFSTOPPED(*status);
}

static bool is_interrupt(int status)
{
    return status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) == SIGTRAP;
}

/* Brings a thread that is traced to a stop of our making. Signals that come first are delivered. */
static int interrupt(pid_t tid)
{
    int status;
    if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0)
        return 0;
    for (;;) {
        int stop = wait_for_stop(tid, STOP_NS, &status);
        if (stop <= 0 || is_interrupt(status))
            return stop;
        int number = status >> 16 ? 0 : WSTOPSIG(status);
        ptrace(PTRACE_CONT, tid, NULL, (void *)(long)number);
    }
}

static void let_go(pid_t tid)
{
    ptrace(PTRACE_DETACH, tid, NULL, NULL);
}

/* ---- registers -------------------------------------------------------------------------------------- */

/* The extended state takes as much as the processor has: 11 KB with AMX. A full buffer may be too small. */
static bool save_extended(struct injection *in)
{
    for (size_t size = 16384; size <= 1u << 22; size *= 2) {
        void *buffer = malloc(size);
        struct iovec io = {buffer, size};
        if (!buffer || ptrace(PTRACE_GETREGSET, in->tid, NT_X86_XSTATE, &io) != 0) {
            free(buffer);
            return false;
        }
        if (io.iov_len < size) {
            in->extended = buffer;
            in->extended_size = io.iov_len;
            return true;
        }
        free(buffer);
    }
    return false;
}

/* Signals wait until we are through, but for those that a fault raises: blocked, they would kill. */
static bool block_signals(struct injection *in)
{
    uint64_t all = ~0ull;
    const int faults[] = {SIGSEGV, SIGTRAP, SIGBUS, SIGILL, SIGFPE, SIGSYS};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        all &= ~(1ull << (faults[i] - 1));
    return ptrace(PTRACE_GETSIGMASK, in->tid, (void *)sizeof in->mask, &in->mask) == 0 &&
           ptrace(PTRACE_SETSIGMASK, in->tid, (void *)sizeof all, &all) == 0;
}

/* Some system calls are not taken up again by the kernel when a stop has interrupted them, but say EINTR,
 * which a program need not expect where it has no signal handlers. They are made once more. */
static bool is_interrupted_wait(const struct user_regs_struct *registers)
{
    if ((long long)registers->rax != -EINTR)
        return false;
    switch ((long long)registers->orig_rax) {
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
    case SYS_semop:
    case SYS_semtimedop:
    case SYS_rt_sigtimedwait:
    case SYS_io_getevents:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_accept:
    case SYS_accept4:
        return true;
    default:
        return false;
    }
}

static bool restore(struct injection *in)
{
    struct user_regs_struct registers = in->registers;
    struct iovec io = {in->extended, in->extended_size};
    if (is_interrupted_wait(&registers)) {
        registers.rax = registers.orig_rax;
        registers.orig_rax = ~0ull;
        registers.rip -= 2; /* the syscall instruction */
    }
    bool done = ptrace(PTRACE_SETREGSET, in->tid, NT_X86_XSTATE, &io) == 0;
    done &= ptrace(PTRACE_SETREGS, in->tid, NULL, &registers) == 0;
    done &= ptrace(PTRACE_SETSIGMASK, in->tid, (void *)sizeof in->mask, &in->mask) == 0;
    return done;
}

/* ---- memory ------------------------------------------------------------------------------------------- */

bool inject_write(const struct injection *in, uintptr_t to, const void *from, size_t size)
{
    return pwrite(in->memory, from, size, (off_t)to) == (ssize_t)size;
}

bool inject_read(const struct injection *in, uintptr_t from, void *to, size_t size)
{
    return pread(in->memory, to, size, (off_t)from) == (ssize_t)size;
}

bool inject_read_text(const struct injection *in, uintptr_t from, char *to, size_t size)
{
    ssize_t done = from ? pread(in->memory, to, size - 1, (off_t)from) : -1;
    to[done > 0 ? done : 0] = '\0';
    return done > 0;
}

uintptr_t inject_room(const struct injection *in)
{
    return in->stack + STACK_BYTES - INJECT_ROOM;
}

/* ---- calls ----------------------------------------------------------------------------------------------
 */

/* Lets the call run until it returns to nowhere. */
static bool wait_for_return(struct injection *in)
{
    int status;
    struct user_regs_struct registers;
    uint64_t start = now_ns();
    for (;;) {
        int stop = wait_for_stop(in->tid, CALL_NS, &status);
        if (stop == 0)
            in->alive = false;
        if (stop <= 0 || now_ns() - start > CALL_NS)
            return false;
        int number = status >> 16 ? 0 : WSTOPSIG(status);
        if (number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGSYS) {
            in->stopped = true;
            return ptrace(PTRACE_GETREGS, in->tid, NULL, &registers) == 0 && registers.rip == RETURN_ADDRESS;
        }
        ptrace(PTRACE_CONT, in->tid, NULL, (void *)(long)number);
    }
}

static bool call(struct injection *in, uintptr_t function, const uint64_t arguments[6], uint64_t *result)
{
    struct user_regs_struct registers = in->registers;
    uintptr_t top = in->stack ? inject_room(in) : in->registers.rsp - RED_ZONE;
    uint64_t back = RETURN_ADDRESS;
    registers.rsp = (top & ~(uintptr_t)15) - sizeof back;
    registers.rip = function;
    registers.rdi = arguments[0];
    registers.rsi = arguments[1];
    registers.rdx = arguments[2];
    registers.rcx = arguments[3];
    registers.r8 = arguments[4];
    registers.r9 = arguments[5];
    registers.rax = 0;             /* no vector arguments */
    registers.orig_rax = ~0ull;    /* no system call to be taken up again */
    registers.eflags &= ~0x500ull; /* direction and trap flag */
    if (!inject_write(in, registers.rsp, &back, sizeof back) ||
        ptrace(PTRACE_SETREGS, in->tid, NULL, &registers) != 0)
        return false;
    in->stopped = false;
    if (ptrace(PTRACE_CONT, in->tid, NULL, NULL) != 0 || !wait_for_return(in) ||
        ptrace(PTRACE_GETREGS, in->tid, NULL, &registers) != 0) {
        in->lost = true;
        return false;
    }
    *result = registers.rax;
    return true;
}

bool inject_call(struct injection *in, uintptr_t function, uint64_t a, uint64_t b, uint64_t c,
                 uint64_t *result)
{
    const uint64_t arguments[6] = {a, b, c};
    return function && call(in, function, arguments, result);
}

static bool make_stack(struct injection *in)
{
    const uint64_t arguments[6] = {
        0, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, ~0ull, 0};
    uint64_t stack;
    if (!call(in, in->target->mmap, arguments, &stack) || (int64_t)stack < 0)
        return false;
    in->stack = stack;
    return true;
}

/* Not on itself. */
static void drop_stack(struct injection *in)
{
    const uint64_t arguments[6] = {in->stack, STACK_BYTES};
    uint64_t result;
    if (!in->stack)
        return;
    in->stack = 0;
    call(in, in->target->munmap, arguments, &result);
}

/* ---- finding a safe point ---------------------------------------------------------------------------------
 */

struct search {
    struct target *target;
    struct stacks *stacks;
    pid_t *late; /* threads that have not stopped yet, but will */
    size_t late_count;
    unsigned stops;
    bool seized; /* any thread at all */
    int error;   /* of the last thread that could not be seized */
    uint64_t stopped_ns;
};

static void let_go_when_stopped(pid_t tid, uint64_t timeout_ns)
{
    int status;
    if (wait_for_stop(tid, timeout_ns, &status) > 0)
        ptrace(PTRACE_DETACH, tid, NULL, (void *)(long)(status >> 16 ? 0 : WSTOPSIG(status)));
}

static bool is_late(const struct search *search, pid_t tid)
{
    for (size_t i = 0; i < search->late_count; i++)
        if (search->late[i] == tid)
            return true;
    return false;
}

/* True if the thread stands still at a safe point now. */
static bool try_thread(struct search *search, pid_t tid)
{
    char state = proc_state(search->target->pid, tid);
    if (state == 'D' || state == 'Z' || state == 'X' || state == 0 || is_late(search, tid))
        return false;
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0) {
        search->error = errno;
        return false;
    }
    search->seized = true;
    int stop = interrupt(tid);
    search->stopped_ns = now_ns();
    if (stop < 0) {
        pid_t *more = reallocarray(search->late, search->late_count + 1, sizeof *more);
        if (more) {
            search->late = more;
            more[search->late_count++] = tid;
        }
    }
    if (stop <= 0)
        return false;
    enum stack_place place = stacks_place(search->stacks, search->target, tid);
    search->stops++;
    if (place == STACK_SAFE || (place == STACK_UNKNOWN && search->stops > RETRIES_UNKNOWN))
        return true;
    let_go(tid);
    return false;
}

/* The threads of the process one after the other, the main thread first. */
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

static const char *find_thread(struct target *target, pid_t *tid, uint64_t *stopped_ns)
{
    struct search search = {.target = target, .stacks = stacks_open(target->pid)};
    uint64_t start = now_ns();
    const char *why = NULL;
    *tid = 0;
    if (!search.stacks)
        return "cannot be read";
    for (long wait = 100000; !(*tid = try_threads(&search)); wait = wait < 5000000 ? wait * 5 / 4 : wait) {
        if (!search.seized && search.error) {
            why = refusal_denied(target->pid, search.error);
            break;
        }
        if (proc_state(target->pid, target->pid) == 0) {
            why = "has ended";
            break;
        }
        if (now_ns() - start > SEARCH_NS) {
            why = "was never seen outside of its allocator or loader; try again";
            break;
        }
        pause_ns(wait + (long)(now_ns() % 50000)); /* not in step with the program */
    }
    *stopped_ns = search.stopped_ns;
    for (size_t i = 0; i < search.late_count; i++)
        let_go_when_stopped(search.late[i], STOP_NS);
    free(search.late);
    stacks_close(search.stacks);
    return why;
}

/* ---- begin and end ----------------------------------------------------------------------------------------
 */

const char *inject_begin(struct injection **out, struct target *target)
{
    char path[64];
    struct injection *in = calloc(1, sizeof *in);
    if (!in)
        return "cannot be traced: no memory";
    in->target = target;
    in->memory = -1;
    hurry(true);
    const char *why = find_thread(target, &in->tid, &in->stopped_ns);
    if (!why) {
        in->alive = in->stopped = true;
        hurry_thread(in);
        snprintf(path, sizeof path, "/proc/%d/mem", (int)target->pid);
        in->memory = open(path, O_RDWR | O_CLOEXEC);
        bool saved = in->memory >= 0 && ptrace(PTRACE_GETREGS, in->tid, NULL, &in->registers) == 0 &&
                     save_extended(in);
        if (!saved)
            let_go(in->tid);
        else if (!block_signals(in) || !make_stack(in))
            inject_end(in), in = NULL;
        else {
            *out = in;
            return NULL;
        }
        why = "cannot be made to call a function";
    }
    hurry(false);
    if (in) {
        if (in->memory >= 0)
            close(in->memory);
        free(in->extended);
        free(in);
    }
    return why;
}

uint64_t inject_end(struct injection *in)
{
    uint64_t paused = 0;
    if (in->alive && !in->lost)
        drop_stack(in);
    if (in->alive && !in->stopped)
        in->stopped = interrupt(in->tid) > 0;
    if (in->alive && in->stopped) {
        restore(in);
        calm_thread(in);
        let_go(in->tid);
        paused = now_ns() - in->stopped_ns;
    }
    hurry(false);
    close(in->memory);
    free(in->extended);
    free(in);
    return paused;
}
