/* sampling_rule.h - which blocks a sampled run records, and how many each of them stands for.
 *
 * With an interval of R bytes (LIBTRACE_SAMPLE) a block of S bytes is recorded with a probability of exactly
 * 1/c, and counts as c blocks of S bytes:
 *
 *   S >= R   c = 1: large blocks are all recorded
 *   S <  R   c = 1/p rounded up to a whole number, where p = 1 - exp(-(S + 1)/R)
 *
 * p is how likely it is that one of the points of a Poisson process over all bytes that are allocated, one in R
 * bytes on the average, falls into the block. Of blocks that are hit so, a share of 1/(c p) is recorded. So what
 * is counted are whole numbers, and each block's part of a sum is unbiased (Horvitz and Thompson, 1952, "A
 * generalization of sampling without replacement from a finite universe"). A byte is added to each size, so that
 * empty blocks are found as well.
 *
 * Blocks are independent of each other; the variance of a sum is estimated, without bias, by the sum of c (c - 1)
 * over the recorded blocks where blocks are counted, of c (c - 1) S^2 where bytes are.
 *
 * The library decides and the collector counts, so both compute c here. Thread-safe; nothing is kept.
 */
#ifndef LIBTRACE_SAMPLING_RULE_H
#define LIBTRACE_SAMPLING_RULE_H

#include <stdbool.h>
#include <stdint.h>

#define SAMPLING_VARIABLE "LIBTRACE_SAMPLE"
#define SAMPLING_USUAL "512KiB" /* between samples unless told otherwise, as in jemalloc and Go */
#define SAMPLING_MOST (1u << 30)
#define SAMPLING_WRONG "'%s' is no number of bytes between samples, such as 512KiB; at most 1GiB."

/* How likely it is that a block is hit; size < interval. */
static inline double sampling_hit(uint64_t size, uint64_t interval)
{
    double x = (double)(size + 1) / (double)interval, p = 0;
    for (int n = 20; n > 0; n--) /* x is at most 1: the series converges fast */
        p = x / n * (1 - p);
    return p;
}

/* c: how many blocks a recorded one stands for. */
static inline uint64_t sampling_weight(uint64_t size, uint64_t interval)
{
    if (size >= interval)
        return 1;
    double all = 1 / sampling_hit(size, interval);
    uint64_t whole = (uint64_t)all;
    return whole + ((double)whole < all);
}

/* True if the variable has this value, and every block is recorded. */
static inline bool sampling_off(const char *text)
{
    return !text[0] || (text[0] == '0' && !text[1]);
}

/* The interval that a text names: bytes, or with a unit ("512KiB", "1M"). 0 = no such interval. */
static inline uint32_t sampling_interval(const char *text)
{
    uint64_t value = 0;
    for (; *text >= '0' && *text <= '9' && value <= SAMPLING_MOST; text++)
        value = value * 10 + (uint64_t)(*text - '0');
    if (*text) {
        char unit = (char)(*text++ & ~0x20);
        value <<= unit == 'K' ? 10 : unit == 'M' ? 20 : unit == 'G' ? 30 : 0;
        if (unit != 'B') {
            text += *text == 'i';
            text += *text == 'B' || *text == 'b';
            if (unit != 'K' && unit != 'M' && unit != 'G')
                return 0;
        }
    }
    return *text || value > SAMPLING_MOST ? 0 : (uint32_t)value;
}

#endif
