/* target.h - a running program as trace-attach sees it from outside: what is loaded, where functions are,
 * which code a thread must not be interrupted in, and why it may not be traced at all.
 */
#ifndef LIBTRACE_TARGET_H
#define LIBTRACE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct range {
    uintptr_t start, end;
};

/* A mapped file: all of its mappings together. */
struct loaded {
    char *path; /* as /proc/PID/maps has it */
    uintptr_t start, end;
    uintptr_t bias; /* address minus address in the file */
    ino_t inode;
    bool executable; /* some of it is code */
    bool deleted;    /* the file is not there any more */
};

struct target {
    pid_t pid;
    struct loaded *files;
    size_t file_count;
    const struct loaded *libc, *loader, *library; /* library: libtrace.so; NULL = not loaded */
    /* Functions of the program's C library, 0 = it has none of this name. */
    uintptr_t dlopen, dlerror, errno_location, mmap, munmap, sched_setscheduler;
    /* Code of its own that is not exported, 0 = it has none: the end of a signal handler, which calls
     * rt_sigreturn; and any that stores its result: FRAME_RESTORE_CODE, FRAME_STORE_CODE. */
    uintptr_t restore, store;
    struct range stack; /* of the main thread, as far as it is mapped */
    int dlopen_flags;   /* to be added */
    /* Code that holds locks of the allocator, the loader, or the thread library, or is ours. */
    struct range *unsafe;
    size_t unsafe_count;
    bool own_allocator; /* the program's file has malloc() in it: code around that is unsafe as well */
};

/* Why a program cannot be attached to that has not got so far yet. */
extern const char target_not_loaded[];

/* Reads what is loaded. NULL, or why that cannot be done. target_close() in both cases. inside_ours: a thread
 * may be interrupted in libtrace.so. */
const char *target_open(struct target *target, pid_t pid, const char *library, bool inside_ours);
void target_close(struct target *target);

/* Where the library is loaded by now: what to add to the addresses in its file, 0 = nowhere. */
uintptr_t target_loaded(const struct target *target, const char *library);

/* Reads the program's memory; false if it is not all there. */
bool target_read(const struct target *target, uintptr_t from, void *to, size_t size);

/* The lowest address of the stack that a thread with these registers is on, if it is the stack that the
 * system or the C library has given to this thread; else 0: below the stack pointer could be anything. */
uintptr_t target_stack_end(const struct target *target, pid_t tid, uintptr_t stack, uintptr_t descriptor);

/* The address in the process of a function or object that libtrace.so exports; 0 = none. file: where to read
 * the symbols from. */
uintptr_t target_symbol(const char *file, uintptr_t bias, const char *name);

/* True if the address lies in code where a thread must not be interrupted. */
bool target_unsafe(const struct target *target, uintptr_t address);

/* True if it lies in the C library or the loader: code that is not the program's own. */
bool target_is_system(const struct target *target, uintptr_t address);

#endif
