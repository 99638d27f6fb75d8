/* inject.c - see inject.h.
 *
 * Registers are changed by one PTRACE_SETREGS for each call. Before it, only memory that nobody uses has been
 * written; after it, the thread finds its way back by itself:
 *
 *   thread's stack, below its red zone
 *     state as it was      frame, and return address -> __restore_rt
 *     priority as it was   frame of a call of sched_setscheduler(), which returns to the one above
 *   our stack
 *     room                 for what is passed by address
 *     no stack any more    frame of a call of munmap(), which returns to the one above
 *     our calls            return to the one above
 *
 * So if we are killed, the call runs to its end, our stack is unmapped, and the thread is where it was. If we live,
 * the only difference is for an interrupted system call, which only we can let continue with the rest of its time.
 */
#include "inject.h"
#include "wire_attach.h"
#include "frame.h"
#include "refusal.h"
#include "search.h"
#include "thread_stack.h"

#include <assert.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES (512 * 1024) /* for the calls; constructors run on it */
#define FRAME_BYTES (64 * 1024)  /* a frame takes less than that */

#define CALL_NS 10000000000ull /* a call that has not returned by then is examined, */
#define CALL_WAITS 6           /* and abandoned after so many times, unless it hangs before */
#define LOOK_NS 50000          /* between two checks for its answer */

struct injection {
    struct target *target;
    struct stacks *stacks; /* from the search: freeing it takes a while */
    pid_t tid;
    int memory; /* /proc/PID/mem */
    int doing;  /* /proc/PID/task/TID/syscall, which can be read without disturbing the program */
    uint64_t stopped_ns;
    struct frame_state state; /* of the thread before we changed it */
    uintptr_t back;           /* return address that restores that state */
    uintptr_t stack;          /* our stack in the process; 0 = none yet */
    uintptr_t stack_back;     /* return address that unmaps our stack, and then restores that state */
    uintptr_t answer;         /* struct attach_call of the last call; 0 = none */
    int policy;               /* scheduling policy before we changed it */
    bool alive, stopped;
    bool changed; /* its registers are not its own now */
    bool called;  /* it is in a call that will unmap our stack when it ends */
    bool lost;    /* a call has crashed, or hangs */
    bool late;    /* a call is slow: the thread goes back by itself when the call ends */
    bool blocked; /* signals are blocked */
};

/* ---- memory -------------------------------------------------------------------------------------------- */

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

/* Where a call leaves its result: behind the room for arguments. */
static uintptr_t result_place(const struct injection *in)
{
    return inject_room(in) - 64;
}

static bool write_frame(const struct injection *in, const struct frame_state *state, uintptr_t top,
                        uintptr_t *back)
{
    size_t size = frame_size(state);
    unsigned char *bytes = size <= FRAME_BYTES ? malloc(size) : NULL;
    bool done = false;
    if (bytes) {
        *back = frame_build(state, top, in->target->restore, bytes);
        done = inject_write(in, top - size, bytes, size);
    }
    free(bytes);
    return done;
}

/* ---- calls --------------------------------------------------------------------------------------------- */

/* Signals wait until we are done, except those of faults: these would kill the thread if blocked. Called
 * after setting the registers: what restores the thread unblocks them. */
static void block_signals(struct injection *in)
{
    uint64_t all = ~0ull;
    const int faults[] = {SIGSEGV, SIGTRAP, SIGBUS, SIGILL, SIGFPE, SIGSYS};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        all &= ~(1ull << (faults[i] - 1));
    in->blocked = in->blocked || ptrace(PTRACE_SETSIGMASK, in->tid, (void *)sizeof all, &all) == 0;
}

/* Sets the registers for a call, see frame_call(). */
static bool set_call(struct injection *in, uintptr_t function, const uint64_t arguments[6], uintptr_t top,
                     uint64_t kept)
{
    struct user_regs_struct registers = in->state.registers;
    assert(in->alive && in->stopped && top % 8 == 0);
    frame_call(&registers, function, arguments, top, kept);
    if (ptrace(PTRACE_SETREGS, in->tid, NULL, &registers) != 0)
        return false;
    in->changed = true;
    return true;
}

/* What a stop means for a call. */
enum step { STEP_OTHER, STEP_ENTRY, STEP_EXIT, STEP_FAULT, STEP_ENDED };

/* Examines the thread, which has stopped. */
static enum step look_at_stop(struct injection *in, int status, struct __ptrace_syscall_info *info)
{
    int number = WSTOPSIG(status);
    in->stopped = true;
    if (number == (SIGTRAP | 0x80) &&
        ptrace(PTRACE_GET_SYSCALL_INFO, in->tid, (void *)sizeof *info, info) > 0)
        return info->op == PTRACE_SYSCALL_INFO_ENTRY ? STEP_ENTRY : STEP_EXIT;
    if (status >> 16 == 0 && (number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGSYS))
        return STEP_FAULT;
    return STEP_OTHER;
}

/* Resumes a stopped thread; how: PTRACE_CONT or PTRACE_SYSCALL. */
static bool resume(struct injection *in, enum __ptrace_request how, int status)
{
    int number = !status || status >> 16 || WSTOPSIG(status) & 0x80 ? 0 : WSTOPSIG(status);
    assert(in->stopped);
    in->stopped = false;
    return ptrace(how, in->tid, NULL, (void *)(long)number) == 0;
}

/* True if a thread is still in a call of ours. One that has gone back by itself must not be touched. */
static bool is_inside(const struct injection *in, const struct user_regs_struct *registers)
{
    uintptr_t own = frame_stack(&in->state.registers), now = frame_stack(registers);
    return now - in->stack < STACK_BYTES || (now < own && own - now < SEARCH_ROOM);
}

/* True if a stopped call will never return: it has caused a fault, or it waits for a lock, which its own
 * thread must hold, as all others are running. Anything else may just be slow. */
static bool is_lost(const struct injection *in, bool fault)
{
    struct user_regs_struct registers;
    return in->stopped && ptrace(PTRACE_GETREGS, in->tid, NULL, &registers) == 0 &&
           is_inside(in, &registers) &&
           (fault || (frame_system_call(&registers) == SYS_futex && frame_restarts(&registers)));
}

/* A call has not returned in time. True if we should wait once more. */
static bool wait_again(struct injection *in, unsigned *waits)
{
    in->stopped = search_interrupt(in->tid) > 0;
    in->lost = is_lost(in, false);
    in->late = !in->lost && (++*waits == CALL_WAITS || !in->stopped);
    return !in->lost && !in->late;
}

/* A fault occurred: in a call of ours, or in the thread itself, which gets its signal. Always returns
 * false. */
static bool fault(struct injection *in)
{
    in->lost = in->alive && is_lost(in, true);
    return false;
}

/* Runs the thread to the entry or exit (`wanted`) of a system call with this number. */
static bool run_to(struct injection *in, enum step wanted, uint64_t number, int64_t *result)
{
    int status = 0;
    unsigned waits = 0;
    uint64_t at = ~0ull; /* the system call that it is in */
    while (resume(in, PTRACE_SYSCALL, status)) {
        struct __ptrace_syscall_info info;
        int stop = search_wait(in->tid, CALL_NS, &status);
        if (stop < 0) {
            status = 0;
            if (wait_again(in, &waits))
                continue;
            return false;
        }
        in->alive = stop > 0;
        enum step step = in->alive ? look_at_stop(in, status, &info) : STEP_ENDED;
        if (step == STEP_ENTRY)
            at = info.entry.nr;
        if (step == wanted && at == number) {
            if (step == STEP_EXIT)
                *result = info.exit.rval;
            return true;
        }
        if (step == STEP_FAULT || step == STEP_ENDED)
            return fault(in);
    }
    return false;
}

bool inject_call(struct injection *in, uintptr_t function, uint64_t a, uint64_t b, uint64_t *result)
{
    const uint64_t arguments[6] = {a, b};
    const uint64_t slots[2] = {in->target->store, 0};
    uintptr_t top = in->stack_back, place = result_place(in);
    assert(!in->answer); /* a call that answers must be the last */
    *result = 0;
    if (slots[0]) { /* the result is stored where the kept register points, see FRAME_STORE_CODE */
        top -= sizeof slots;
        if (!inject_write(in, top, slots, sizeof slots) || !inject_write(in, place, result, sizeof *result))
            return false;
    }
    if (!function || !set_call(in, function, arguments, top, place))
        return false;
    in->called = true;
    block_signals(in);
    return run_to(in, STEP_ENTRY, SYS_rt_sigreturn, NULL) &&
           (!slots[0] || inject_read(in, place, result, sizeof *result));
}

/* ---- calls that answer --------------------------------------------------------------------------------- */

/* Reading the program's memory blocks its mmap() and mprotect(), of which our calls make many. So it is
 * only read while the thread sleeps in the way in which it waits for us. */
static bool may_wait(const struct injection *in)
{
    char text[32] = "";
    ssize_t got = pread(in->doing, text, sizeof text - 1, 0);
    return got <= 0 || atoi(text) == SYS_ppoll;
}

static bool phase_is(const struct injection *in, uint32_t phase)
{
    uint32_t now;
    return may_wait(in) &&
           target_read(in->target, in->answer + offsetof(struct attach_call, phase), &now, sizeof now) &&
           now == phase;
}

/* Waits until the program has brought a call to this phase, while its thread runs. */
static bool await(struct injection *in, uint32_t phase)
{
    unsigned waits = 0;
    for (uint64_t start_ns = search_now_ns(); !phase_is(in, phase);) {
        int status;
        struct __ptrace_syscall_info info;
        if (waitpid(in->tid, &status, __WALL | WNOHANG) == in->tid) {
            in->alive = WIFSTOPPED(status);
            if (!in->alive || look_at_stop(in, status, &info) == STEP_FAULT)
                return fault(in);
            resume(in, PTRACE_CONT, status);
        } else if (search_now_ns() - start_ns > CALL_NS) {
            if (!wait_again(in, &waits))
                return false;
            resume(in, PTRACE_CONT, 0);
            start_ns = search_now_ns();
        }
        nanosleep(&(struct timespec){0, LOOK_NS}, NULL);
    }
    return true;
}

bool inject_ask(struct injection *in, uintptr_t function, uintptr_t call)
{
    const uint64_t arguments[6] = {call};
    assert(!in->answer);
    if (!set_call(in, function, arguments, in->stack_back, 0))
        return false;
    in->called = true;
    block_signals(in);
    in->answer = call;
    return resume(in, PTRACE_CONT, 0) && await(in, ATTACH_ANSWERED);
}

static void set_phase(const struct injection *in, uint32_t phase)
{
    inject_write(in, in->answer + offsetof(struct attach_call, phase), &phase, sizeof phase);
}

bool inject_reply(struct injection *in, bool taken)
{
    if (!in->answer || in->lost || in->late || !in->alive)
        return false;
    set_phase(in, taken ? ATTACH_TAKEN : ATTACH_DROPPED);
    if (!await(in, ATTACH_DONE))
        return false;
    in->stopped = search_interrupt(in->tid) > 0;
    struct user_regs_struct registers;
    in->late =
        !in->stopped || ptrace(PTRACE_GETREGS, in->tid, NULL, &registers) != 0 || !is_inside(in, &registers);
    return !in->late;
}

/* ---- priority ------------------------------------------------------------------------------------------ */

/* On a busy machine each step would wait for its turn, and the program with it: so the thread gets
 * real-time priority until it is back. It cannot keep that: on its way back it lowers its priority itself,
 * which needs no privilege. */
static bool may_hurry(const struct injection *in)
{
    struct rlimit time;
    int policy = in->policy & ~SCHED_RESET_ON_FORK;
    return in->target->sched_setscheduler && (policy == SCHED_OTHER || policy == SCHED_BATCH) &&
           prlimit(in->tid, RLIMIT_RTTIME, NULL, &time) == 0 && time.rlim_cur == RLIM_INFINITY;
}

/* Called after setting the registers, from when on the thread finds its way back. */
static void hurry(struct injection *in)
{
    struct sched_param parameters = {.sched_priority = 1};
    if (may_hurry(in))
        sched_setscheduler(in->tid, SCHED_RR | (in->policy & SCHED_RESET_ON_FORK), &parameters);
}

static void calm(struct injection *in)
{
    struct sched_param parameters = {.sched_priority = 0};
    if (may_hurry(in))
        sched_setscheduler(in->tid, in->policy, &parameters);
}

/* ---- beginning ----------------------------------------------------------------------------------------- */

/* Writes the frame that unmaps our stack, and then continues with the thread's own. */
static bool write_end(struct injection *in)
{
    const uint64_t arguments[6] = {in->stack, STACK_BYTES};
    struct frame_state end = {.registers = in->state.registers, .mask = ~0ull};
    frame_call(&end.registers, in->target->munmap, arguments, in->back, frame_kept(&end.registers));
    return write_frame(in, &end, result_place(in), &in->stack_back);
}

/* Writes the frame that restores the thread's state, and before it the one that restores its priority, see
 * hurry(). */
static bool write_state(struct injection *in)
{
    uintptr_t parameters = frame_stack(&in->state.registers) - FRAME_RED_ZONE - sizeof(struct sched_param);
    struct sched_param none = {.sched_priority = 0};
    struct frame_state state = in->state, calm = {.mask = ~0ull};
    parameters &= ~(uintptr_t)15;
    state.registers = frame_again(in->state.registers);
    if (!inject_write(in, parameters, &none, sizeof none) || !write_frame(in, &state, parameters, &in->back))
        return false;
    in->policy = sched_getscheduler(in->tid);
    if (in->policy < 0)
        return false;
    const uint64_t arguments[6] = {0, (uint64_t)in->policy, parameters};
    calm.registers = in->state.registers;
    frame_call(&calm.registers, in->target->sched_setscheduler, arguments, in->back,
               frame_kept(&calm.registers));
    return !may_hurry(in) || write_frame(in, &calm, in->back, &in->back);
}

static bool make_stack(struct injection *in)
{
    const uint64_t arguments[6] = {
        0, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, ~0ull, 0};
    int64_t stack = -1;
    if (!write_state(in) || !set_call(in, in->target->mmap, arguments, in->back, 0))
        return false;
    hurry(in);
    if (!run_to(in, STEP_EXIT, SYS_mmap, &stack) || stack < 0)
        return false;
    in->stack = (uintptr_t)stack;
    return write_end(in);
}

static void drop(struct injection *in)
{
    if (in->memory >= 0)
        close(in->memory);
    if (in->doing >= 0)
        close(in->doing);
    stacks_close(in->stacks);
    frame_free(&in->state);
    free(in);
}

const char *inject_begin(struct injection **out, struct target *target)
{
    char path[64];
    struct search_result found;
    struct injection *in = calloc(1, sizeof *in);
    if (!in)
        return "cannot be traced: no memory";
    in->target = target;
    prctl(PR_SET_TIMERSLACK, 1000ul); /* the answer is polled for every few microseconds */
    in->doing = -1;
    snprintf(path, sizeof path, "/proc/%d/mem", (int)target->pid);
    in->memory = open(path, O_RDWR | O_CLOEXEC);
    const char *why = in->memory < 0 ? refusal_denied(target->pid, errno) : search_thread(target, &found);
    if (why) {
        drop(in);
        return why;
    }
    in->tid = found.tid;
    in->stacks = found.stacks;
    in->stopped_ns = found.stopped_ns;
    in->alive = in->stopped = true;
    snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", (int)target->pid, (int)in->tid);
    in->doing = open(path, O_RDONLY | O_CLOEXEC);
    if (frame_read(in->tid, &in->state) && make_stack(in)) {
        *out = in;
        return NULL;
    }
    inject_end(in);
    return "cannot be made to call a function";
}

/* ---- end ----------------------------------------------------------------------------------------------- */

/* Sets up the thread's next call, which unmaps our stack and returns to where the thread was. */
static bool call_munmap(struct injection *in)
{
    const uint64_t arguments[6] = {in->stack, STACK_BYTES};
    return set_call(in, in->target->munmap, arguments, in->back, 0);
}

/* Unmaps our stack in a thread that has an interrupted system call to continue, and stops it in the way in
 * which it was stopped at first. */
static bool drop_stack(struct injection *in)
{
    int64_t result;
    if (!call_munmap(in) || !run_to(in, STEP_EXIT, SYS_munmap, &result) ||
        ptrace(PTRACE_INTERRUPT, in->tid, NULL, NULL) != 0 || !resume(in, PTRACE_CONT, 0))
        return false;
    in->stopped = search_await_interrupt(in->tid) > 0;
    return in->stopped;
}

/* Restores everything, whatever the thread is doing. An interrupted system call continues with the rest of
 * its time if the kernel finds the registers as it left them. If we are killed before the last of these
 * steps, the thread still finds its own way back. */
static void restore_exactly(struct injection *in)
{
    struct user_regs_struct registers = in->state.registers;
    calm(in);
    frame_restore_rest(in->tid, &in->state);
    if (!frame_restarts(&registers))
        registers = frame_again(registers);
    ptrace(PTRACE_SETREGS, in->tid, NULL, &registers);
}

static void go_back(struct injection *in)
{
    if (!in->changed)
        search_let_go(in->tid);
    else if (in->lost)
        restore_exactly(in);
    else if (frame_restarts(&in->state.registers) && !in->late && in->stack && drop_stack(in))
        restore_exactly(in);
    else if (in->answer)
        set_phase(in, ATTACH_LEFT);
    else if (in->stack && !in->called)
        call_munmap(in);
    if (in->alive && in->stopped)
        ptrace(PTRACE_DETACH, in->tid, NULL, NULL);
}

uint64_t inject_end(struct injection *in)
{
    uint64_t paused_ns = 0;
    if (in->alive && !in->stopped)
        in->stopped = search_interrupt(in->tid) > 0;
    if (in->alive && in->stopped) {
        go_back(in);
        paused_ns = search_now_ns() - in->stopped_ns;
    }
    search_hurry(false);
    drop(in);
    return paused_ns;
}
