/* target.h - a running program, seen from outside: what is loaded, where its functions are, in which code a
 * thread must not be interrupted, and why it may not be traced at all. */
#ifndef LIBTRACE_TARGET_H
#define LIBTRACE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct range {
    uintptr_t start, end;
};

/* A mapped file: all its mappings together. */
struct loaded {
    char *path; /* as in /proc/PID/maps */
    uintptr_t start, end;
    struct range first; /* of these mappings */
    uintptr_t bias;     /* address minus the address in the file */
    ino_t inode;
    bool executable; /* some of it is code */
    bool deleted;    /* the file was deleted */
};

struct target {
    pid_t pid;
    struct loaded *files;
    size_t file_count;
    const struct loaded *libc, *loader, *library; /* library: libtrace.so; NULL = not loaded */
    /* Functions of the program's C library; 0 = missing. */
    uintptr_t dlopen, dlerror, errno_location, mmap, munmap, sched_setscheduler, memfd_create, syscall;
    /* Code of the C library that is not exported; 0 = missing: the end of signal handlers, which calls
     * rt_sigreturn, and an end of a function that stores its result: FRAME_RESTORE_CODE, FRAME_STORE_CODE. */
    uintptr_t restore, store;
    struct range stack; /* of the main thread; the part that is mapped */
    int dlopen_flags;   /* flags to add */
    /* Code that holds locks of the allocator, the loader, or the thread library, or is libtrace's. */
    struct range *unsafe;
    size_t unsafe_count;
    bool own_allocator; /* the program's own file defines malloc(): code around it is unsafe as well */
};

/* The sentence for a program that is still being loaded. */
extern const char target_not_loaded[];

/* Reads what is loaded. Returns NULL, or why that is not possible. Call target_close() in either case.
 * inside_ours: a thread may be interrupted in libtrace.so. */
const char *target_open(struct target *target, pid_t pid, const char *library, bool inside_ours);
void target_close(struct target *target);

/* The library's bias if it is loaded by now; 0 = it is not. */
uintptr_t target_loaded(const struct target *target, const char *library);

/* Reads the program's memory; false unless all of it is there. */
bool target_read(const struct target *target, uintptr_t from, void *to, size_t size);

/* The lowest address of the stack that a thread with these registers is on, if that is the stack that the
 * system or the C library gave to this thread; else 0: then anything could be below the stack pointer. */
uintptr_t target_stack_end(const struct target *target, pid_t tid, uintptr_t stack, uintptr_t descriptor);

/* The address in the process of a function or object that libtrace.so exports; 0 = none. file: read its
 * symbols from this file. */
uintptr_t target_symbol(const char *file, uintptr_t bias, const char *name);

/* True if the address is in code in which a thread must not be interrupted. */
bool target_unsafe(const struct target *target, uintptr_t address);

/* True if it is in the C library or the loader. */
bool target_is_system(const struct target *target, uintptr_t address);

#endif
