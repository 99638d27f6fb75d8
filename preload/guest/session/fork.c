/* fork.c - the first event of a forked child. See session.h. */
#define _GNU_SOURCE
#include "session.h"
#include "arena.h"
#include "described.h"
#include "identity.h"
#include "loader.h"
#include "modules.h"
#include "notes.h"
#include "stack_cache.h"
#include "rules.h"
#include "sample_set.h"
#include "sampler.h"
#include "slot.h"
#include "stacks.h"
#include "stop.h"
#include "thread.h"

bool session_forked(void)
{
    guest_show_pieces(NULL); /* that slot is the parent's */
    stacks_forget(!thread_self->busy);
    notes_forget(!thread_self->busy);
    thread_forked();
    uint32_t collector = atomic_load(&arena->collector);
    if (!settings.follow || collector >= WIRE_COLLECTOR_FAILED) {
        if (collector == WIRE_COLLECTOR_FAILED)
            stop_run("the collector failed", "");
        atomic_store(&tracing, TRACING_STOPPED);
        return false;
    }
    bool fits = guest_confined_fork();
    if (!fits)
        atomic_fetch_add(&arena->untraced, 1);
    if (!fits || !slot_claim(WIRE_PROCESS_FORKED | (guest_confined ? WIRE_PROCESS_CONFINED : 0))) {
        stop_process("too many processes at once in this run; this one is not traced", "");
        return false;
    }
    sample_set_forked();
    sampler_forked();
    identity_note();
    rules_forked();
    stack_cache_forget();
    loader_forked();
    modules_describe_again();
    python_describe_again();
    slot_open();
    return true;
}
