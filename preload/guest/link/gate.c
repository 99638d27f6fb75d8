/* gate.c - see gate.h. */
#define _GNU_SOURCE
#include "gate.h"

#include <stdatomic.h>
#include <sys/mman.h>

union gate_page gate_page __attribute__((aligned(PROCESSOR_LARGEST_PAGE)));

/* Survives a fork, unlike the gate. It only grows: so no epoch of an earlier run is ever mistaken for a
 * new one. */
static _Atomic uint64_t last_epoch;

static void note_epoch(uint64_t epoch)
{
    uint64_t last = atomic_load(&last_epoch);
    while (last < epoch && !atomic_compare_exchange_weak(&last_epoch, &last, epoch)) {
    }
}

bool gate_wiped_on_fork(void)
{
    return madvise(&gate_page, sizeof gate_page, MADV_WIPEONFORK) == 0;
}

void gate_open(uintptr_t loader_start, uintptr_t loader_size)
{
    gate->loader_start = loader_start;
    gate->loader_size = loader_size;
    uint64_t now = atomic_load(&gate->epoch), last = atomic_load(&last_epoch);
    note_epoch(((now > last ? now : last) | GATE_STAMPING) + 1);
    atomic_store(&gate->epoch, atomic_load(&last_epoch));
}

void gate_next_epoch(void)
{
    if (atomic_load(&gate->epoch) != 0)
        note_epoch(atomic_fetch_add(&gate->epoch, 1 + GATE_STAMPING) + 1 + GATE_STAMPING);
}

void gate_stamp(void)
{
    if (atomic_load(&gate->epoch) != 0)
        note_epoch(atomic_fetch_or(&gate->epoch, GATE_STAMPING) | GATE_STAMPING);
}
