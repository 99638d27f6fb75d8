/* frame.h - a stopped thread's state, and the signal frame from which the kernel takes it back.
 *
 * A function that is to be called on the thread returns into libc's own end of signal handlers, with such a
 * frame above its return address: then the thread restores itself, whatever has become of its tracer.
 *
 *   high   | vector registers and the like   64-byte aligned, as much of it as is in use
 *          | struct ucontext                 16-byte aligned: registers, blocked signals
 *    low   | return address                  of the function: __restore_rt, which calls rt_sigreturn
 */
#ifndef LIBTRACE_ATTACH_FRAME_H
#define LIBTRACE_ATTACH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

/* Code that a thread can be led to in libc, which has it for the kernel and debuggers: the end of signal handlers;
 * and a function's end that stores its result where the register kept (frame_call()) points to, takes that register off
 * the stack, and returns. */
#define FRAME_RESTORE_CODE "\x48\xc7\xc0\x0f\0\0\0\x0f\x05" /* mov $15,%rax; syscall */
#define FRAME_STORE_CODE "\x48\x89\x03\x5b\xc3"             /* mov %rax,(%rbx); pop %rbx; ret */

#define FRAME_RED_ZONE 128 /* bytes below the stack pointer that belong to the thread */

struct frame_state {
    struct user_regs_struct registers;
    uint64_t mask;        /* blocked signals */
    void *extended;       /* in the kernel's format, as PTRACE_GETREGSET gives it; NULL = none */
    size_t extended_size; /* bytes */
};

/* Of a stopped thread. */
static inline uintptr_t frame_stack(const struct user_regs_struct *registers)
{
    return registers->rsp;
}

static inline uintptr_t frame_pc(const struct user_regs_struct *registers)
{
    return registers->rip;
}

/* The C library's notes on it, see bounds.c. */
static inline uintptr_t frame_descriptor(const struct user_regs_struct *registers)
{
    return registers->fs_base;
}

/* The system call that it is in, or -1. */
static inline long frame_system_call(const struct user_regs_struct *registers)
{
    return (long)registers->orig_rax;
}

/* The register that functions put back as it was, and FRAME_STORE_CODE uses. */
static inline uint64_t frame_kept(const struct user_regs_struct *registers)
{
    return registers->rbx;
}

/* From the next step on the thread is in function(arguments), which returns to the address at `top`; kept: the register
 * of frame_kept(). */
void frame_call(struct user_regs_struct *registers, uintptr_t function, const uint64_t arguments[6],
                uintptr_t top, uint64_t kept);

/* Puts the extended state and the blocked signals back as they were. */
void frame_restore_rest(pid_t tid, const struct frame_state *state);

/* Reads the state of a thread that is stopped and ours; frame_free() it. */
bool frame_read(pid_t tid, struct frame_state *state);
void frame_free(struct frame_state *state);

/* True if the kernel is to take up a system call again that the stop has interrupted: only the kernel knows
 * how much of its time is left, as long as the registers are exactly these. */
bool frame_restarts(const struct user_regs_struct *registers);

/* The registers with which the thread makes an interrupted system call once more, from its begin; as they
 * are, if there is none. */
struct user_regs_struct frame_again(struct user_regs_struct registers);

/* Bytes that the frame takes at most, whatever it is aligned to. */
size_t frame_size(const struct frame_state *state);

/* Builds the frame that lies below the address top: `bytes` are the frame_size() bytes there. The return
 * address's place; back: what it is. Without an extended state the thread gets the one of a new process. */
uintptr_t frame_build(const struct frame_state *state, uintptr_t top, uintptr_t back, unsigned char *bytes);

#endif
