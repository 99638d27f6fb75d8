/* guest.h - basic functions for code that runs inside another program.
 *
 * Such code must not use malloc, stdio, locks that a fork or a signal could orphan, or exit; it keeps no
 * descriptor open and does not change errno. These functions keep to that.
 */
#ifndef LIBTRACE_GUEST_H
#define LIBTRACE_GUEST_H

#include "processor.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define NOINLINE __attribute__((noinline, cold))
#define INLINE static inline __attribute__((always_inline))
/* For functions that may use vector instructions, which need an aligned stack: programs that switch stacks by
 * hand may not align it. */
#define GUEST_ALIGNED __attribute__((force_align_arg_pointer))
#define EXPORT __attribute__((visibility("default")))
#define HIDDEN \
    __attribute__((visibility("hidden"))) /* on a declaration: accessed directly, not through the GOT */

/* Orders memory accesses as seen by this thread's own signal handlers. */
#define SIGNAL_FENCE() atomic_signal_fence(memory_order_seq_cst)

/* The program has confined itself by seccomp: no more system calls may be made. The functions below work
 * without them then: memory comes from a reserve that was mapped before, and waiting is spinning. */
extern HIDDEN _Atomic bool guest_confined;

/* Prepares for that, and sets guest_confined. */
void guest_confine(void);

/* A thread of the program may not read the processor's clock, which the C library's clocks read, too: it asked for that
 * (PR_SET_TSC), or is in seccomp's strict mode, where the kernel sees to it. Then no thread reads it. */
extern HIDDEN _Atomic bool guest_clockless;

/* After a fork, the number of the only thread is that of the process. False if it cannot be known: confined,
 * and not forked by a function of the C library. */
bool guest_confined_fork(void);

/* getpid() and gettid(), independent of any other library's versions. */
int guest_pid(void);
int guest_tid(void);

/* The PID namespace that these numbers belong to: its inode. 0 if it cannot be known. Keeps errno. */
uint64_t guest_pid_namespace(void);

/* What determines which file a path leads to: the inode of the mount namespace, device and inode of the root.
 * 0 if it cannot be known. Keeps errno. */
void guest_view(uint64_t view[3]);

/* From now on what the program maps is locked in memory (mlockall); our own memory should not be. */
extern HIDDEN _Atomic bool guest_locked;

/* The system's page size, and a size rounded up to whole pages. */
size_t guest_page_size(void);
size_t guest_whole_pages(size_t size);

/* mmap(), munmap() and mremap() for our own memory: those of the C library lead to our hooks, which record
 * them. */
/* A system call; returns -1 and sets errno on failure, like syscall(). */
long guest_system_call(long number, long a, long b, long c, long d, long e, long f);
void *guest_mmap(void *at, size_t size, int protection, int flags, int file, int64_t offset);
int guest_munmap(void *at, size_t size);
void *guest_mremap(void *at, size_t size, size_t fresh_size, int flags);

/* Private anonymous memory, page-aligned and zero; NULL if there is none. Keeps errno. */
void *guest_pages(size_t size);
void guest_unmap(void *pages, size_t size);

/* The first piece of such memory that ends after an address; false if there is none. Only knows the first few
 * hundred pieces. */
bool guest_next_pages(uintptr_t from, uintptr_t *start, uintptr_t *end);

struct wire_piece;

/* From now on, lists these pieces for the collector here, in the process's slot, where the list is empty;
 * NULL = nowhere. */
void guest_show_pieces(struct wire_piece *list);

/* Memory shared with the collector: it is listed as one piece with our memory on both sides of it. */
void guest_note_window(const void *window, size_t size);
void guest_forget_window(const void *window, size_t size);

/* Releases the memory, which then reads as zeroes; does nothing while confined. */
void guest_release(void *pages, size_t size);

/* Memory for a table of 2^n bytes that is read at random, and most of which will be used. */
void *guest_table(size_t size);

/* Has the system allocate all of the memory at once, if it can (Linux 5.14 or later), as all will be used
 * soon. Saves a page fault for each page. */
void guest_populate(void *pages, size_t size);

/* As guest_pages(), for a multiple of 2 MiB, in huge pages if the system provides them: for memory that is
 * read at random. */
void *guest_huge_pages(size_t size);

/* Prints "libtrace: ", message, detail and a newline on stderr. Only the first call in a process prints. */
void guest_say(const char *message, const char *detail);

/* Text functions that access nothing but their arguments. */
uint64_t guest_number(const char *text, const char **end); /* decimal or, after 0x, hexadecimal */
char *guest_format(char *at, char *end, const char *text); /* appends text, NUL-terminates, returns the NUL */
char *guest_format_number(char *at, char *end, uint64_t value);

/* Futexes in shared memory; the timeout is in nanoseconds. */
void guest_futex_wait(_Atomic uint32_t *word, uint32_t value, uint64_t timeout_ns);
void guest_futex_wake(_Atomic uint32_t *word);

/* True if the process no longer exists; if zombie, also if its parent has not waited for it yet. False while
 * confined, as it cannot be known. */
bool guest_is_gone(int pid, bool zombie);

/* The environment, and one of its variables (NULL = not set). Before the C library has set its own, in
 * allocations of libraries that start earlier, it is what the kernel has put on the stack. */
char **guest_environment(void);
const char *guest_variable(const char *name);

/* Moves a descriptor to a high number, as programs expect to get the low ones themselves; returns it
 * unchanged if that fails. */
int guest_move_up(int low);

/* Not nanosleep(): that is a cancellation point, and a program's malloc() is none. */
void guest_sleep(uint64_t ns);

/* CLOCK_MONOTONIC. Confined and clockless, it only goes on while it is asked for: good for waiting, and for nothing
 * else. */
uint64_t guest_now_ns(void);

/* The same, or 0 if it cannot be known. */
uint64_t guest_moment_ns(void);

/* The processor time of another process in our PID namespace, without a descriptor; 0 = it cannot be known. */
uint64_t guest_processor_ns(pid_t pid);

/* How many threads want each processor that we may use, in the mean of the last minute; 0 = it cannot be known. Not
 * those of a container alone: the machine's. */
unsigned guest_threads_per_processor(void);

/* The processor's clock. Clockless, a number that grows with each call. */
uint64_t guest_counted_ticks(void);
INLINE uint64_t guest_ticks(void)
{
    return LIKELY(!atomic_load_explicit(&guest_clockless, memory_order_relaxed)) ? processor_ticks()
                                                                                 : guest_counted_ticks();
}

#endif
