/* alive.c - see alive.h. */
#define _GNU_SOURCE
#include "alive.h"
#include "arena.h"
#include "guest.h"
#include "process.h"

#include <linux/futex.h>

#define STEP_NS 1000000ull
#define COMMIT_WAIT_NS 40000000ull /* for events to be committed: a program's exit is not delayed longer */
#define START_WAIT_NS \
    900000000ull /* for the collector to start, as a busy disk or another collector may delay it */

#define LONG_STEP_NS 10000000ull
#define HUNG_NS 10000000000ull /* for which the collector has stood still, after which it counts as hung */

#define LOOK_MOST_NS 20000000ull    /* counted per look at most: we may have been stopped, too */
#define ASK_NS 100000000ull         /* no heartbeat for this long: ask for its processor time */
#define WORK_MOST_NS 30000000000ull /* of a processor without a heartbeat: it does not work, it hangs */
#define CROWD_MOST 6u               /* times as long as on an idle machine it is waited for at most */

static pid_t starter; /* process that starts the collector; 0 = unknown */

void alive_started_by(pid_t pid)
{
    starter = pid;
}

/* Numbers of another PID namespace mean nothing here. */
static bool in_collectors_namespace(void)
{
    uint64_t collectors = atomic_load(&arena->collector_namespace);
    return !collectors || !process || !process->pid_namespace || collectors == process->pid_namespace;
}

bool alive_gone(bool careful)
{
    uint32_t alive = atomic_load(&arena->alive);
    if (alive)
        return alive & FUTEX_OWNER_DIED;
    if (!in_collectors_namespace())
        return false;
    pid_t pid = atomic_load(&arena->collector_pid);
    if (pid > 0) /* the collector could not ask the kernel to mark its end */
        return guest_is_gone(pid, careful);
    return starter > 0 && guest_is_gone(starter, true);
}

/* The collector's process, by its main thread, or before it has begun the process that becomes it; 0 = not known here. */
static pid_t collectors_pid(void)
{
    if (!in_collectors_namespace())
        return 0;
    uint32_t alive = atomic_load(&arena->alive) & FUTEX_TID_MASK;
    pid_t pid = alive ? (pid_t)alive : atomic_load(&arena->collector_pid);
    return pid > 0 ? pid : starter;
}

/* Between groups of threads Linux is not always fair: 45 threads that wanted two processors, all of one session, kept
 * those of other sessions, the kernel's own included, waiting for up to 25 s (6.18, with autogroups). That looks like a
 * stop; but then the machine is crowded. A confined program cannot ask, and is as patient as on a crowded machine. */
static uint64_t crowd(void)
{
    unsigned threads = guest_confined ? CROWD_MOST : guest_threads_per_processor();
    return threads < 1 ? 1 : threads < CROWD_MOST ? threads : CROWD_MOST;
}

uint64_t alive_silent_ns(struct alive_watch *watch)
{
    uint32_t beat = atomic_load(&arena->beat);
    uint64_t now_ns = guest_now_ns(), passed_ns = now_ns - watch->looked_ns;
    if (passed_ns > LOOK_MOST_NS)
        passed_ns = LOOK_MOST_NS;
    if (!watch->looked_ns || beat != watch->beat)
        *watch = (struct alive_watch){.beat = beat};
    else
        watch->silent_ns += watch->silent_ns < ASK_NS ? passed_ns : passed_ns / crowd();
    watch->looked_ns = now_ns;
    if (watch->silent_ns < ASK_NS)
        return watch->silent_ns;
    uint64_t worked_ns = guest_processor_ns(collectors_pid());
    if (!watch->at_beat_ns)
        watch->at_beat_ns = worked_ns;
    else if (worked_ns > watch->worked_ns && worked_ns - watch->at_beat_ns < WORK_MOST_NS)
        watch->silent_ns = 0;
    watch->worked_ns = worked_ns;
    return watch->silent_ns;
}

static enum alive_end state_after(uint64_t waited_ns, bool *known)
{
    uint32_t collector = atomic_load(&arena->collector);
    *known = true;
    if (collector == WIRE_COLLECTOR_FAILED)
        return ALIVE_FAILED;
    if (collector == WIRE_COLLECTOR_DONE || atomic_load(&process->state) == WIRE_PROCESS_COMMITTED)
        return ALIVE_DONE;
    /* Its state was read before checking that it is gone, so what it did last has been seen. */
    if (alive_gone(true) && atomic_load(&arena->collector) == collector)
        return collector == WIRE_COLLECTOR_STARTING ? ALIVE_NEVER : ALIVE_GONE;
    bool starting = collector == WIRE_COLLECTOR_STARTING && !atomic_load(&arena->locked);
    *known = waited_ns > (starting ? START_WAIT_NS : COMMIT_WAIT_NS);
    return ALIVE_SLOW;
}

enum alive_end alive_wait(void)
{
    uint64_t start_ns = guest_now_ns();
    for (;;) {
        bool known;
        enum alive_end end = state_after(guest_now_ns() - start_ns, &known);
        if (known)
            return end;
        guest_futex_wait(&process->state, WIRE_PROCESS_EXITING, STEP_NS);
    }
}

void alive_wait_for_end(void)
{
    struct alive_watch watch = {0};
    while (alive_silent_ns(&watch) < HUNG_NS && !alive_gone(true)) {
        uint32_t collector = atomic_load(&arena->collector);
        if (collector >= WIRE_COLLECTOR_FAILED || atomic_load(&process->state) != WIRE_PROCESS_EXITING)
            return;
        guest_futex_wait(&arena->collector, collector, LONG_STEP_NS);
    }
}
