/* start.c - the first event of a process: begins or joins a run. See session.h. */
#define _GNU_SOURCE
#include "session.h"
#include "alive.h"
#include "arena.h"
#include "door.h"
#include "environment.h"
#include "identity.h"
#include "join.h"
#include "launch.h"
#include "loader.h"
#include "modules.h"
#include "ours.h"
#include "rlimits.h"
#include "rules.h"
#include "sampler.h"
#include "sampling_rule.h"
#include "sanitized.h"
#include "settings.h"
#include "slot.h"
#include "stop.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Starts a new run with a collector of its own. */
static bool make_run(void)
{
    int descriptor = arena_make();
    if (descriptor < 0) {
        stop_run(limits_arena()
                     ? "no memory to share with the collector; the program runs untraced"
                     : "a limit is too tight (file size or address space); the program runs untraced",
                 "");
        return false;
    }
    atomic_store(&arena->collector_namespace, arena->first_namespace); /* before it does so itself */
    arena->sample = settings.sample;
    arena->door_name = (uint64_t)launch_place() << 32 | (uint32_t)arena->door_name;
    struct launch launch = {.memory = descriptor,
                            .self = guest_move_up((int)syscall(SYS_pidfd_open, syscall(SYS_getpid), 0)),
                            .door = door_make(arena->door_name),
                            .detail = ""};
    const char *why = launch_collector(&settings, &launch);
    if (launch.self >= 0)
        close(launch.self);
    if (launch.door >= 0)
        close(launch.door);
    if (why)
        stop_run(why, launch.detail);
    join_describe(environment_session, sizeof environment_session, launch.pid, descriptor);
    alive_started_by(launch.pid);
    close(descriptor);
    arena->first_faults = session_child_faults();
    return !why;
}

static bool start(void)
{
    enum tracing new = TRACING_NEW;
    if (!atomic_compare_exchange_strong(&tracing, &new, TRACING_STARTING))
        return false;
    const char *session = join_session();
    if ((session && (*session == ENVIRONMENT_CONFINED || *session == *WIRE_SESSION_NONE)) || ours_process() ||
        sanitized()) {
        atomic_store(&tracing, TRACING_STOPPED);
        return false;
    }
    settings_read();
    if (!limits_suffice()) {
        stop_run("the limit of its address space or data is too tight; the program runs untraced", "");
        return false;
    }
    bool joined = session && join_run(session);
    if (atomic_load(&tracing) == TRACING_STOPPED)
        return false;
    if (joined && !settings.follow) {
        atomic_store(&tracing, TRACING_STOPPED);
        return false;
    }
    if (!joined && session && join_is_attached(session)) {
        atomic_store(&tracing, TRACING_STOPPED);
        return false;
    }
    if (joined) {
        guest_format(environment_session, environment_session + sizeof environment_session, session);
        char *end = strchr(environment_session, WIRE_SESSION_DATABASE);
        if (end)
            *end = '\0';
    } else if (session && !join_same_network(session))
        guest_say("the run of the process that started this one is out of reach in this network namespace; "
                  "it is recorded as one of its own",
                  "");
    stop_said = !joined && session;
    if (!joined && !make_run())
        return false;
    if (joined)
        settings.sample = arena->sample <= SAMPLING_MOST ? arena->sample : 0;
    if (!slot_claim(0)) {
        stop_process("too many processes at once in this run; this one is not traced", "");
        return false;
    }
    if (!gate_wiped_on_fork()) {
        stop_run("this kernel has no MADV_WIPEONFORK (Linux 4.14); the program runs untraced", "");
        return false;
    }
    if (!sampler_start(settings.sample)) {
        stop_process("no memory for sampling; this process is not traced", "");
        return false;
    }
    identity_note();
    modules_refresh(rules_flush);
    slot_open();
    atomic_store(&tracing, TRACING_LIVE);
    return true;
}

bool session_ready(void)
{
    enum tracing now = atomic_load(&tracing);
    if (LIKELY(now == TRACING_LIVE))
        return atomic_load(&gate->epoch) != 0 || session_forked();
    return now == TRACING_NEW && start();
}

void session_constructor(void)
{
    int saved = errno;
    if (session_ready()) {
        session_hear_exit();
        loader_watch_forks();
        environment_export();
    } else if (stop_was_for_run) {
        guest_format(environment_session, environment_session + sizeof environment_session,
                     WIRE_SESSION_NONE);
        environment_export();
    }
    errno = saved;
}
