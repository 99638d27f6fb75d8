/* swap16.h - compares and swaps 16 bytes atomically. */
#ifndef LIBTRACE_SWAP16_H
#define LIBTRACE_SWAP16_H

#include <stdbool.h>

/* Replaces *expected by desired, unless something else is there, which *expected is then set to; at must
 * be aligned to 16. The x86-64 baseline has no atomic 16-byte store; every processor since 2006 has this
 * instruction. */
static inline bool swap16(void *at, void *expected, const void *desired)
{
    unsigned __int128 want, old;
    __builtin_memcpy(&old, expected, sizeof old);
    __builtin_memcpy(&want, desired, sizeof want);
    unsigned __int128 seen = __sync_val_compare_and_swap((unsigned __int128 *)at, old, want);
    bool done = seen == old;
    __builtin_memcpy(expected, &seen, sizeof seen);
    return done;
}

#endif
