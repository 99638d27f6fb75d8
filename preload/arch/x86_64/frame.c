/* frame.c - see frame.h. */
#include "frame.h"

#include <assert.h>
#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <sys/uio.h>

/* ---- the kernel's definitions: arch/x86/include/uapi/asm/{ucontext,sigcontext}.h
 * ------------------------ */

#define UC_FP_XSTATE 1ul
#define UC_SIGCONTEXT_SS 2ul
#define UC_STRICT_RESTORE_SS 4ul

#define XSTATE_LEGACY 512u /* bytes, of FXSAVE */
#define XSTATE_HEADER 64u
#define XSTATE_SOFTWARE 464u /* offset of what the processor leaves to software: struct _fpx_sw_bytes */
#define XSTATE_ALIGNMENT 64u
#define XSTATE_X87_SSE 3ull /* the bits of the legacy part */

/* Up to the signal mask, which has 8 bytes in the kernel. */
#define UCONTEXT_SIZE (offsetof(ucontext_t, uc_sigmask) + 8)

/* The kernel's numbers for system calls to be restarted; programs never see them. */
#define ERESTARTSYS 512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514
#define ERESTART_RESTARTBLOCK 516

/* ---- reading ------------------------------------------------------------------------------------------- */

/* The size of the extended state depends on the processor: 11 KB with AMX. If the buffer is full, it may
 * be too small. */
static bool read_extended(pid_t tid, struct frame_state *state)
{
    for (size_t size = 16384; size <= 1u << 22; size *= 2) {
        void *buffer = malloc(size);
        struct iovec io = {buffer, size};
        if (!buffer || ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &io) != 0) {
            free(buffer);
            return false;
        }
        if (io.iov_len < size) {
            state->extended = buffer;
            state->extended_size = io.iov_len;
            return io.iov_len >= XSTATE_LEGACY + XSTATE_HEADER;
        }
        free(buffer);
    }
    return false;
}

bool frame_read(pid_t tid, struct frame_state *state)
{
    memset(state, 0, sizeof *state);
    return ptrace(PTRACE_GETREGS, tid, NULL, &state->registers) == 0 &&
           ptrace(PTRACE_GETSIGMASK, tid, (void *)sizeof state->mask, &state->mask) == 0 &&
           read_extended(tid, state);
}

void frame_free(struct frame_state *state)
{
    free(state->extended);
    state->extended = NULL;
}

#define CALL_FLAGS 0x40500ull /* alignment check, direction, trap: not in a call */

void frame_call(struct user_regs_struct *registers, uintptr_t function, const uint64_t arguments[6],
                uintptr_t top, uint64_t kept)
{
    registers->rsp = top;
    registers->rip = function;
    registers->rdi = arguments[0];
    registers->rsi = arguments[1];
    registers->rdx = arguments[2];
    registers->rcx = arguments[3];
    registers->r8 = arguments[4];
    registers->r9 = arguments[5];
    registers->rbx = kept;
    registers->rax = 0;          /* no vector arguments */
    registers->orig_rax = ~0ull; /* no system call to restart */
    registers->eflags &= ~CALL_FLAGS;
}

void frame_restore_rest(pid_t tid, const struct frame_state *state)
{
    struct iovec extended = {state->extended, state->extended_size};
    uint64_t mask = state->mask;
    ptrace(PTRACE_SETREGSET, tid, (void *)NT_X86_XSTATE, &extended);
    ptrace(PTRACE_SETSIGMASK, tid, (void *)sizeof mask, &mask);
}

/* ---- interrupted system calls -------------------------------------------------------------------------- */

/* Some system calls are not restarted by the kernel after a stop, but return EINTR, which a program
 * without signal handlers need not expect. We make them restart. */
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

bool frame_restarts(const struct user_regs_struct *registers)
{
    long long result = (long long)registers->rax;
    return (long long)registers->orig_rax >= 0 &&
           (result == -ERESTARTSYS || result == -ERESTARTNOINTR || result == -ERESTARTNOHAND ||
            result == -ERESTART_RESTARTBLOCK);
}

struct user_regs_struct frame_again(struct user_regs_struct registers)
{
    if (frame_restarts(&registers) || is_interrupted_wait(&registers)) {
        registers.rax = registers.orig_rax;
        registers.rip -= 2; /* back to the syscall instruction */
    }
    registers.orig_rax = ~0ull;
    return registers;
}

/* ---- building ------------------------------------------------------------------------------------------ */

/* The parts of the extended state that differ from those of a new process: only they need to be in the
 * frame. A thread without permission for others (AMX) must not have them there. */
static uint64_t features(const struct frame_state *state)
{
    uint64_t used;
    memcpy(&used, (const char *)state->extended + XSTATE_LEGACY, sizeof used);
    return used | XSTATE_X87_SSE; /* for MXCSR, which does not belong to any part */
}

/* Bytes up to the end of the last part in use. */
static size_t used_size(const struct frame_state *state)
{
    size_t size = XSTATE_LEGACY + XSTATE_HEADER;
    uint64_t used = features(state);
    for (unsigned part = 2; part < 63; part++) {
        unsigned bytes, offset, c, d;
        if (used >> part & 1 && __get_cpuid_count(0xd, part, &bytes, &offset, &c, &d) &&
            offset + (size_t)bytes > size)
            size = offset + (size_t)bytes;
    }
    return size < state->extended_size ? size : state->extended_size;
}

size_t frame_size(const struct frame_state *state)
{
    size_t extended = state->extended ? used_size(state) + FP_XSTATE_MAGIC2_SIZE + XSTATE_ALIGNMENT : 0;
    return (extended + UCONTEXT_SIZE + 16 + sizeof(uint64_t) + 15) & ~(size_t)15;
}

static void build_extended(const struct frame_state *state, unsigned char *bytes)
{
    uint32_t end = FP_XSTATE_MAGIC2;
    size_t size = used_size(state);
    struct _fpx_sw_bytes software = {
        .magic1 = FP_XSTATE_MAGIC1,
        .extended_size = (uint32_t)size + FP_XSTATE_MAGIC2_SIZE,
        .xstate_bv = features(state),
        .xstate_size = (uint32_t)size,
    };
    memcpy(bytes, state->extended, size);
    memcpy(bytes + XSTATE_SOFTWARE, &software, sizeof software);
    memcpy(bytes + size, &end, sizeof end);
}

static void build_context(const struct frame_state *state, ucontext_t *context)
{
    const struct user_regs_struct *from = &state->registers;
    greg_t *to = context->uc_mcontext.gregs;
    to[REG_R8] = (greg_t)from->r8;
    to[REG_R9] = (greg_t)from->r9;
    to[REG_R10] = (greg_t)from->r10;
    to[REG_R11] = (greg_t)from->r11;
    to[REG_R12] = (greg_t)from->r12;
    to[REG_R13] = (greg_t)from->r13;
    to[REG_R14] = (greg_t)from->r14;
    to[REG_R15] = (greg_t)from->r15;
    to[REG_RDI] = (greg_t)from->rdi;
    to[REG_RSI] = (greg_t)from->rsi;
    to[REG_RBP] = (greg_t)from->rbp;
    to[REG_RBX] = (greg_t)from->rbx;
    to[REG_RDX] = (greg_t)from->rdx;
    to[REG_RAX] = (greg_t)from->rax;
    to[REG_RCX] = (greg_t)from->rcx;
    to[REG_RSP] = (greg_t)from->rsp;
    to[REG_RIP] = (greg_t)from->rip;
    to[REG_EFL] = (greg_t)from->eflags;
    to[REG_CSGSFS] = (greg_t)(from->cs | from->ss << 48);
    context->uc_flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
    /* An impossible state of the signal stack: the kernel refuses to set it, without consequences, and the
     * thread keeps its own, which no other process can read. */
    context->uc_stack.ss_flags = SS_ONSTACK | SS_DISABLE;
    memcpy(&context->uc_sigmask, &state->mask, sizeof state->mask);
}

uintptr_t frame_build(const struct frame_state *state, uintptr_t top, uintptr_t back, unsigned char *bytes)
{
    uintptr_t low = top - frame_size(state);
    ucontext_t context;
    memset(&context, 0, sizeof context);
    memset(bytes, 0, frame_size(state));
    build_context(state, &context);
    uintptr_t at = top;
    if (state->extended) {
        at = (top - used_size(state) - FP_XSTATE_MAGIC2_SIZE) & ~(uintptr_t)(XSTATE_ALIGNMENT - 1);
        build_extended(state, bytes + (at - low));
        context.uc_flags |= UC_FP_XSTATE;
        context.uc_mcontext.fpregs = (fpregset_t)at;
    }
    at = (at - UCONTEXT_SIZE) & ~(uintptr_t)15;
    assert(at - sizeof back >= low && at < top);
    memcpy(bytes + (at - low), &context, UCONTEXT_SIZE);
    at -= sizeof back;
    memcpy(bytes + (at - low), &back, sizeof back);
    return at;
}
