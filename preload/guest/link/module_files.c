/* module_files.c - see module_files.h. */
#include "module_files.h"
#include "alive.h"
#include "arena.h"
#include "guest.h"

#define WAIT_NS \
    1000000000ull /* for the collector to open files: on a busy machine it may have to wait, too */
#define WAIT_STEP_NS 1000000ull

void module_files_wait(const struct wire_process *of)
{
    static _Atomic bool in_vain;
    struct wire_process *slot = (struct wire_process *)of;
    if (guest_confined || wire_state(atomic_load(&slot->state)) < WIRE_PROCESS_LIVE || atomic_load(&in_vain))
        return;
    uint32_t given = atomic_load(&slot->modules), kept = atomic_load(&slot->modules_kept);
    for (uint64_t start_ns = guest_now_ns(); kept < given; kept = atomic_load(&slot->modules_kept)) {
        if (atomic_load(&arena->collector) >= WIRE_COLLECTOR_FAILED || alive_gone(false) ||
            atomic_load(&slot->modules) < given) /* the slot belongs to another process by now */
            return;
        if (guest_now_ns() - start_ns > WAIT_NS) { /* waiting in vain once is enough */
            atomic_store(&in_vain, true);
            return;
        }
        arena_wake_collector();
        guest_futex_wait(&slot->modules_kept, kept, WAIT_STEP_NS);
    }
}

bool module_files_missing(void)
{
    return atomic_load_explicit(&arena->modules, memory_order_relaxed) !=
           atomic_load_explicit(&arena->modules_kept, memory_order_relaxed);
}
