/* processor.h - what recorder and collector need of the processor beyond C: its clock, hints, and the return
 * address of a hook. */
#ifndef LIBTRACE_PROCESSOR_H
#define LIBTRACE_PROCESSOR_H

#include <cpuid.h>
#include <stdbool.h>
#include <stdint.h>
#include <emmintrin.h> /* of <x86intrin.h> the part with SSE 2: all of it is 60,000 lines */

#define PROCESSOR_LARGEST_PAGE 4096u /* bytes: the largest unit in which the system maps memory */

/* A stamp's unit is 64 ticks, 20 to 30 ns; 12 bits of them cover more than 0.1 ms. */
#define PROCESSOR_STAMP_SHIFT 6

/* The time-stamp counter: the same on all processors, and faster to read than any of the system's clocks.
 * A suspend may set it back. */
static inline __attribute__((always_inline)) uint64_t processor_ticks(void)
{
    return __builtin_ia32_rdtsc();
}

/* For loops that wait for another thread. */
static inline __attribute__((always_inline)) void processor_pause(void)
{
    _mm_pause();
}

/* Prefetches a cache line for writing. Older processors ignore the instruction; compilers only know it
 * with an option. */
static inline __attribute__((always_inline)) void processor_fetch_for_writing(const uint64_t *word)
{
    __asm__ volatile("prefetchw %0" : : "m"(*word));
}

/* Whether processor_evict_line() may be called: not by processors from before 2015. */
static inline bool processor_evicts_lines(void)
{
    unsigned a, b = 0, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_CLFLUSHOPT) != 0;
}

/* Takes a cache line out of the caches of all processors, and does not wait for that. */
static inline __attribute__((always_inline)) void processor_evict_line(const uint64_t *word)
{
    __asm__ volatile("clflushopt %0" : : "m"(*word));
}

/* Where a function that keeps a frame pointer returns to, by its frame address. */
static inline __attribute__((always_inline)) uintptr_t processor_return_address(const void *frame)
{
    return ((const uintptr_t *)frame)[1];
}

/* Loads a word so that the compiler assumes nothing about its value, even if it was compared with another
 * before. */
static inline __attribute__((always_inline)) uint64_t processor_load(const uint64_t *word)
{
    uint64_t value;
    __asm__("mov %1, %0" : "=r"(value) : "m"(*word));
    return value;
}

/* Of the eight words of a cache line: bit i is set if word i has this high half. Other threads may be writing to
 * it, so what fits is to be read again, as a whole word. The loads are written as instructions, so that the compiler
 * does not take them for accesses to memory that nobody else writes to. */
static inline __attribute__((always_inline)) unsigned processor_high_halves(const void *line, uint32_t high)
{
    const __m128 *at = line;
    __m128 one, two, three, four;
    __asm__("movaps %1, %0" : "=x"(one) : "m"(at[0]));
    __asm__("movaps %1, %0" : "=x"(two) : "m"(at[1]));
    __asm__("movaps %1, %0" : "=x"(three) : "m"(at[2]));
    __asm__("movaps %1, %0" : "=x"(four) : "m"(at[3]));
    const __m128i wanted = _mm_set1_epi32((int)high);
    __m128i first = _mm_cmpeq_epi32(_mm_castps_si128(_mm_shuffle_ps(one, two, 0xdd)), wanted);
    __m128i second = _mm_cmpeq_epi32(_mm_castps_si128(_mm_shuffle_ps(three, four, 0xdd)), wanted);
    return (unsigned)(_mm_movemask_ps(_mm_castsi128_ps(first)) | _mm_movemask_ps(_mm_castsi128_ps(second))
                                                                     << 4);
}

/* The C library's descriptor of the calling thread, which pthread_self() returns, is where the thread
 * pointer points to. */
static inline __attribute__((always_inline)) uintptr_t processor_thread_descriptor(void)
{
    return (uintptr_t)__builtin_thread_pointer();
}

#endif
