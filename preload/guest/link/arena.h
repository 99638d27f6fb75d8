/* arena.h - the shared memory as a traced process sees it: its header, and windows on chunks.
 *
 * Only the header is mapped, and those chunks that this process uses, each as a window of its own: so an address space
 * limit, mlockall() or a core dump does not meet gigabytes. Windows need no descriptor. Thread-safe and lock-free.
 */
#ifndef LIBTRACE_ARENA_H
#define LIBTRACE_ARENA_H

#include "guest.h"
#include "wire.h"

#include <stdbool.h>
#include <stddef.h>

/* The header, NULL while there is no session. */
extern HIDDEN struct wire_arena *arena;
extern HIDDEN uint32_t arena_ring_count; /* see wire_rings() */

/* Creates the arena of a new run, and maps its header. Returns its descriptor, which the caller closes, or
 * -1: out of memory, or the limits are too tight. */
int arena_make(void);

/* Maps the header of the arena, of that size, from its descriptor, which the caller closes. Returns 0, or
 * -1 (keeps errno). */
int arena_map(int descriptor, uint64_t size);
void arena_unmap(void);

/* Records that this process belongs to the arena's run, but could not map the arena. */
void arena_note_unmapped(int descriptor);

/* Claims size bytes (rounded up to chunks) of zeroed memory; returns their offset, 0 = the arena is full.
 * What is not used after all is given back with arena_give_back(). */
uint64_t arena_claim(size_t size);
void arena_give_back(uint64_t offset, size_t size);

/* Maps claimed memory, of this process or of another one of the run. NULL = no address space. */
void *arena_window(uint64_t offset, size_t size);
void arena_close(void *window, size_t size);

/* Memory of this process's slot that all its threads use, and the window on it: claimed and mapped by the
 * first one that needs it. place: its offset, in the slot. window: where this process stores the window's
 * address. NULL = no room. */
void *arena_segment(_Atomic uint64_t *place, void *_Atomic *window, size_t size);

/* Called before the program is confined (guest_confined): maps an unused part of the arena. What is
 * claimed later is in that part. */
void arena_prepare(void);

/* False if that memory of the arena cannot be mapped: while confined, if it is not mapped already. */
bool arena_within_reach(uint64_t offset);

/* The collector is gone: returns the memory of everything that was recorded to the system, which would
 * count it as the program's. Threads that are still recording read zeroes. */
void arena_abandon(void);

/* Wakes the collector for what it should learn before its next look. */
static inline void arena_wake_collector(void)
{
    atomic_fetch_add(&arena->wake, 1);
    guest_futex_wake(&arena->wake);
}

#endif
