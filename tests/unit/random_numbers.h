/* random_numbers.h - random numbers for tests: xorshift64 (Marsaglia 2003), the same sequence in every run.
 *
 * A test that needs another sequence defines RANDOM_SEED, which must not be 0, before including this. Not thread-safe.
 */
#ifndef LIBTRACE_TESTS_RANDOM_NUMBERS_H
#define LIBTRACE_TESTS_RANDOM_NUMBERS_H

#include <stdint.h>

#ifndef RANDOM_SEED
#define RANDOM_SEED 88172645463325252ull
#endif

static uint64_t random_state = RANDOM_SEED;

static inline uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

#endif
