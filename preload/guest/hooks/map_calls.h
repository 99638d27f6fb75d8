/* map_calls.h - our functions that replace the C library's for mapping memory. */
#ifndef LIBTRACE_MAP_CALLS_H
#define LIBTRACE_MAP_CALLS_H

#include "guest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>

void *map_calls_mmap(void *at, size_t size, int protection, int flags, int file,
                     off_t offset) __asm__("mmap");
int map_calls_munmap(void *at, size_t size) __asm__("munmap");
void *map_calls_mremap(void *at, size_t size, size_t fresh_size, int flags, void *to) __asm__("mremap");
int map_calls_brk(void *end) __asm__("brk");
void *map_calls_sbrk(intptr_t more) __asm__("sbrk");
void *map_calls_shmat(int id, const void *at, int flags) __asm__("shmat");
int map_calls_shmdt(const void *at) __asm__("shmdt");

/* True if map_calls_by_number() handles this system call. Call that as the last thing in a function with
 * the same arguments: then the compiler makes it a jump, and its caller is the program. */
INLINE bool map_calls_is_one(long number)
{
    return number == SYS_mmap || number == SYS_munmap || number == SYS_mremap || number == SYS_shmat ||
           number == SYS_shmdt;
}
long map_calls_by_number(long number, long a, long b, long c, long d, long e, long f);

#endif
