/* real.h - the real allocator, which the hooks call, and a small pool for calls before it is known. */
#ifndef LIBTRACE_REAL_H
#define LIBTRACE_REAL_H

#include "guest.h"

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <sys/types.h>

/* The definitions after ours in the program's look-up order. Never NULL: until real_init() has run, they
 * resolve themselves at their first call. */
struct real {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*aligned_alloc)(size_t, size_t);
    void *(*memalign)(size_t, size_t);
    void *(*valloc)(size_t);
    void *(*pvalloc)(size_t);
    size_t (*malloc_usable_size)(void *);
    long (*syscall)(long, long, long, long, long, long, long);
    int (*prctl)(int, unsigned long, unsigned long, unsigned long, unsigned long);
    int (*mlockall)(int);
    void *(*mmap)(void *, size_t, int, int, int, off_t);
    int (*munmap)(void *, size_t);
    void *(*mremap)(void *, size_t, size_t, int, void *);
    int (*brk)(void *);
    void *(*sbrk)(intptr_t);
    void *(*shmat)(int, const void *, int);
    int (*shmdt)(const void *);
    int (*unlink)(const char *);
    int (*unlinkat)(int, const char *, int);
    int (*remove)(const char *);
    int (*rename)(const char *, const char *);
    int (*renameat)(int, const char *, int, const char *);
    int (*renameat2)(int, const char *, int, const char *, unsigned);
    void (*_exit)(int);
    void (*quick_exit)(int);
};
extern HIDDEN struct real real;

/* Looks up all of them, once. May be called again, and from several threads. */
void real_init(void);

/* Blocks handed out while dlsym() itself allocates; their memory is never reused. */
extern HIDDEN char real_pool[];
#define REAL_POOL_SIZE 65536

static inline bool real_is_pool(const void *block)
{
    return (uintptr_t)block - (uintptr_t)real_pool < REAL_POOL_SIZE;
}

size_t real_pool_size(const void *block); /* as asked for */

#endif
