/* stop.c - see stop.h. */
#include "stop.h"
#include "alive.h"
#include "arena.h"
#include "gate.h"
#include "process.h"

bool stop_said, stop_was_for_run;

void stop_say(const char *what, const char *detail)
{
    if ((!arena || !atomic_exchange(&arena->said, 1)) && !stop_said)
        guest_say(what, detail);
}

void stop_record(enum wire_record how)
{
    uint32_t open = WIRE_RECORD_OPEN;
    if (how == WIRE_RECORD_STOPPED)
        atomic_store(&process->record, how);
    else
        atomic_compare_exchange_strong(&process->record, &open, how);
}

void stop_process(const char *why, const char *detail)
{
    if (tracing_live())
        stop_record(WIRE_RECORD_STOPPED);
    atomic_store(&tracing, TRACING_STOPPED);
    gate_next_epoch();
    static char error[sizeof arena->error]; /* a copy that is terminated, whatever was written there */
    if (arena && atomic_load(&arena->collector) == WIRE_COLLECTOR_FAILED) {
        for (size_t i = 0; i < sizeof error - 1; i++)
            error[i] = arena->error[i];
        stop_say(*error ? error : "the collector failed", "");
    } else {
        stop_say(why, detail);
    }
}

void stop_run(const char *why, const char *detail)
{
    stop_was_for_run = true;
    if (exported_session)
        *exported_session = *WIRE_SESSION_NONE;
    stop_process(why, detail);
}

void stop_without_collector(void)
{
    if (alive_gone(true))
        arena_abandon();
    stop_run("the collector is gone; the program goes on untraced", "");
}
