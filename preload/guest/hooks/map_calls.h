/* map_calls.h - what the program maps by itself: ours in the place of the C library's functions. */
#ifndef LIBTRACE_MAP_CALLS_H
#define LIBTRACE_MAP_CALLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

void *map_calls_mmap(void *at, size_t size, int protection, int flags, int file,
                     off_t offset) __asm__("mmap");
int map_calls_munmap(void *at, size_t size) __asm__("munmap");
void *map_calls_mremap(void *at, size_t size, size_t fresh_size, int flags, void *to) __asm__("mremap");
int map_calls_brk(void *end) __asm__("brk");
void *map_calls_sbrk(intptr_t more) __asm__("sbrk");
void *map_calls_shmat(int id, const void *at, int flags) __asm__("shmat");
int map_calls_shmdt(const void *at) __asm__("shmdt");

#endif
