/* attached.c - begins and ends a program's part in a run for trace-attach. See session.h. */
#define _GNU_SOURCE
#include "session.h"
#include "alive.h"
#include "arena.h"
#include "described.h"
#include "identity.h"
#include "loader.h"
#include "modules.h"
#include "notes.h"
#include "stack_cache.h"
#include "rlimits.h"
#include "rules.h"
#include "sampler.h"
#include "slot.h"
#include "stacks.h"
#include "stop.h"
#include "thread.h"
#include "wire_attach.h"

#include <sys/syscall.h>
#include <unistd.h>

void session_passive(void)
{
    enum tracing new = TRACING_NEW;
    atomic_compare_exchange_strong(&tracing, &new, TRACING_PASSIVE);
}

int session_attach(const struct settings *wanted, const char *label, pid_t attacher)
{
    if (arena && !session_leave())
        return ATTACH_BUSY;
    if (!gate_wiped_on_fork())
        return -errno;
    if (!limits_suffice())
        return -ENOMEM;
    settings = *wanted;
    alive_started_by(attacher);
    identity_label(label);
    int descriptor = arena_make();
    if (descriptor < 0)
        return -ENOMEM;
    arena->sample = settings.sample;
    attach_generation++;
    thread_new_generation();
    if (!slot_claim_now(WIRE_PROCESS_ATTACHED)) /* without waiting, as the program is stopped */
        return ATTACH_PROCESSES;
    if (!sampler_start(settings.sample))
        return -ENOMEM;
    identity_note();
    rules_flush();
    stack_cache_forget();
    modules_describe_again();
    modules_refresh(rules_flush);
    python_describe_again();
    slot_open();
    loader_watch_forks();
    static bool heard;
    if (!heard)
        heard = session_hear_exit();
    atomic_store(&tracing, TRACING_LIVE);
    return descriptor;
}

void session_detach(void)
{
    atomic_store(&tracing, TRACING_STOPPED);
    gate_next_epoch();
}

bool session_leave(void)
{
    if (!thread_all_out())
        return false;
    guest_show_pieces(NULL);
    uint32_t live = WIRE_PROCESS_LIVE;
    /* Not for a parent from which this process was forked meanwhile. */
    if (process && process->pid == (pid_t)syscall(SYS_getpid)) {
        session_note_usage();
        sampler_says();
        process->flags |= WIRE_PROCESS_DETACHED;
        stop_record(WIRE_RECORD_WHOLE);
        atomic_store(&process->ended_ns, guest_now_ns());
        atomic_compare_exchange_strong(&process->state, &live, WIRE_PROCESS_EXITING);
        arena_wake_collector();
    }
    process = NULL;
    stacks_forget(true);
    notes_forget(true);
    thread_close_rings();
    arena_unmap();
    return true;
}
