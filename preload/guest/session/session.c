/* session.c - see session.h. */
#define _GNU_SOURCE
#include "session.h"
#include "alive.h"
#include "arena.h"
#include "wire_attach.h"
#include "guest.h"
#include "door.h"
#include "identity.h"
#include "join.h"
#include "launch.h"
#include "rlimits.h"
#include "notes.h"
#include "ours.h"
#include "real.h"
#include "removal.h"
#include "sanitized.h"
#include "thread.h"
#include "python.h"
#include "loader.h"
#include "modules.h"
#include "recall.h"
#include "rules.h"
#include "stacks.h"

#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

union gate_page gate_page __attribute__((aligned(4096)));
struct wire_process *process;
uint32_t session_part;

enum status { STATUS_NEW, STATUS_STARTING, STATUS_LIVE, STATUS_STOPPED, STATUS_PASSIVE };
static _Atomic enum status status;

/* Outlive a fork, unlike the gate. */
static _Atomic uint64_t
    last_epoch; /* only grows: no state of an earlier run may ever look like a new one's */
static char session_text[WIRE_SESSION_SIZE]; /* value of LIBTRACE_SESSION for our children */
static char wanted_label[256];               /* given by trace-attach */
#define SESSION_CONFINED '-'                 /* in place of its first character: no run to join */
static char *exported_session;               /* it, in the environment that we have made */
static bool successor;    /* of a run that is over, or failed: whoever began that has said so */
static bool session_over; /* what this process executes is not traced either, nor says so again */

/* ---- making or joining a run --------------------------------------------------------------------- */

/* Page faults of the children that were waited for: all leave some behind. */
static uint64_t faults_of_children(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_CHILDREN, &usage) == 0 ? (uint64_t)usage.ru_minflt : UINT64_MAX;
}

/* Starts a new run with a collector of its own. */
static bool make_run(void)
{
    int descriptor = arena_make();
    if (descriptor < 0) {
        session_stop_run(limits_arena()
                             ? "no memory to share with the collector; the program runs untraced"
                             : "a limit is too tight (file size or address space); the program runs untraced",
                         "");
        return false;
    }
    atomic_store(&arena->collector_namespace, arena->first_namespace); /* before it says so itself */
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
        session_stop_run(why, launch.detail);
    join_describe(session_text, sizeof session_text, launch.pid, descriptor);
    alive_started_by(launch.pid);
    close(descriptor);
    arena->first_faults = faults_of_children();
    return !why;
}

/* ---- this process's slot --------------------------------------------------------------------------- */

static bool claim_free(uint32_t flags)
{
    pid_t pid = guest_pid(), parent = guest_confined ? process->pid : (pid_t)syscall(SYS_getppid);
    uint64_t namespace = guest_confined ? process->pid_namespace : guest_pid_namespace();
    bool elsewhere = namespace != atomic_load(&arena->collector_namespace);
    uint32_t claimed = wire_claimed(WIRE_PROCESS_CLAIMED, elsewhere ? WIRE_CLAIMED_ELSEWHERE : (uint32_t)pid);
    for (uint32_t i = 0; i < WIRE_PROCESSES; i++) {
        uint32_t none = WIRE_PROCESS_FREE;
        struct wire_process *slot = &arena->process[i];
        if (atomic_load_explicit(&slot->state, memory_order_relaxed) != none) {
            if (slot->pid == pid && slot->pid_namespace == namespace &&
                atomic_load(&slot->state) == WIRE_PROCESS_LIVE)
                flags |= WIRE_PROCESS_EXECED;
            continue;
        }
        if (!atomic_compare_exchange_strong(&slot->state, &none, claimed))
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
        return true;
    }
    return false;
}

#define SLOT_STEP_NS 5000000ull
#define SLOT_PATIENCE_NS 10000000000ull

/* Processes that have ended keep their slots until they are written: then it is worth waiting for one. */
static bool some_have_ended(void)
{
    for (uint32_t i = 0; i < WIRE_PROCESSES; i++)
        if (wire_state(atomic_load(&arena->process[i].state)) >= WIRE_PROCESS_EXITING)
            return true;
    return false;
}

static bool claim_process(uint32_t flags)
{
    for (uint64_t waited_ns = 0; !claim_free(flags); waited_ns += SLOT_STEP_NS) {
        if (waited_ns >= SLOT_PATIENCE_NS || guest_confined || !some_have_ended() ||
            atomic_load(&arena->collector) >= WIRE_COLLECTOR_FAILED) {
            atomic_fetch_add(&arena->untraced, 1);
            return false;
        }
        guest_sleep(SLOT_STEP_NS);
    }
    return true;
}

static void note_epoch(uint64_t epoch)
{
    uint64_t last = atomic_load(&last_epoch);
    while (last < epoch && !atomic_compare_exchange_weak(&last_epoch, &last, epoch)) {
    }
}

/* Opens the gate: from here on events are recorded. */
static void open_gate(void)
{
    uintptr_t loader = _r_debug.r_ldbase;
    struct module module;
    bool found = modules_find(loader, &module);
    gate->loader_start = found ? module.start : 1;
    gate->loader_size = found ? module.end - module.start : 0;
    atomic_store(&process->state, WIRE_PROCESS_LIVE);
    uint64_t now = atomic_load(&gate->epoch), last = atomic_load(&last_epoch);
    note_epoch(((now > last ? now : last) | GATE_STAMPING) + 1);
    atomic_store(&gate->epoch, atomic_load(&last_epoch));
    arena_wake_collector(); /* it may be over soon, and how is known to who has looked before */
}

/* ---- start, fork, stop -------------------------------------------------------------------------------- */

static bool start(void)
{
    enum status new = STATUS_NEW;
    if (!atomic_compare_exchange_strong(&status, &new, STATUS_STARTING))
        return false;
    const char *session = join_session();
    if ((session && (*session == SESSION_CONFINED || *session == *WIRE_SESSION_NONE)) || ours_process() ||
        sanitized()) {
        atomic_store(&status, STATUS_STOPPED);
        return false;
    }
    settings_read();
    if (!limits_suffice()) {
        session_stop_run("the limit of its address space or data is too tight; the program runs untraced",
                         "");
        return false;
    }
    bool joined = session && join_run(session);
    if (atomic_load(&status) == STATUS_STOPPED)
        return false;
    if (joined && !settings.follow) {
        atomic_store(&status, STATUS_STOPPED);
        return false;
    }
    if (!joined && session && join_is_attached(session)) {
        atomic_store(&status, STATUS_STOPPED);
        return false;
    }
    if (joined)
        guest_format(session_text, session_text + sizeof session_text, session);
    else if (session && !join_same_network(session))
        guest_say("the run of the process that started this one is out of reach in this network namespace; "
                  "it is recorded as one of its own",
                  "");
    successor = !joined && session;
    if (!joined && !make_run())
        return false;
    if (!claim_process(0)) {
        session_stop("too many processes at once in this run; this one is not traced", "");
        return false;
    }
    /* A zeroed page for children of every kind of fork; see session.h. */
    if (madvise(&gate_page, sizeof gate_page, MADV_WIPEONFORK) != 0) {
        session_stop_run("this kernel has no MADV_WIPEONFORK (Linux 4.14); the program runs untraced", "");
        return false;
    }
    identity_note(wanted_label);
    modules_refresh();
    open_gate();
    atomic_store(&status, STATUS_LIVE);
    return true;
}

/* The first event of a forked child. */
static bool forked(void)
{
    stacks_forget(!thread_self->busy);
    notes_forget(!thread_self->busy);
    thread_forked();
    uint32_t collector = atomic_load(&arena->collector);
    if (!settings.follow || collector >= WIRE_COLLECTOR_FAILED) {
        if (collector == WIRE_COLLECTOR_FAILED)
            session_stop_run("the collector failed", "");
        atomic_store(&status, STATUS_STOPPED);
        return false;
    }
    bool fits = guest_confined_fork();
    if (!fits)
        atomic_fetch_add(&arena->untraced, 1);
    if (!fits || !claim_process(WIRE_PROCESS_FORKED | (guest_confined ? WIRE_PROCESS_CONFINED : 0))) {
        session_stop("too many processes at once in this run; this one is not traced", "");
        return false;
    }
    identity_note(wanted_label);
    rules_forked();
    recall_forget();
    loader_forked();
    modules_describe_again();
    python_forked();
    open_gate();
    return true;
}

bool session_live(void)
{
    return atomic_load(&status) == STATUS_LIVE && atomic_load(&gate->epoch) != 0;
}

bool session_ready(void)
{
    enum status now = atomic_load(&status);
    if (LIKELY(now == STATUS_LIVE))
        return atomic_load(&gate->epoch) != 0 || forked();
    return now == STATUS_NEW && start();
}

void session_new_epoch(void)
{
    if (atomic_load(&gate->epoch) != 0)
        note_epoch(atomic_fetch_add(&gate->epoch, 1 + GATE_STAMPING) + 1 + GATE_STAMPING);
}

void session_stamping(void)
{
    if (atomic_load(&gate->epoch) != 0)
        note_epoch(atomic_fetch_or(&gate->epoch, GATE_STAMPING) | GATE_STAMPING);
}

/* What the process execs is behind the same filter. Who joins a run opens files, maps memory and more: it
 * does not. */
void session_confine(bool confined)
{
    static char first;
    uint32_t flags = process->flags & ~(uint32_t)WIRE_PROCESS_CONFINED;
    __atomic_store_n(&process->flags, flags | (confined ? WIRE_PROCESS_CONFINED : 0), __ATOMIC_RELAXED);
    if (exported_session) {
        first = confined ? *exported_session : first;
        *exported_session = confined ? SESSION_CONFINED : first;
    }
    if (confined)
        arena_wake_collector(); /* nobody wakes it any more: it is to look by itself */
}

/* One line a run, not one a process. */
static void say(const char *what, const char *detail)
{
    if ((!arena || !atomic_exchange(&arena->said, 1)) && !successor)
        guest_say(what, detail);
}

void session_stop_run(const char *why, const char *detail)
{
    session_over = true;
    if (exported_session)
        *exported_session = *WIRE_SESSION_NONE;
    session_stop(why, detail);
}

void session_gone(void)
{
    if (alive_gone(true))
        arena_abandon();
    session_stop_run("the collector is gone; the program goes on untraced", "");
}

/* From now on the record says itself that it is whole; or that it is not. */
static void close_record(enum wire_record how)
{
    uint32_t open = WIRE_RECORD_OPEN;
    if (how == WIRE_RECORD_STOPPED)
        atomic_store(&process->record, how);
    else
        atomic_compare_exchange_strong(&process->record, &open, how);
}

void session_stop(const char *why, const char *detail)
{
    if (session_live())
        close_record(WIRE_RECORD_STOPPED);
    atomic_store(&status, STATUS_STOPPED);
    session_new_epoch();
    static char error[sizeof arena->error]; /* a copy that ends, whatever was written there */
    if (arena && atomic_load(&arena->collector) == WIRE_COLLECTOR_FAILED) {
        for (size_t i = 0; i < sizeof error - 1; i++)
            error[i] = arena->error[i];
        say(*error ? error : "the collector failed", "");
    } else {
        say(why, detail);
    }
}

static void note_usage(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return;
    process->cpu_ns = ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * 1000000000u +
                      ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) * 1000u;
    process->peak_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
}

static void at_exit(int exit_status, void *unused)
{
    (void)unused;
    int saved = errno;
    session_exiting(exit_status);
    errno = saved;
}

/* ---- attached and detached ------------------------------------------------------------------------------
 */

void session_passive(void)
{
    enum status new = STATUS_NEW;
    atomic_compare_exchange_strong(&status, &new, STATUS_PASSIVE);
}

int session_attach(const struct settings *wanted, const char *label, pid_t attacher)
{
    if (arena && !session_leave())
        return ATTACH_BUSY;
    if (madvise(&gate_page, sizeof gate_page, MADV_WIPEONFORK) != 0)
        return -errno;
    if (!limits_suffice())
        return -ENOMEM;
    settings = *wanted;
    alive_started_by(attacher);
    guest_format(wanted_label, wanted_label + sizeof wanted_label, label);
    int descriptor = arena_make();
    if (descriptor < 0)
        return -ENOMEM;
    session_part++;
    thread_new_part();
    if (!claim_free(WIRE_PROCESS_ATTACHED)) /* nobody waits while the program is stopped */
        return ATTACH_PROCESSES;
    identity_note(wanted_label);
    rules_flush();
    recall_forget();
    modules_describe_again();
    modules_refresh();
    python_forked();
    open_gate();
    loader_watch_forks();
    static bool heard;
    if (!heard)
        heard = on_exit(at_exit, NULL) == 0;
    atomic_store(&status, STATUS_LIVE);
    return descriptor;
}

void session_detach(void)
{
    atomic_store(&status, STATUS_STOPPED);
    session_new_epoch();
}

bool session_leave(void)
{
    if (!thread_all_out())
        return false;
    uint32_t live = WIRE_PROCESS_LIVE;
    /* Not for a parent that this process was forked from meanwhile. */
    if (process && process->pid == (pid_t)syscall(SYS_getpid)) {
        note_usage();
        process->flags |= WIRE_PROCESS_DETACHED;
        close_record(WIRE_RECORD_WHOLE);
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

/* ---- the end ------------------------------------------------------------------------------------------- */

static void wait_for_collector(void)
{
    switch (alive_wait()) {
    case ALIVE_DONE:
        break;
    case ALIVE_SLOW:
        if (atomic_load(&arena->collector) == WIRE_COLLECTOR_STARTING && atomic_load(&arena->locked))
            say("another program keeps the database locked; what was recorded will be written when that has "
                "ended, if it does so within two minutes",
                "");
        break;
    case ALIVE_FAILED:
        session_stop_run("the collector failed", "");
        break;
    case ALIVE_GONE:
        session_gone();
        break;
    case ALIVE_NEVER:
        session_stop_run("the collector did not start, nothing was recorded (is libtrace installed whole?)",
                         "");
        break;
    }
}

#define INITIAL_PID_NAMESPACE 0xeffffffcu /* its inode, in every kernel */

/* When the first process of a PID namespace ends the kernel ends all others, the collector, too. So that
 * process waits for the collector; and so does the run's first one, whose end may be the end of a shell that
 * is the namespace's first. Not if the collector is outside. */
static bool may_end_collector(void)
{
    uint64_t own = process->pid_namespace;
    return !guest_confined && own && own != INITIAL_PID_NAMESPACE &&
           own == atomic_load(&arena->collector_namespace) &&
           (process->pid == 1 || process->flags & WIRE_PROCESS_FIRST);
}

/* This process, the run's first, has no child and has not had one. What it knows of no longer, a child that
 * the kernel reaped, say, counts as one. */
static bool never_forked(void)
{
    struct sigaction reaping;
    return syscall(SYS_waitid, P_ALL, 0, NULL, WEXITED | WNOHANG | WNOWAIT | __WALL, NULL) != 0 &&
           errno == ECHILD && faults_of_children() == arena->first_faults &&
           sigaction(SIGCHLD, NULL, &reaping) == 0 && reaping.sa_handler != SIG_IGN &&
           !(reaping.sa_flags & SA_NOCLDWAIT);
}

static void note_end(int exit_status)
{
    if (!guest_confined)
        note_usage();
    atomic_store(&process->exit_status, exit_status & 0xff);
    atomic_store(&process->exit_known, 1);
    atomic_store(&process->ended_ns, guest_now_ns());
}

void session_exiting(int exit_status)
{
    if (atomic_load(&status) == STATUS_STOPPED && process && process->pid == guest_pid() &&
        atomic_load(&process->record) == WIRE_RECORD_STOPPED) /* it went on untraced */
        note_end(exit_status);
    /* Not in a child that shares our memory (vfork), nor in one that never recorded anything. */
    if (atomic_load(&status) != STATUS_LIVE || atomic_load(&gate->epoch) == 0 || process->pid != guest_pid())
        return;
    uint32_t live = WIRE_PROCESS_LIVE;
    note_end(exit_status);
    bool first = process->flags & WIRE_PROCESS_FIRST, waits = may_end_collector();
    if (first && !guest_confined && never_forked())
        process->flags |= WIRE_PROCESS_CHILDLESS;
    if (waits)
        process->flags |= WIRE_PROCESS_WAITS;
    close_record(WIRE_RECORD_WHOLE);
    if (!atomic_compare_exchange_strong(&process->state, &live, WIRE_PROCESS_EXITING))
        return;
    arena_wake_collector();
    removal_exiting();
    /* Only the run's first process: it is what the user waits for before asking for a report. */
    if (first)
        wait_for_collector();
    if (waits)
        alive_wait_for_end();
}

EXPORT void _exit(int exit_status)
{
    session_exiting(exit_status);
    real._exit(exit_status);
    __builtin_unreachable();
}

EXPORT void _Exit(int exit_status)
{
    _exit(exit_status);
}

EXPORT void quick_exit(int exit_status)
{
    session_exiting(exit_status);
    real.quick_exit(exit_status);
    __builtin_unreachable();
}

/* ---- our variable in the environment of the children -----------------------------------------------------
 */

extern void *__libc_stack_end; /* behind it is what the kernel has given the program */

/* Writes over the variable that is there, if it has room and is the kernel's copy: some programs pass on that
 * one. */
static bool export_in_place(void)
{
    char *value = (char *)guest_variable(WIRE_SESSION_VARIABLE);
    size_t size = strlen(session_text), room = value ? strlen(value) : 0;
    if (room < size || (uintptr_t)value < (uintptr_t)__libc_stack_end)
        return false;
    memcpy(value, session_text, size);
    memset(value + size, ' ', room - size);
    exported_session = value;
    return true;
}

/* Gives the program an environment with our variable; setenv() would allocate. Where memory is short most
 * have room all the same. */
static void export_session(void)
{
    static char *usual[512], text[sizeof session_text + 32];
    if (export_in_place())
        return;
    size_t count = 0;
    while (environ && environ[count])
        count++;
    bool fits = count + 2 <= sizeof usual / sizeof usual[0];
    char **copy = fits ? usual : guest_pages((count + 2) * sizeof(char *));
    if (!copy)
        return;
    guest_format(guest_format(text, text + sizeof text, WIRE_SESSION_VARIABLE "="), text + sizeof text,
                 session_text);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (strncmp(environ[i], WIRE_SESSION_VARIABLE "=", sizeof WIRE_SESSION_VARIABLE) != 0)
            copy[used++] = environ[i];
    }
    copy[used] = text;
    environ = copy;
    exported_session = text + sizeof WIRE_SESSION_VARIABLE;
}

void session_constructor(void)
{
    int saved = errno;
    if (session_ready()) {
        on_exit(at_exit, NULL);
        loader_watch_forks();
        export_session();
    } else if (session_over) {
        guest_format(session_text, session_text + sizeof session_text, WIRE_SESSION_NONE);
        export_session();
    }
    errno = saved;
}
