/* processor.h - what the recorder needs of the processor beyond C: its clock, hints, and the frame of a hook. */
#ifndef LIBTRACE_PROCESSOR_H
#define LIBTRACE_PROCESSOR_H

#include <stdint.h>
#include <x86intrin.h>

#define PROCESSOR_LARGEST_PAGE 4096u /* bytes that the system may give or take at once */

#define PROCESSOR_STAMP_SHIFT 6 /* a stamp's unit: 64 ticks, 20 to 30 ns; 12 bits of them reach over 0.1 ms */

/* The time-stamp counter: the same on all processors, and quicker to read than any clock of the system's. A suspend
 * may set it back. */
static inline __attribute__((always_inline)) uint64_t processor_ticks(void)
{
    return __rdtsc();
}

/* In a loop that waits for another thread. */
static inline __attribute__((always_inline)) void processor_pause(void)
{
    _mm_pause();
}

/* Fetches a cache line that will be written to. An instruction that older processors step over; compilers only know
 * it by an option. */
static inline __attribute__((always_inline)) void processor_fetch_for_writing(const uint64_t *word)
{
    __asm__ volatile("prefetchw %0" : : "m"(*word));
}

/* Of a function that keeps its frame pointer, by its frame address: where it returns to. */
static inline __attribute__((always_inline)) uintptr_t processor_return_address(const void *frame)
{
    return ((const uintptr_t *)frame)[1];
}

/* The word, so that the compiler does not know what it is, though it may have compared it with one that it has. */
static inline __attribute__((always_inline)) uint64_t processor_load(const uint64_t *word)
{
    uint64_t value;
    __asm__("mov %1, %0" : "=r"(value) : "m"(*word));
    return value;
}

/* The C library's descriptor of the calling thread, which pthread_self() returns, begins where the thread pointer
 * points to. */
static inline __attribute__((always_inline)) uintptr_t processor_thread_descriptor(void)
{
    return (uintptr_t)__builtin_thread_pointer();
}

#endif
