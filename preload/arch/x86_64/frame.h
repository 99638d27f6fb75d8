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

#define FRAME_RED_ZONE 128 /* bytes below the stack pointer that belong to the thread */

struct frame_state {
    struct user_regs_struct registers;
    uint64_t mask;        /* blocked signals */
    void *extended;       /* in the kernel's format, as PTRACE_GETREGSET gives it; NULL = none */
    size_t extended_size; /* bytes */
};

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
