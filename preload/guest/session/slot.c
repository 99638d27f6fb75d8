/* slot.c - see slot.h. */
#define _GNU_SOURCE
#include "slot.h"
#include "arena.h"
#include "guest_assert.h"
#include "modules.h"
#include "process.h"

#include <link.h>
#include <sys/syscall.h>
#include <unistd.h>

/* True if the process was traced before an exec. Its former slot may come after one that is free. */
static bool was_traced(pid_t pid, uint64_t namespace)
{
    uint32_t used = atomic_load(&arena->processes);
    for (uint32_t i = 0; i < used && i < WIRE_PROCESSES; i++) {
        const struct wire_process *slot = &arena->process[i];
        if (atomic_load(&slot->state) == WIRE_PROCESS_LIVE && slot->pid == pid &&
            slot->pid_namespace == namespace)
            return true;
    }
    return false;
}

bool slot_claim_now(uint32_t flags)
{
    pid_t pid = guest_pid(), parent = guest_confined ? process->pid : (pid_t)syscall(SYS_getppid);
    uint64_t namespace = guest_confined ? process->pid_namespace : guest_pid_namespace();
    bool elsewhere = namespace != atomic_load(&arena->collector_namespace);
    uint32_t claimed = wire_claimed(WIRE_PROCESS_CLAIMED, elsewhere ? WIRE_CLAIMED_ELSEWHERE : (uint32_t)pid);
    if (was_traced(pid, namespace))
        flags |= WIRE_PROCESS_EXECED;
    for (uint32_t i = 0; i < WIRE_PROCESSES; i++) {
        uint32_t none = WIRE_PROCESS_FREE;
        struct wire_process *slot = &arena->process[i];
        if (atomic_load_explicit(&slot->state, memory_order_relaxed) != none ||
            !atomic_compare_exchange_strong(&slot->state, &none, claimed))
            continue;
        uint32_t used = atomic_load(&arena->processes);
        while (used <= i && !atomic_compare_exchange_weak(&arena->processes, &used, i + 1)) {
        }
        bool first = pid == arena->first_pid && namespace == arena->first_namespace;
        slot->flags = flags | (first ? WIRE_PROCESS_FIRST : 0);
        slot->pid = pid;
        slot->parent_pid = parent;
        slot->pid_namespace = namespace;
        slot->started_ns = guest_now_ns();
        process = slot;
        guest_show_pieces(slot->pieces);
        return true;
    }
    return false;
}

#define SLOT_STEP_NS 5000000ull
#define SLOT_PATIENCE_NS 10000000000ull

/* Processes that have ended keep their slots until they are written to the database: then waiting for one
 * is worthwhile. */
static bool some_have_ended(void)
{
    for (uint32_t i = 0; i < WIRE_PROCESSES; i++)
        if (wire_state(atomic_load(&arena->process[i].state)) >= WIRE_PROCESS_EXITING)
            return true;
    return false;
}

bool slot_claim(uint32_t flags)
{
    for (uint64_t waited_ns = 0; !slot_claim_now(flags); waited_ns += SLOT_STEP_NS) {
        if (waited_ns >= SLOT_PATIENCE_NS || guest_confined || !some_have_ended() ||
            atomic_load(&arena->collector) >= WIRE_COLLECTOR_FAILED) {
            atomic_fetch_add(&arena->untraced, 1);
            return false;
        }
        guest_sleep(SLOT_STEP_NS);
    }
    return true;
}

void slot_open(void)
{
    uintptr_t loader = _r_debug.r_ldbase;
    struct module module;
    bool found = modules_find(loader, &module);
    guest_assert(process && wire_state(atomic_load(&process->state)) == WIRE_PROCESS_CLAIMED);
    atomic_store(&process->state, WIRE_PROCESS_LIVE);
    gate_open(found ? module.start : 1, found ? module.end - module.start : 0);
    /* The process may end soon, and only a collector that has looked at it before can find out how. */
    arena_wake_collector();
}
