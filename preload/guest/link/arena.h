/* arena.h - the shared memory as a traced process sees it: its header, and windows on chunks.
 *
 * Mapped are the header, and of the chunks those only that this process uses, each as a window of its own: an
 * address space limit, mlockall() or a core dump meets no gigabytes. No descriptor is needed for a window.
 * Thread-safe and lock-free.
 */
#ifndef LIBTRACE_ARENA_H
#define LIBTRACE_ARENA_H

#include "guest.h"
#include "wire.h"

#include <stdbool.h>
#include <stddef.h>

/* The header, NULL while there is no session. */
extern HIDDEN struct wire_arena *arena;

/* Makes the arena of a new run and maps its header; its descriptor, which the caller closes, or -1: no memory, or the
 * limits are too tight. */
int arena_make(void);

/* Maps the header of the arena, of so many bytes, from its descriptor, which the caller closes. 0, or -1
 * (errno kept). */
int arena_map(int descriptor, uint64_t size);
void arena_unmap(void);

/* For the record: this process belongs to the run of the arena, which it could not map. */
void arena_note_unmapped(int descriptor);

/* Claims size bytes (rounded up to chunks) of zeroed memory; its offset, 0 when the arena is full. What is
 * not used after all is given back. */
uint64_t arena_claim(size_t size);
void arena_give_back(uint64_t offset, size_t size);

/* Maps claimed memory, of this process or another one of the run. NULL if there is no address space. */
void *arena_window(uint64_t offset, size_t size);
void arena_close(void *window, size_t size);

/* Memory of this process's slot, which all of its threads use, and the window on it: claimed and mapped by
 * who needs it first. place: its offset in the slot. window: where this process keeps the window. NULL if
 * there is no room. */
void *arena_segment(_Atomic uint64_t *place, void *_Atomic *window, size_t size);

/* Before the program is confined (guest_confined): maps a part of the arena that nobody uses so far. What is
 * claimed later is in that part. */
void arena_prepare(void);

/* False if memory of the arena cannot be mapped: where it is not mapped already, while confined. */
bool arena_within_reach(uint64_t offset);

/* There is no collector any more: gives the memory of all that was recorded back to the system, which would
 * count it as the program's. Threads that are still recording find zeroes. */
void arena_abandon(void);

/* For what it should not find out only at its next look. */
static inline void arena_wake_collector(void)
{
    atomic_fetch_add(&arena->wake, 1);
    guest_futex_wake(&arena->wake);
}

#endif
