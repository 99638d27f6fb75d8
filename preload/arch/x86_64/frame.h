/* frame.h - the state of a stopped thread, and a signal frame from which the kernel restores it.
 *
 * A function that is called on the thread returns into libc's code for the end of signal handlers, with such
 * a frame above its return address: so the thread restores itself, whatever has become of its tracer.
 *
 *   high   | vector registers and others   64-byte aligned, the part that is in use
 *          | struct ucontext     16-byte aligned: registers, blocked signals
 *   low    | return address      of the function: __restore_rt, which calls rt_sigreturn
 */
#ifndef LIBTRACE_ATTACH_FRAME_H
#define LIBTRACE_ATTACH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

/* Code in libc that a thread can be led to: the end of signal handlers, which the kernel and debuggers
 * use; and the end of a function that stores its result at the address in the kept register
 * (frame_call()), pops that register, and returns. */
#define FRAME_RESTORE_CODE "\x48\xc7\xc0\x0f\0\0\0\x0f\x05" /* mov $15,%rax; syscall */
#define FRAME_STORE_CODE "\x48\x89\x03\x5b\xc3"             /* mov %rax,(%rbx); pop %rbx; ret */

#define FRAME_RED_ZONE 128 /* bytes below the stack pointer that the thread may use */

struct frame_state {
    struct user_regs_struct registers;
    uint64_t mask;        /* blocked signals */
    void *extended;       /* in the kernel's format, from PTRACE_GETREGSET; NULL = none */
    size_t extended_size; /* bytes */
};

/* The stack pointer of a stopped thread. */
static inline uintptr_t frame_stack(const struct user_regs_struct *registers)
{
    return registers->rsp;
}

static inline uintptr_t frame_pc(const struct user_regs_struct *registers)
{
    return registers->rip;
}

/* The C library's struct pthread of the thread, see bounds.c. */
static inline uintptr_t frame_descriptor(const struct user_regs_struct *registers)
{
    return registers->fs_base;
}

/* The system call that it is in, or -1. */
static inline long frame_system_call(const struct user_regs_struct *registers)
{
    return (long)registers->orig_rax;
}

/* The register that functions preserve, and FRAME_STORE_CODE uses. */
static inline uint64_t frame_kept(const struct user_regs_struct *registers)
{
    return registers->rbx;
}

/* Prepares registers to call function(arguments), which returns to the address stored at `top`; kept:
 * value for the register of frame_kept(). */
void frame_call(struct user_regs_struct *registers, uintptr_t function, const uint64_t arguments[6],
                uintptr_t top, uint64_t kept);

/* Restores the extended state and the blocked signals. */
void frame_restore_rest(pid_t tid, const struct frame_state *state);

/* Reads the state of a thread that we have stopped; free it with frame_free(). */
bool frame_read(pid_t tid, struct frame_state *state);
void frame_free(struct frame_state *state);

/* True if the kernel will restart a system call that the stop has interrupted: only the kernel knows how
 * much of its time is left, and only if the registers stay exactly like this. */
bool frame_restarts(const struct user_regs_struct *registers);

/* The registers with which the thread starts an interrupted system call again from its beginning;
 * unchanged if there is none. */
struct user_regs_struct frame_again(struct user_regs_struct registers);

/* The most bytes that the frame takes, whatever its alignment. */
size_t frame_size(const struct frame_state *state);

/* Builds the frame below the address top; bytes: our copy of the frame_size() bytes there. Returns the
 * place of the return address, which is set to back. Without an extended state the thread gets that of a
 * new process. */
uintptr_t frame_build(const struct frame_state *state, uintptr_t top, uintptr_t back, unsigned char *bytes);

#endif
