/* session.c - see session.h. */
#define _GNU_SOURCE
#include "session.h"
#include "arena.h"
#include "attach/attach.h"
#include "guest.h"
#include "launch.h"
#include "limits.h"
#include "notes.h"
#include "ours.h"
#include "real.h"
#include "thread.h"
#include "wire_check.h"
#include "python/python.h"
#include "stack/loader.h"
#include "stack/modules.h"
#include "stack/recall.h"
#include "stack/rules.h"
#include "stack/stacks.h"

#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct settings settings;
union gate_page gate_page __attribute__((aligned(4096)));
struct wire_process *process;
uint32_t session_part;

enum status { STATUS_NEW, STATUS_STARTING, STATUS_LIVE, STATUS_STOPPED, STATUS_PASSIVE };
static _Atomic enum status status;

/* Outlive a fork, unlike the gate. */
static _Atomic uint64_t
    last_epoch;                /* only grows: no state of an earlier run may ever look like a new one's */
static char session_text[96];  /* value of LIBTRACE_SESSION for our children */
static char wanted_label[256]; /* given by trace-attach */
#define SESSION_CONFINED '-'   /* in place of its first character: no run to join */
static char *exported_session; /* it, in the environment that we have made */
static pid_t starter;          /* of the collector, which it becomes itself, or forks; 0 = unknown */
static uint64_t faults_at_start = UINT64_MAX; /* of the one child that we had: it started the collector */

/* ---- settings ---------------------------------------------------------------------------------- */

static uint32_t number_between(const char *name, uint32_t low, uint32_t high, uint32_t otherwise)
{
    const char *text = getenv(name), *end;
    if (!text || !*text)
        return otherwise;
    uint64_t value = guest_number(text, &end);
    if (*end || value < low || value > high) {
        guest_say("not a value for it, the default is used: ", name);
        return otherwise;
    }
    return (uint32_t)value;
}

static int stack_setting(void)
{
    static const char *const names[] = {"auto", "python", "native", "both"};
    const char *text = getenv("LIBTRACE_STACK");
    for (int i = 0; text && *text && i < 4; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    if (text && *text)
        guest_say("LIBTRACE_STACK is auto, python, native or both, not: ", text);
    return STACK_AUTO;
}

static void read_settings(void)
{
    settings.depth = number_between("LIBTRACE_DEPTH", 1, 1024, 128);
    settings.check_stacks = number_between("LIBTRACE_CHECK_STACKS", 0, 1, 0);
    settings.follow = number_between("LIBTRACE_FOLLOW", 0, 1, 1);
    settings.threads = number_between("LIBTRACE_THREADS", 0, 1, 0);
    settings.events = number_between("LIBTRACE_EVENTS", 0, 1, 0);
    settings.blocks = number_between("LIBTRACE_BLOCKS", 0, 1, 0);
    settings.command = number_between("LIBTRACE_COMMAND", 0, 1, 1);
    settings.stack = stack_setting();
}

/* ---- making or joining a run --------------------------------------------------------------------- */

static void fill_header(uint32_t chunks)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    arena->version = WIRE_VERSION;
    arena->chunks = chunks;
    if (getrandom(&arena->cookie, sizeof arena->cookie, GRND_NONBLOCK) != sizeof arena->cookie)
        arena->cookie = __rdtsc();
    arena->started_ns = guest_now_ns();
    arena->started_real = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    for (unsigned chunk = 0; chunk < WIRE_FIRST_CHUNK; chunk++)
        atomic_fetch_or(&arena->chunk_map[chunk / 64], 1ull << chunk % 64);
    arena->magic = WIRE_MAGIC;
}

/* The descriptor out of the program's way: programs expect the lowest numbers to be theirs. */
static int move_up(int low)
{
    int high = low >= 0 ? fcntl(low, F_DUPFD_CLOEXEC, 64) : -1;
    if (high < 0)
        return low;
    close(low);
    return high;
}

static int new_memory(uint64_t size)
{
    int descriptor = move_up((int)syscall(SYS_memfd_create, "libtrace", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (descriptor >= 0 &&
        (ftruncate(descriptor, (off_t)size) != 0 || fcntl(descriptor, F_ADD_SEALS, WIRE_SEALS) != 0)) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

/* Makes the arena of a new run and maps it; its descriptor, -1 on failure. */
static int make_arena(void)
{
    uint32_t chunks = limits_arena();
    int descriptor = chunks ? new_memory((uint64_t)chunks * WIRE_CHUNK_SIZE) : -1;
    if (descriptor < 0)
        return -1;
    if (arena_map(descriptor, (uint64_t)chunks * WIRE_CHUNK_SIZE) != 0) {
        close(descriptor);
        return -1;
    }
    fill_header(chunks);
    return descriptor;
}

/* Page faults of the children that were waited for: all leave some behind. */
static uint64_t faults_of_children(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_CHILDREN, &usage) == 0 ? (uint64_t)usage.ru_minflt : UINT64_MAX;
}

/* Starts a new run with a collector of its own. */
static bool make_run(void)
{
    int descriptor = make_arena();
    if (descriptor < 0) {
        session_stop(limits_arena()
                         ? "no memory to share with the collector; the program runs untraced"
                         : "a limit is too tight (file size or address space); the program runs untraced",
                     "");
        return false;
    }
    int collector = 0, self = move_up((int)syscall(SYS_pidfd_open, syscall(SYS_getpid), 0));
    const char *detail = "", *why = launch_collector(&settings, descriptor, self, &collector, &detail);
    if (self >= 0)
        close(self);
    if (why)
        session_stop(why, detail);
    char *end = session_text + sizeof session_text;
    char *at = guest_format_number(session_text, end, (uint64_t)collector);
    at = guest_format_number(guest_format(at, end, ":"), end, (uint64_t)descriptor);
    guest_format_number(guest_format(at, end, ":"), end, arena->cookie);
    starter = collector;
    close(descriptor);
    faults_at_start = faults_of_children();
    return !why;
}

/* Maps the arena of the run that LIBTRACE_SESSION names. failed: it could not be recorded, and nor could a
 * new one. */
static bool join_run(const char *session, bool *failed)
{
    const char *at;
    uint64_t pid = guest_number(session, &at);
    uint64_t number = *at == ':' ? guest_number(at + 1, &at) : 0;
    uint64_t cookie = *at == ':' ? guest_number(at + 1, &at) : 0;
    char path[64], *end = path + sizeof path;
    char *text = guest_format_number(guest_format(path, end, "/proc/"), end, pid);
    guest_format_number(guest_format(text, end, "/fd/"), end, number);
    int descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0)
        return false;
    uint64_t size;
    bool mapped = wire_check(descriptor, &size) && arena_map(descriptor, size) == 0;
    close(descriptor);
    if (!mapped)
        return false;
    uint32_t state = arena->cookie == cookie ? atomic_load(&arena->collector) : WIRE_COLLECTOR_DONE;
    *failed = state == WIRE_COLLECTOR_FAILED;
    if (state == WIRE_COLLECTOR_DONE || state == WIRE_COLLECTOR_FAILED) {
        arena_unmap();
        return false;
    }
    guest_format(session_text, session_text + sizeof session_text, session);
    return true;
}

/* Begun by trace-attach, for a program that has (or had) this one started. */
static bool names_attached(const char *session)
{
    size_t size = strlen(session), end = sizeof WIRE_SESSION_ATTACHED - 1;
    return size > end && strcmp(session + size - end, WIRE_SESSION_ATTACHED) == 0;
}

/* ---- this process's slot --------------------------------------------------------------------------- */

static bool claim_free(uint32_t flags)
{
    pid_t pid = guest_pid(), parent = guest_confined ? process->pid : (pid_t)syscall(SYS_getppid);
    for (uint32_t i = 0; i < WIRE_PROCESSES; i++) {
        uint32_t none = WIRE_PROCESS_FREE;
        struct wire_process *slot = &arena->process[i];
        if (atomic_load_explicit(&slot->state, memory_order_relaxed) != none) {
            if (slot->pid == pid && atomic_load(&slot->state) == WIRE_PROCESS_LIVE)
                flags |= WIRE_PROCESS_EXECED;
            continue;
        }
        if (!atomic_compare_exchange_strong(&slot->state, &none, WIRE_PROCESS_CLAIMED))
            continue;
        uint32_t used = atomic_load(&arena->processes);
        while (used <= i && !atomic_compare_exchange_weak(&arena->processes, &used, i + 1)) {
        }
        slot->flags = flags;
        slot->pid = pid;
        slot->parent_pid = parent;
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
        if (atomic_load(&arena->process[i].state) >= WIRE_PROCESS_EXITING)
            return true;
    return false;
}

static bool claim_process(uint32_t flags)
{
    for (uint64_t waited_ns = 0; !claim_free(flags); waited_ns += SLOT_STEP_NS) {
        if (waited_ns >= SLOT_PATIENCE_NS || guest_confined || !some_have_ended() ||
            atomic_load(&arena->collector) >= WIRE_COLLECTOR_FAILED)
            return false;
        guest_sleep(SLOT_STEP_NS);
    }
    return true;
}

/* The name for a run that nobody labelled: the program's, or the script's that an interpreter runs. */
static const char *default_label(const char *command, const char *executable)
{
    static const char *const interpreters[] = {"python", "perl", "ruby", "bash", "sh",
                                               "dash",   "node", "lua",  NULL};
    const char *name = strrchr(executable, '/');
    name = name ? name + 1 : executable;
    const char *second = command + strlen(command) + 1; /* arguments are NUL-separated here */
    for (int i = 0; interpreters[i]; i++) {
        /* The whole name, but for a version: python3.11. */
        size_t size = strlen(interpreters[i]);
        if (strncmp(name, interpreters[i], size) == 0 &&
            name[size + strspn(name + size, "0123456789.")] == '\0' && *second && *second != '-') {
            const char *slash = strrchr(second, '/');
            return slash ? slash + 1 : second;
        }
    }
    const char *slash = strrchr(command, '/');
    return *command ? slash ? slash + 1 : command : name;
}

static char executable[PATH_MAX], command[8192];
static size_t command_size; /* with a NUL behind each argument */

/* If the arguments are to be kept out of the record, the program's name alone. A confined child keeps what its
 * parent has read. */
static void read_command(void)
{
    if (guest_confined)
        return;
    ssize_t size = readlink("/proc/self/exe", executable, sizeof executable - 1);
    executable[size > 0 ? size : 0] = '\0';
    if (!settings.command) {
        const char *slash = strrchr(executable, '/');
        size =
            guest_format(command, command + sizeof command - 1, slash ? slash + 1 : executable) - command + 1;
    } else {
        int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
        size = file >= 0 ? read(file, command, sizeof command - 2) : 0;
        if (file >= 0)
            close(file);
    }
    command_size = size > 0 ? (size_t)size : 1;
    command[size > 0 ? size : 0] = '\0';
    command[(size > 0 ? size : 0) + 1] = '\0';
}

static void describe_process(void)
{
    read_command();
    const char *label = *wanted_label ? wanted_label : getenv("LIBTRACE_LABEL");
    if (!label || !*label)
        label = default_label(command, executable);
    size_t label_size = strlen(label) + 1, executable_size = strlen(executable) + 1;
    struct wire_note_process *note = note_reserve(sizeof *note + executable_size + command_size + label_size);
    if (!note)
        return;
    note->executable_size = (uint32_t)executable_size;
    note->command_size = (uint32_t)command_size;
    note->label_size = (uint32_t)label_size;
    char *at = note->text;
    memcpy(at, executable, executable_size);
    at += executable_size;
    for (size_t i = 0; i + 1 < command_size; i++)
        at[i] = command[i] ? command[i] : ' ';
    at[command_size - 1] = '\0';
    memcpy(at + command_size, label, label_size);
    note_publish(note, WIRE_NOTE_PROCESS);
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
    const char *session = getenv(WIRE_SESSION_VARIABLE);
    if ((session && *session == SESSION_CONFINED) || ours_process()) {
        atomic_store(&status, STATUS_STOPPED);
        return false;
    }
    read_settings();
    if (!limits_suffice()) {
        session_stop("the limit of its address space or data is too tight; the program runs untraced", "");
        return false;
    }
    bool failed = false, joined = session && *session && join_run(session, &failed);
    if (failed || (joined && !settings.follow)) {
        atomic_store(&status, STATUS_STOPPED);
        return false;
    }
    if (!joined && session && names_attached(session)) {
        atomic_store(&status, STATUS_STOPPED);
        return false;
    }
    if (!joined && !make_run())
        return false;
    if (!claim_process(0)) {
        session_stop("too many processes at once in this run; this one is not traced", "");
        return false;
    }
    /* A zeroed page for children of every kind of fork; see session.h. */
    if (madvise(&gate_page, sizeof gate_page, MADV_WIPEONFORK) != 0) {
        session_stop("this kernel has no MADV_WIPEONFORK (Linux 4.14); the program runs untraced", "");
        return false;
    }
    describe_process();
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
    if (!settings.follow || atomic_load(&arena->collector) >= WIRE_COLLECTOR_FAILED) {
        atomic_store(&status, STATUS_STOPPED);
        return false;
    }
    if (!guest_confined_fork() ||
        !claim_process(WIRE_PROCESS_FORKED | (guest_confined ? WIRE_PROCESS_CONFINED : 0))) {
        session_stop("too many processes at once in this run; this one is not traced", "");
        return false;
    }
    describe_process();
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

/* What is exec'd from now on is not traced either: a run of its own would fail for the same reason, most
 * likely. */
static void disown_children(void)
{
    if (exported_session)
        *exported_session = SESSION_CONFINED;
}

static bool is_dead(void)
{
    pid_t pid = atomic_load(&arena->collector_pid);
    return pid > 0 && guest_is_gone(pid, true);
}

void session_gone(void)
{
    if (is_dead())
        arena_abandon();
    disown_children();
    session_stop("the collector is gone; the program goes on untraced", "");
}

void session_stop(const char *why, const char *detail)
{
    atomic_store(&status, STATUS_STOPPED);
    session_new_epoch();
    static char error[sizeof arena->error]; /* a copy that ends, whatever was written there */
    if (arena && atomic_load(&arena->collector) == WIRE_COLLECTOR_FAILED) {
        for (size_t i = 0; i < sizeof error - 1; i++)
            error[i] = arena->error[i];
        guest_say(*error ? error : "the collector failed", "");
        disown_children();
    } else {
        guest_say(why, detail);
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
    starter = attacher;
    guest_format(wanted_label, wanted_label + sizeof wanted_label, label);
    int descriptor = make_arena();
    if (descriptor < 0)
        return -ENOMEM;
    session_part++;
    thread_new_part();
    if (!claim_free(WIRE_PROCESS_ATTACHED)) /* nobody waits while the program is stopped */
        return ATTACH_PROCESSES;
    describe_process();
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

#define COMMIT_WAIT_NS 40000000ull  /* until events are committed: the exit is not held up longer */
#define WORD_WAIT_NS 5000000000ull  /* for its first sign of life: a busy disk may hold it up */
#define START_WAIT_NS 6000000000ull /* for a collector that is still starting */

/* It says its number as the first thing it does. */
bool session_orphaned(void)
{
    return !guest_confined && atomic_load(&arena->collector_pid) == 0 && starter > 0 &&
           guest_is_gone(starter, true);
}

/* True for a collector that ended without a word. It may be gone, or a zombie that nobody has waited for yet. */
static bool never_started(uint64_t waited_ns)
{
    return session_orphaned() ||
           (!guest_confined && atomic_load(&arena->collector_pid) == 0 && waited_ns > WORD_WAIT_NS);
}

static void wait_for_commit(void)
{
    uint64_t start_ns = guest_now_ns(), waited = 0;
    for (;; waited = guest_now_ns() - start_ns) {
        uint32_t collector = atomic_load(&arena->collector);
        if (collector == WIRE_COLLECTOR_FAILED) {
            session_stop("", "");
            return;
        }
        if (atomic_load(&process->state) == WIRE_PROCESS_COMMITTED || collector == WIRE_COLLECTOR_DONE)
            return;
        if (collector == WIRE_COLLECTOR_STARTING && (waited > START_WAIT_NS || never_started(waited))) {
            session_stop("the collector did not start, nothing was recorded (is libtrace installed whole?)",
                         "");
            return;
        }
        if (collector != WIRE_COLLECTOR_STARTING && waited > COMMIT_WAIT_NS) {
            if (is_dead() && atomic_load(&arena->collector) == WIRE_COLLECTOR_RUNNING)
                session_gone();
            return;
        }
        guest_futex_wait(&process->state, WIRE_PROCESS_EXITING, 1000000);
    }
}

/* This process, the run's first, has no child and has not had one. What it knows of no longer, a child that
 * the kernel reaped, say, counts as one. */
static bool never_forked(void)
{
    struct sigaction reaping;
    return syscall(SYS_waitid, P_ALL, 0, NULL, WEXITED | WNOHANG | WNOWAIT | __WALL, NULL) != 0 &&
           errno == ECHILD && faults_of_children() == faults_at_start &&
           sigaction(SIGCHLD, NULL, &reaping) == 0 && reaping.sa_handler != SIG_IGN &&
           !(reaping.sa_flags & SA_NOCLDWAIT);
}

void session_exiting(int exit_status)
{
    /* Not in a child that shares our memory (vfork), nor in one that never recorded anything. */
    if (atomic_load(&status) != STATUS_LIVE || atomic_load(&gate->epoch) == 0 || process->pid != guest_pid())
        return;
    uint32_t live = WIRE_PROCESS_LIVE;
    if (!guest_confined)
        note_usage();
    atomic_store(&process->exit_status, exit_status & 0xff);
    atomic_store(&process->exit_known, 1);
    atomic_store(&process->ended_ns, guest_now_ns());
    if (process == &arena->process[0] && !guest_confined && never_forked())
        process->flags |= WIRE_PROCESS_CHILDLESS;
    if (!atomic_compare_exchange_strong(&process->state, &live, WIRE_PROCESS_EXITING))
        return;
    arena_wake_collector();
    /* Only the run's first process: it is what the user waits for before asking for a report. */
    if (process == &arena->process[0])
        wait_for_commit();
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

/* Gives the program an environment with our variable; setenv() would allocate. */
static void export_session(void)
{
    size_t count = 0;
    while (environ && environ[count])
        count++;
    char **copy = guest_pages((count + 2) * sizeof(char *) + sizeof session_text + 32);
    if (!copy)
        return;
    char *text = (char *)(copy + count + 2);
    guest_format(guest_format(text, text + 32, WIRE_SESSION_VARIABLE "="), text + sizeof session_text + 32,
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
    }
    errno = saved;
}
