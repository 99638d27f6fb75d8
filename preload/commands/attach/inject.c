/* inject.c - see inject.h.
 *
 * Registers are changed by one PTRACE_SETREGS for each call, before which only memory has been written to
 * that nobody looks at, and after which the thread finds its way back alone:
 *
 *   thread's stack, below its red zone
 *     state as it was    frame, and return address -> __restore_rt
 *     priority as it was frame of a call of sched_setscheduler(), which returns to the one above
 *   our stack
 *     room               for what is passed by address
 *     no stack any more  frame of a call of munmap(), which returns to the one above
 *     our calls          return to the one above
 *
 * So if we are killed, the call runs to its end, our stack goes, and the thread is where it was. Where we
 * live, the only difference is an interrupted system call, which only we can have go on with what is left of
 * its time.
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

#define STACK_BYTES (512 * 1024) /* of the calls; constructors run on it */
#define FRAME_BYTES (64 * 1024)  /* a frame takes less */

#define CALL_NS 10000000000ull /* a call that has not returned by then is looked into, */
#define CALL_WAITS 6           /* and left to itself after so many times, if it does not hang */
#define LOOK_NS 50000          /* between two checks for its answer */

struct injection {
    struct target *target;
    struct stacks *stacks; /* of the search: taking it apart takes a while */
    pid_t tid;
    int memory; /* /proc/PID/mem */
    int doing;  /* /proc/PID/task/TID/syscall, which can be read without being in the program's way */
    uint64_t stopped_ns;
    struct frame_state state; /* of the thread, as it was */
    uintptr_t back;           /* where a return leads to that state */
    uintptr_t stack;          /* ours, in the process; 0 = none yet */
    uintptr_t stack_back;     /* where a return leads to that state, and gives our stack back before */
    uintptr_t answer;         /* struct attach_call of the last call; 0 = none */
    int policy;               /* of scheduling, as it was */
    bool alive, stopped;
    bool changed; /* its registers are not its own any more */
    bool called;  /* it is in a call that gives our stack back at its end */
    bool lost;    /* a call has died, or hangs */
    bool late;    /* a call is slow: the thread goes back by itself when that is over */
    bool blocked; /* signals are */
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

/* Where a call leaves its result: behind the room. */
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

/* Signals wait until we are through, but for those that a fault raises: blocked, they would kill. After the
 * registers were set: what takes the thread back unblocks them. */
static void block_signals(struct injection *in)
{
    uint64_t all = ~0ull;
    const int faults[] = {SIGSEGV, SIGTRAP, SIGBUS, SIGILL, SIGFPE, SIGSYS};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        all &= ~(1ull << (faults[i] - 1));
    in->blocked = in->blocked || ptrace(PTRACE_SETSIGMASK, in->tid, (void *)sizeof all, &all) == 0;
}

/* As frame_call() has it. */
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

/* What a stop says of a call. */
enum step { STEP_OTHER, STEP_ENTRY, STEP_EXIT, STEP_FAULT, STEP_ENDED };

/* Looks at the thread, which has stopped. */
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

/* Lets a thread that stands go on; how: PTRACE_CONT or PTRACE_SYSCALL. */
static bool resume(struct injection *in, enum __ptrace_request how, int status)
{
    int number = !status || status >> 16 || WSTOPSIG(status) & 0x80 ? 0 : WSTOPSIG(status);
    assert(in->stopped);
    in->stopped = false;
    return ptrace(how, in->tid, NULL, (void *)(long)number) == 0;
}

/* True for a thread that is still in a call of ours. One that has gone back by itself is not to be touched. */
static bool is_inside(const struct injection *in, const struct user_regs_struct *registers)
{
    uintptr_t own = frame_stack(&in->state.registers), now = frame_stack(registers);
    return now - in->stack < STACK_BYTES || (now < own && own - now < SEARCH_ROOM);
}

/* True if a stopped call will never return: it has met a fault, or it waits for a lock, which its own thread must
 * hold, as all others run on. Anything else may just be slow. */
static bool is_lost(const struct injection *in, bool fault)
{
    struct user_regs_struct registers;
    return in->stopped && ptrace(PTRACE_GETREGS, in->tid, NULL, &registers) == 0 &&
           is_inside(in, &registers) &&
           (fault || (frame_system_call(&registers) == SYS_futex && frame_restarts(&registers)));
}

/* A call has not returned in time. True if it is to be waited for once more. */
static bool wait_again(struct injection *in, unsigned *waits)
{
    in->stopped = search_interrupt(in->tid) > 0;
    in->lost = is_lost(in, false);
    in->late = !in->lost && (++*waits == CALL_WAITS || !in->stopped);
    return !in->lost && !in->late;
}

/* A fault was met: by a call of ours, or by the thread itself, which gets its signal. Always false. */
static bool fault(struct injection *in)
{
    in->lost = in->alive && is_lost(in, true);
    return false;
}

/* Lets the thread run to the begin (entry) or the end of a system call with this number. */
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
    assert(!in->answer); /* a call that answers is the last */
    *result = 0;
    if (slots[0]) { /* what it returns goes to where the register that is kept points: FRAME_STORE_CODE */
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

/* Reading the program's memory holds up its mmap() and mprotect(), of which our calls make many. So it is only read
 * while the thread is asleep in the way in which it waits for us. */
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

/* Until the program has brought a call to this phase; its thread runs on. */
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

/* ---- being quick --------------------------------------------------------------------------------------- */

/* On a busy machine each step would wait its turn, and the program with it: so the thread has priority until it is
 * back. It cannot keep it: on its way back it lowers its priority itself, for which nobody needs a right. */
static bool may_hurry(const struct injection *in)
{
    struct rlimit time;
    int policy = in->policy & ~SCHED_RESET_ON_FORK;
    return in->target->sched_setscheduler && (policy == SCHED_OTHER || policy == SCHED_BATCH) &&
           prlimit(in->tid, RLIMIT_RTTIME, NULL, &time) == 0 && time.rlim_cur == RLIM_INFINITY;
}

/* After the registers were set: from here on it finds its way back. */
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

/* ---- begin --------------------------------------------------------------------------------------------- */

/* Writes the frame that gives our stack back, and leads on to the thread's own. */
static bool write_end(struct injection *in)
{
    const uint64_t arguments[6] = {in->stack, STACK_BYTES};
    struct frame_state end = {.registers = in->state.registers, .mask = ~0ull};
    frame_call(&end.registers, in->target->munmap, arguments, in->back, frame_kept(&end.registers));
    return write_frame(in, &end, result_place(in), &in->stack_back);
}

/* Writes the frame that restores the thread's state, and the one before it that restores its priority: see hurry(). */
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
    prctl(PR_SET_TIMERSLACK, 1000ul); /* we look whether it has answered every few microseconds */
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

/* The thread's next call gives our stack back, and leads to where it was. */
static bool call_munmap(struct injection *in)
{
    const uint64_t arguments[6] = {in->stack, STACK_BYTES};
    return set_call(in, in->target->munmap, arguments, in->back, 0);
}

/* Gives our stack back in a thread that has an interrupted system call to go on with, and brings it to a stop
 * of the kind that it was found at. */
static bool drop_stack(struct injection *in)
{
    int64_t result;
    if (!call_munmap(in) || !run_to(in, STEP_EXIT, SYS_munmap, &result) ||
        ptrace(PTRACE_INTERRUPT, in->tid, NULL, NULL) != 0 || !resume(in, PTRACE_CONT, 0))
        return false;
    in->stopped = search_await_interrupt(in->tid) > 0;
    return in->stopped;
}

/* Puts everything back as it was, whatever the thread is doing. An interrupted system call goes on with what
 * is left of its time if the kernel finds the registers as it has left them. Were we killed before the last
 * of these, what the thread is in would still find its own way back. */
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
