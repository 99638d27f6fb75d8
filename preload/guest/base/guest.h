/* guest.h - how code behaves inside somebody else's process.
 *
 * No malloc, no stdio, no lock that a fork or a signal could orphan, no exit, no descriptor kept, errno
 * untouched. What follows are the few tools that this leaves.
 */
#ifndef LIBTRACE_GUEST_H
#define LIBTRACE_GUEST_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define NOINLINE __attribute__((noinline, cold))
#define INLINE static inline __attribute__((always_inline))
/* For what may use vector instructions, which want the stack aligned: programs that switch stacks by hand may
 * do without. */
#define GUEST_ALIGNED __attribute__((force_align_arg_pointer))
#define EXPORT __attribute__((visibility("default")))
#define HIDDEN \
    __attribute__((visibility("hidden"))) /* a declaration: reached directly, not through a table */

/* Orders what this thread does as its own signal handlers see it. */
#define SIGNAL_FENCE() atomic_signal_fence(memory_order_seq_cst)

/* The program has locked itself into seccomp: no system call may be made any more. The functions below get
 * along without then: memory comes out of what was mapped before, and who waits, spins. */
extern HIDDEN _Atomic bool guest_confined;

/* Maps what they may need, and sets it. */
void guest_confine(void);

/* After a fork: the only thread's number is the process's. False if it cannot be known (confined, and forked
 * by no function of the C library). */
bool guest_confined_fork(void);

/* getpid() and gettid(), which nobody behind us in the look-up order has changed. */
int guest_pid(void);
int guest_tid(void);

/* The PID namespace that they are numbers of: its inode. 0 if that cannot be known. Keeps errno. */
uint64_t guest_pid_namespace(void);

/* What decides which file a path leads to: the mount namespace's inode, the root's device and inode. 0 where
 * that cannot be known. Keeps errno. */
void guest_view(uint64_t view[3]);

/* What the program maps is locked in memory from now on (mlockall): ours is not to be. */
extern HIDDEN _Atomic bool guest_locked;

/* The system's, and a size rounded up to whole pages. */
size_t guest_page_size(void);
size_t guest_whole_pages(size_t size);

/* mmap(), munmap() and mremap() of ours: those of the C library lead to our hooks, which record them. */
/* The system call itself; what the kernel refuses is -1 and errno, as with syscall(). */
long guest_system_call(long number, long a, long b, long c, long d, long e, long f);
void *guest_mmap(void *at, size_t size, int protection, int flags, int file, int64_t offset);
int guest_munmap(void *at, size_t size);
void *guest_mremap(void *at, size_t size, size_t fresh_size, int flags);

/* Anonymous private memory, page-aligned and zero; NULL when there is none. errno is kept. */
void *guest_pages(size_t size);
void guest_unmap(void *pages, size_t size);

/* Where the first piece of such memory is that ends behind an address; false if there is none. Of the first
 * few hundred pieces only. */
bool guest_next_pages(uintptr_t from, uintptr_t *start, uintptr_t *end);

struct wire_piece;

/* Where the collector is told of them from now on, in the process's slot, which is empty; NULL = nowhere any more. */
void guest_show_pieces(struct wire_piece *list);

/* Memory that is shared with the collector: what lies on both sides of it is told as one piece with it. */
void guest_note_window(const void *window, size_t size);
void guest_forget_window(const void *window, size_t size);

/* Gives the memory back, which reads as zeroes then; confined it stays as it is. */
void guest_release(void *pages, size_t size);

/* Memory for a table of 2^n bytes that is read at random, and of which most pages will be used. */
void *guest_table(size_t size);

/* All of the memory will be used soon: the system gives it at once, if it can do so (from Linux 5.14 on).
 * Saves a fault for each page. */
void guest_populate(void *pages, size_t size);

/* As guest_pages(), of a multiple of 2 MiB, and in huge pages where the system gives them: for what is read
 * at random.
 */
void *guest_huge_pages(size_t size);

/* One line on stderr, "libtrace: " and a newline added; the first call of a process prints, later ones
 * do not. */
void guest_say(const char *message, const char *detail);

/* Text tools that touch nothing but their arguments. */
uint64_t guest_number(const char *text, const char **end); /* decimal or, after 0x, hexadecimal */
char *guest_format(char *at, char *end, const char *text); /* appends text, NUL-terminates, returns the NUL */
char *guest_format_number(char *at, char *end, uint64_t value);

/* futex on shared memory; timeout in nanoseconds. */
void guest_futex_wait(_Atomic uint32_t *word, uint32_t value, uint64_t timeout_ns);
void guest_futex_wake(_Atomic uint32_t *word);

/* True for a process that is no more; zombie: or whose parent has not waited for it yet. Confined nobody
 * knows. */
bool guest_is_gone(int pid, bool zombie);

/* The environment, and a variable of it (NULL = not set). Before the C library has set its own, in allocations of
 * libraries that start earlier, it is what the kernel has put on the stack. */
char **guest_environment(void);
const char *guest_variable(const char *name);

/* The descriptor out of the program's way, which expects the lowest numbers to be its own; or as it is. */
int guest_move_up(int low);

/* Not nanosleep(): that is a place where a thread may be cancelled, and a program's malloc() is none. */
void guest_sleep(uint64_t ns);

uint64_t guest_now_ns(void); /* CLOCK_MONOTONIC */

#endif
