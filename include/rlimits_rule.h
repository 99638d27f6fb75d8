/* rlimits_rule.h - how much of its limits a process leaves for the tracer: one rule, used by the process
 * itself and by trace-attach from outside. The program comes first: if there is little, nothing is taken. */
#ifndef LIBTRACE_PRELOAD_RLIMITS_RULE_H
#define LIBTRACE_PRELOAD_RLIMITS_RULE_H

#include "wire.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#define LIMITS_SHARE 8          /* at most this share of what the program leaves unused */
#define LIMITS_LEAST (6u << 20) /* bytes for the arena's header and one thread */

/* True if that many bytes may be taken. */
static inline bool limits_leave(uint64_t limit, uint64_t used, uint64_t bytes)
{
    return limit == RLIM_INFINITY || (limit > used && bytes <= (limit - used) / LIMITS_SHARE);
}

/* The arena's size in chunks; 0 = there is not enough room. file: the largest file that the process may
 * create. own_space: the limit of its address space; space: the hard one, which the collector inherits, and needs more than
 * the file's size. */
static inline uint32_t limits_chunks(uint64_t file, uint64_t own_space, uint64_t space)
{
    const uint64_t collectors_share = 4;
    uint64_t size = WIRE_MAX_CHUNKS * WIRE_CHUNK_SIZE;
    size = file < size ? file : size;
    size = space / collectors_share < size ? space / collectors_share : size;
    uint32_t chunks = (uint32_t)(size / WIRE_CHUNK_SIZE / 64 * 64);
    if (chunks < WIRE_MAX_CHUNKS ||
        own_space != RLIM_INFINITY) /* a large header only where there is plenty */
        chunks = chunks < WIRE_FEW_CHUNKS ? chunks : WIRE_FEW_CHUNKS;
    return chunks >= WIRE_FIRST_CHUNK + 64 ? chunks : 0;
}

#endif
