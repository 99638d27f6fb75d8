/* arena.h - the shared memory as a traced process sees it: the mapping, and chunks claimed from it.
 *
 * The whole arena is mapped at start without access; a chunk becomes readable and writable when it is
 * claimed. So mlockall() or a core dump does not pull gigabytes in. Thread-safe and lock-free.
 */
#ifndef LIBTRACE_ARENA_H
#define LIBTRACE_ARENA_H

#include "guest.h"
#include "wire.h"

#include <stddef.h>

/* The header, NULL while there is no session. */
extern HIDDEN struct wire_arena *arena;

/* Maps the arena, of so many bytes, from a descriptor, which the caller closes. 0, or -1 (errno kept). */
int arena_map(int descriptor, uint64_t size);
void arena_unmap(void);

/* Claims size bytes (rounded up to chunks) of zeroed memory; returns its offset, 0 when the arena is full. */
uint64_t arena_claim(size_t size);

/* Opens memory that another process of the run claimed to this one. 0, or -1. */
int arena_open(uint64_t offset, size_t size);

/* For what it should not find out only at its next look. */
static inline void arena_wake_collector(void)
{
    atomic_fetch_add(&arena->wake, 1);
    guest_futex_wake(&arena->wake);
}

static inline void *arena_at(uint64_t offset)
{
    return (char *)arena + offset;
}

#endif
