/* collector.c - the process that records a run: it reads the rings, keeps the ledger, and has both written to
 * the database.
 *
 * It is started by libtrace.so in the run's first process, or by trace-attach; everything that it must
 * trust comes as arguments (collector.h). It is independent of the program: no terminal, no standard
 * streams, no parent that waits for it. It ends when the run's last process has ended.
 */
#define _GNU_SOURCE
#include "collector_main.h"
#include "collector.h"
#include "deaths.h"
#include "sweep.h"
#include "files.h"
#include "idle.h"
#include "intern.h"
#include "memory_watch.h"
#include "options.h"
#include "page_walks.h"
#include "peak_copies.h"
#include "pids.h"
#include "populate.h"
#include "processor.h"
#include "snapshot.h"
#include "trim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS WIRE_TICK_NS
#define LOOK_NS 10000000ull /* between looks at which processes live */
/* One pause, until the only process is gone; its other threads may still allocate. */
#define LEAVING_NS 1000000
#define LEAVING_PAUSES 100       /* number of pauses; it may hang on its way out */
#define FIRST_ASK_NS 20000000ull /* for processes that did not register: time that an exec may take */
#define LAST_ASK_NS 1000000000ull
#define TRIM_PAUSE_NS 100000ull /* while there are rings to trim */
#define FIRST_POINT_EVERY_NS 100000000ull
#define SNAPSHOT_EVERY_NS 250000000ull
#define SNAPSHOT_FIRST_NS 1000000000ull  /* the sites of a program that ends before are written once */
#define SNAPSHOT_IDLE_NS 10000000000ull  /* while nothing changes, as a sign of life */
#define SNAPSHOT_SHARE 30                /* the writer is idle so many times longer than it works */
#define NEW_SITE_PAUSE_NS 20000ull       /* for each new site: five times what writing it takes */
#define NEW_SITES_PAUSE_NS 1000000000ull /* but no longer for all of them, as we may be killed */
#define EVENTS_AT_ONCE 200000            /* logged events that are worth a job of their own */
#define SLOTS_KEPT (WIRE_PROCESSES / 8)  /* used by processes that have ended; more are worth a job */
#define WATCH_NS 10000000ull             /* a shorter run needs nobody who watches while we sleep */
#define HEAP_BLOCK 120000                /* bytes: below what malloc() maps apart */
#define HEAP_BLOCKS 3

static atomic_bool told_to_end; /* signal handlers run in any thread */

static void on_term(int signal_number)
{
    (void)signal_number;
    atomic_store(&told_to_end, true);
}

/* Somebody looks at the run while it goes on, and asks for what is new: SIGUSR1; with the value
 * COLLECTOR_ASK_PAGES, for resident pages, too. One word, so that a request is taken as a whole. */
enum { ASKED_SNAPSHOT = 1, ASKED_PAGES = 2 };
static atomic_uint requests;

static void on_usr1(int signal_number, siginfo_t *info, void *unused)
{
    (void)signal_number;
    (void)unused;
    bool pages = info->si_code == SI_QUEUE && info->si_value.sival_int == COLLECTOR_ASK_PAGES;
    atomic_fetch_or(&requests, pages ? ASKED_SNAPSHOT | ASKED_PAGES : ASKED_SNAPSHOT);
}

/* The limits that we inherited are meant for the program, not for us. */
static void raise_limits(void)
{
    const int raised[] = {RLIMIT_AS, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_CPU, RLIMIT_STACK};
    struct rlimit limit, none = {RLIM_INFINITY, RLIM_INFINITY};
    for (size_t i = 0; i < sizeof raised / sizeof raised[0]; i++) {
        if (setrlimit((__rlimit_resource_t)raised[i], &none) != 0 && /* only root may raise hard limits */
            getrlimit((__rlimit_resource_t)raised[i], &limit) == 0) {
            limit.rlim_cur = limit.rlim_max;
            setrlimit((__rlimit_resource_t)raised[i], &limit);
        }
    }
    const struct rlimit files = {4096, 4096}; /* each process of the run needs one */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < files.rlim_cur &&
        setrlimit(RLIMIT_NOFILE, &files) != 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* If memory runs out, the kernel should kill us rather than the program. */
static void die_first(void)
{
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, "1000", 4) != 4) {
        /* Otherwise it kills whoever is larger. */
    }
    if (file >= 0)
        close(file);
}

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Closes all descriptors but our own and the standard streams. */
static void close_others(const struct options *options)
{
    int kept[] = {options->memory, options->first, options->report, options->door, options->rows}, after = 3;
    qsort(kept, sizeof kept / sizeof kept[0], sizeof kept[0], by_number);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        if (kept[i] < after)
            continue;
        if (kept[i] > after)
            close_range((unsigned)after, (unsigned)kept[i] - 1, 0);
        fcntl(kept[i], F_SETFD, FD_CLOEXEC);
        after = kept[i] + 1;
    }
    close_range((unsigned)after, ~0u, 0);
}

/* Keeps the program from noticing us: no pipe is kept open, no terminal, and its limits do not apply to
 * us. */
static void settle(const struct options *options)
{
    close_others(options);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int standard = 0; standard < 3 && null >= 0; standard++)
        dup2(null, standard);
    raise_limits();
    /* So that the file system of the directory can be unmounted. */
    if (!getcwd(intern_directory, PATH_MAX) || chdir("/") != 0)
        intern_directory[0] = '\0';
    die_first();
    const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU, SIGXFSZ};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    signal(SIGTERM, on_term);
    sigaction(SIGUSR1, &(struct sigaction){.sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO | SA_RESTART},
              NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The first process registers right after it has started us; false if it died before. */
static bool wait_for_first(struct arena *arena)
{
    for (int i = 0; i < 5000; i++) {
        if (arena_slot(arena, 0))
            return true;
        nanosleep(&(struct timespec){0, i < 100 ? 100000 : 1000000}, NULL);
    }
    return false;
}

/* ---- the loop ---------------------------------------------------------------------------------- */

/* Global, as symbols_limit() passes no context to its callback. */
static struct memory_watch memory;

struct collector {
    struct options options;
    struct tracker tracker;
    struct writer *writer;
    struct files *files;
    uint64_t next_look_ns;
    uint64_t last_snapshot_ns; /* since the start of the run */
    uint32_t sites_seen;       /* by the writer */
    uint32_t processes_seen;
    uint64_t idle_ns;                   /* how long to sleep if there is nothing to do */
    uint32_t leaving_pauses;            /* while waiting for the only process to be gone */
    uint64_t next_ask_ns, ask_pause_ns; /* to search for processes that have not registered; 0 = not yet */
    uint32_t living;
    struct tracked_process *leaving; /* the only process, about to exit, which never forked; or NULL */
    bool announced;                  /* the state was set to WIRE_COLLECTOR_RUNNING */
    bool last_waits;                 /* the last process waits for our end */
    bool failed;                     /* the state was set to WIRE_COLLECTOR_FAILED */
    bool watch_begun;                /* it was time to start the thread of deaths.h */
    bool watched;                    /* it waits for the ends of processes */
    bool changed;                    /* there were events since the last snapshot */
    uint64_t next_rotation_ns;       /* when the file is rotated; UINT64_MAX = never */
    bool report_waits;               /* for the next snapshot, and for the walk that it requested */
    struct idle idle;
    const char *stopped;        /* why recording ended while programs live: a sentence; else NULL */
    uint64_t next_give_back_ns; /* when to return memory that we can do without */
    struct page_walks pages;
};

static void set_time(struct collector *c, uint64_t now_ns)
{
    c->tracker.ledger.now_ns = now_ns;
    arena_beat(c->tracker.arena);
    if (now_ns >= WATCH_NS && !c->watch_begun) { /* until then nobody sleeps for long */
        c->watch_begun = true;
        c->watched = deaths_start();
    }
}

/* A process about to exit that waits for its events to be committed, or for our end; NULL = none. */
static struct tracked_process *who_waits(const struct tracker *tracker)
{
    for (uint32_t i = tracker->first_living; i < tracker->process_count; i++) {
        struct tracked_process *process = tracker_process(tracker, i);
        if (!process->ended && arena_waits(process->slot))
            return process;
    }
    return NULL;
}

/* Sleeps until the run's only process is gone, one pause at most; false if it is not about to exit. The
 * run ends only when we do, and a program's exit is quicker than the time between two looks. */
static bool doze_while_leaving(struct collector *c)
{
    if (!c->leaving || c->leaving_pauses == LEAVING_PAUSES)
        return false;
    if (!c->living)
        return true;
    c->leaving_pauses++;
    struct pollfd process = {.fd = c->leaving->pidfd, .events = POLLIN};
    if (ppoll(&process, 1, &(struct timespec){0, LEAVING_NS}, NULL) > 0)
        c->next_look_ns = 0;
    return true;
}

/* True if processes are left. If all registered ones are gone, there may be one that was forked and has
 * not registered yet: it has the arena mapped. While a process is in an exec, it has not; so the first
 * search comes after a pause. */
static bool somebody_is_left(struct collector *c, uint64_t now_ns)
{
    if (c->living) {
        c->ask_pause_ns = 0;
        return true;
    }
    if (c->leaving || !c->options.follow)
        return false;
    if (!c->ask_pause_ns) {
        c->ask_pause_ns = FIRST_ASK_NS;
        c->next_ask_ns = now_ns + c->ask_pause_ns;
    }
    if (now_ns < c->next_ask_ns || writer_busy(c->writer))
        return true;
    c->ask_pause_ns = c->ask_pause_ns * 2 < LAST_ASK_NS ? c->ask_pause_ns * 2 : LAST_ASK_NS;
    c->next_ask_ns = now_ns + c->ask_pause_ns;
    memory_watch_pause(&memory);
    bool held = arena_held_by_others(c->tracker.arena);
    memory_watch_go_on(&memory);
    return held;
}

/* Marks the moment, so that reports of what came since can begin there, and returns it; 0 = no memory: the next time. */
static uint64_t begin_rotation(struct collector *c, uint64_t now_ns)
{
    uint32_t marks = c->tracker.mark_count;
    sweep_all(&c->tracker);
    tracker_mark(&c->tracker, 0, MARK_ROTATED, now_ns);
    c->next_rotation_ns = now_ns + c->options.rotate_ns;
    return c->tracker.mark_count > marks ? tracker_mark_at(&c->tracker, c->tracker.mark_count - 1)->t_ns : 0;
}

static void post(struct collector *c, enum snapshot_kind kind, uint64_t rotate_ns)
{
    files_look(c->files, &c->tracker); /* of all processes that the job contains */
    struct job *job = snapshot_take(&c->tracker, kind, c->options.blocks && !c->stopped);
    if (!job)
        return;
    job->interrupted = told_to_end != 0;
    job->why = c->stopped;
    job->rotate_ns = rotate_ns;
    job->rotations = (int)c->options.rotations;
    job->pages = page_walks_take(&c->pages, kind == SNAPSHOT_LAST, &job->page_count);
    if (!job->raw) {
        job->looks = object_looks_take(&c->pages.looks, &job->look_count);
        job->contents = content_looks_take(&c->pages.contents, &job->content_count);
    }
    writer_post(c->writer, job);
}

static void wait_for_writer(struct collector *c)
{
    while (writer_busy(c->writer)) {
        uint64_t now_ns = tracker_clock() - c->tracker.arena->started_ns;
        set_time(c, now_ns);
        memory_watch_look(&memory, now_ns);
        writer_wait(c->writer, TICK_NS / 2);
    }
}

/* Tells the process that started us how that went, once. */
static void report(struct options *options, const char *why)
{
    char line[512];
    int size = snprintf(line, sizeof line - 1, "%s", why ? why : "");
    if (!options->report)
        return;
    size = size < (int)sizeof line - 2 ? size : (int)sizeof line - 2;
    line[size] = '\n';
    if (write(options->report, line, (size_t)size + 1) < 0) {
        /* Nobody is waiting for it any more. */
    }
    close(options->report);
    options->report = 0;
}

/* Leaves a sentence that the program prints for us. */
static int fail(struct collector *c, const char *why)
{
    why = why ? why : "the collector failed";
    c->failed = true;
    arena_state(c->tracker.arena, WIRE_COLLECTOR_FAILED, why);
    report(&c->options, why);
    return 1;
}

/* Forked processes that have not registered yet have the arena mapped. */
static bool is_only_holder(const struct collector *c, const struct tracked_process *process)
{
    struct stat facts;
    return fstat(c->options.memory, &facts) == 0 && !pids_others_map(facts.st_ino, process->facts.pid);
}

static void commit_for_waiting(struct collector *c, struct tracked_process *process)
{
    /* Otherwise it is still opening the database, or has failed: that is handled elsewhere. */
    if (writer_state(c->writer) != WRITER_READY || c->failed)
        return;
    if (c->tracker.by_thread && !process->pages_seen)
        tracker_name_threads(&c->tracker); /* it may not wait for longer than the look at its pages takes */
    sweep_all(&c->tracker);                /* now all its blocks are known */
    if (process->ended)                    /* it did not wait any longer */
        return;
    page_walks_end_of(&c->pages, &c->tracker, process);
    if (writer_busy(c->writer))
        return;
    bool waits = arena_waits_long(process->slot);
    bool only = c->living == 1 && (arena_childless(process->slot) || (waits && is_only_holder(c, process)));
    if (waits && (only || process->facts.pid == 1)) {
        c->last_waits = true; /* everything is there: once it is gone we may have no time left */
        return;
    }
    post(c, waits ? SNAPSHOT_USUAL : SNAPSHOT_RAW, 0);
    wait_for_writer(c);
    if (writer_error(c->writer)) {
        fail(c, writer_error(c->writer)); /* a full disk, for example */
        return;
    }
    c->leaving = only ? process : NULL;
    arena_commit(process->slot);
}

/* Writing the same rows again and again takes time from the program if there are many of them. */
static uint64_t pause_between_snapshots(const struct collector *c)
{
    uint64_t new_sites = c->tracker.ledger.count - c->sites_seen;
    uint64_t for_sites = new_sites * NEW_SITE_PAUSE_NS;
    for_sites = for_sites < NEW_SITES_PAUSE_NS ? for_sites : NEW_SITES_PAUSE_NS;
    uint64_t pause = writer_cost(c->writer) * SNAPSHOT_SHARE + for_sites;
    uint64_t least = c->last_snapshot_ns ? SNAPSHOT_EVERY_NS : SNAPSHOT_FIRST_NS;
    return pause > least ? pause : least;
}

/* A job's events must fit into a file whose size is limited before others are dropped. */
static uint64_t events_at_once(const struct collector *c)
{
    uint64_t fitting = c->options.most_bytes / 512;
    return fitting && fitting < EVENTS_AT_ONCE ? fitting : EVENTS_AT_ONCE;
}

static void snapshot_if_due(struct collector *c, uint64_t now_ns)
{
    if (writer_busy(c->writer) || writer_state(c->writer) != WRITER_READY)
        return;
    unsigned asked = atomic_exchange(&requests, 0);
    if (asked & ASKED_PAGES)
        page_walks_ask(&c->pages);
    c->report_waits |= asked != 0;
    if (c->report_waits && c->pages.under_way.running)
        return; /* later, with what will have been read by then */
    uint64_t pause = c->changed ? pause_between_snapshots(c) : SNAPSHOT_IDLE_NS;
    bool rotates = now_ns >= c->next_rotation_ns;
    bool due = rotates || now_ns >= c->last_snapshot_ns + pause ||
               c->tracker.event_count >= events_at_once(c) || c->tracker.unwritten >= SLOTS_KEPT ||
               c->report_waits;
    if (!due)
        return;
    if (c->report_waits) {
        c->report_waits = false;
        sweep_all(&c->tracker); /* so that what was published before the request is in it */
        page_walks_settle(&c->pages, &c->tracker);
    }
    c->changed = false;
    post(c, SNAPSHOT_USUAL, rotates ? begin_rotation(c, now_ns) : 0);
    c->last_snapshot_ns = now_ns;
    c->sites_seen = c->tracker.ledger.count;
}

/* How long to sleep: not at all while a ring fills fast; longer and longer while nothing happens. */
static uint64_t pause_after(struct collector *c, uint64_t fullest)
{
    if (fullest > WIRE_RING_WORDS / 16)
        return 0;
    if (fullest > 256)
        c->idle_ns = 200000;
    else
        c->idle_ns = c->idle_ns * 2 > TICK_NS ? TICK_NS : c->idle_ns * 2;
    return c->idle_ns;
}

/* What happens after a long idle time happened when we were woken, not at our last look. */
static bool sleep_long(struct collector *c, bool trimming)
{
    bool may = c->watched && !c->changed && c->living && !trimming && !told_to_end && !requests &&
               !c->report_waits && !writer_busy(c->writer);
    if (!idle_sleep(&c->idle, &c->tracker, may))
        return false;
    uint64_t now_ns = tracker_clock() - c->tracker.arena->started_ns;
    set_time(c, now_ns);
    sweep_none_before(&c->tracker);
    tracker_sample(&c->tracker, now_ns); /* nothing changed up to now */
    tracker_look_at_sites(&c->tracker, now_ns, true);
    return true;
}

/* Announces once that the database is open. The rings are read before that, too. */
static void announce(struct collector *c)
{
    if (!c->announced && memory_watch_state(&memory) != MEMORY_END &&
        writer_state(c->writer) == WRITER_READY) {
        c->announced = true;
        arena_state(c->tracker.arena, WIRE_COLLECTOR_RUNNING, NULL);
        report(&c->options, NULL);
    }
}

/* ---- memory ------------------------------------------------------------------------------------- */

#define GIVE_BACK_EVERY_NS 1000000000ull

static int memory_fits(uint64_t bytes)
{
    return memory_watch_fits(&memory, bytes);
}

static void look_at_memory(struct collector *c, uint64_t now_ns)
{
    const uint64_t a_site = sizeof(struct job_site) + 64; /* while it is being written */
    atomic_store_explicit(&memory.to_write, c->tracker.ledger.count * a_site, memory_order_relaxed);
    memory_watch_look(&memory, now_ns);
    arena_grant(c->tracker.arena, memory_watch_ring(&memory, c->tracker.ring_count));
    c->tracker.sparing = memory_watch_state(&memory) != MEMORY_PLENTY;
    if (!c->tracker.sparing || now_ns < c->next_give_back_ns)
        return;
    c->next_give_back_ns = now_ns + GIVE_BACK_EVERY_NS;
    malloc_trim(0);
}

/* Ends the recording while programs live, which go on without us. */
static void stop(struct collector *c, const char *why)
{
    fail(c, why);
    tracker_stop(&c->tracker);
    malloc_trim(0);
}

static void loop(struct collector *c)
{
    struct tracker *tracker = &c->tracker;
    uint64_t now_ns;
    do {
        announce(c);
        now_ns = tracker_clock() - tracker->arena->started_ns;
        set_time(c, now_ns);
        uint32_t ends = tracker->ends;
        uint64_t fullest = sweep_all(tracker);
        if (tracker->ends != ends)
            c->next_look_ns = 0;
        files_look(c->files, tracker);
        idle_looked(&c->idle, fullest != 0);
        c->changed |= fullest != 0 || tracker->process_count != c->processes_seen;
        c->processes_seen = tracker->process_count;
        tracker_sample(tracker, now_ns);
        tracker_look_at_sites(tracker, now_ns, fullest == 0);
        page_walks_look(&c->pages, tracker, now_ns);
        bool walking = page_walks_step(&c->pages, tracker);
        c->changed |= c->pages.done_count != 0;
        if (deaths_noticed())
            c->next_look_ns = 0;
        look_at_memory(c, now_ns);
        if (now_ns >= c->next_look_ns) {
            c->living = tracker_reap(tracker);
            c->next_look_ns = now_ns + LOOK_NS;
        }
        struct tracked_process *waiting = c->living ? who_waits(tracker) : NULL;
        if (waiting)
            commit_for_waiting(c, waiting);
        snapshot_if_due(c, now_ns);
        if (tracker->event_count >= (c->options.most_bytes ? 1 : 4) * events_at_once(c))
            wait_for_writer(c); /* rings fill meanwhile, and the program waits: nothing is lost */
        uint64_t pause = walking ? 0 : pause_after(c, fullest);
        bool trimming = trim_rings(tracker, now_ns);
        if (trimming && pause > TRIM_PAUSE_NS)
            pause = TRIM_PAUSE_NS;
        if (pause && !doze_while_leaving(c) && !sleep_long(c, trimming))
            arena_doze(tracker->arena, pause);
        if (!c->living) { /* is really nobody left, and nobody just starting? */
            tracker_look(tracker);
            c->living = tracker_reap(tracker);
        }
    } while (somebody_is_left(c, now_ns) && !told_to_end && !c->last_waits &&
             writer_state(c->writer) != WRITER_FAILED && memory_watch_state(&memory) != MEMORY_END);
}

/* What a short run takes of the heap, by a few system calls instead of a fault for each page. The blocks become one free
 * chunk; the one that is kept behind them prevents that free() returns it. */
static void populate_heap(void)
{
    char *blocks[HEAP_BLOCKS];
    size_t count = 0;
    while (count < HEAP_BLOCKS && (blocks[count] = malloc(HEAP_BLOCK)))
        count++;
    void *kept = count ? malloc(1) : NULL;
    if (kept)
        populate(blocks[0], (size_t)((char *)sbrk(0) - blocks[0]));
    while (count)
        free(blocks[--count]);
    free(kept);
}

int collector_main(int argc, char **argv)
{
    static struct collector collector;
    static struct arena the_arena;
    struct collector *c = &collector;
    if (!options_parse(&c->options, argc, argv)) {
        fprintf(stderr, "trace-collector is started by libtrace.so, not by hand; see trace-run --help\n");
        return 2;
    }
    struct arena *arena = &the_arena;
    if (!arena_open(arena, c->options.memory))
        return report(&c->options, "the shared memory is not one of this version of libtrace, or there is no "
                                   "memory to map it"),
               1;
    /* One malloc arena for both threads: a second one would grow by a system call for each page. */
    mallopt(M_ARENA_MAX, 1);
    arena_alive(arena);
    arena_pid(arena, getpid(), pids_namespace());
    settle(&c->options);
    if (!wait_for_first(arena))
        return 1;
    c->tracker.arena = arena;
    const char *no_room = memory_watch_start(&memory, arena, c->options.first, c->options.report != 0);
    if (no_room)
        return fail(c, no_room);
    bool tight = memory_watch_is_tight(&memory);
    if (tight)
        grow_sparingly();
    symbols_limit(memory_fits);
    c->files = files_open();
    /* What is younger than the latest file that was put aside is nowhere else. */
    uint64_t keep_ns = c->options.keep_ns ? c->options.keep_ns : c->options.rotate_ns;
    const struct store_bounds bounds = {(int64_t)keep_ns, (int64_t)c->options.most_bytes};
    c->next_rotation_ns = c->options.rotate_ns ? c->options.rotate_ns : UINT64_MAX;
    c->writer = c->files ? writer_start(arena, c->options.database, c->files, bounds) : NULL;
    if (!c->writer)
        return fail(c, "no memory, or no thread, for the collector (ulimit -u?); nothing is recorded");
    /* The first program may be waiting for the database: all else comes while that is opened. */
    if (!tight)
        populate_heap();
    deaths_open(arena, c->options.door);
    if (fcntl(c->options.first, F_GETFD) >= 0) /* otherwise it did not reach us */
        c->tracker.first_pidfd = c->options.first;
    c->tracker.point_every_ns = FIRST_POINT_EVERY_NS;
    c->tracker.by_thread = c->options.threads;
    c->tracker.log_events = c->options.events;
    c->tracker.evicts = processor_evicts_lines();
    c->tracker.sample = c->options.sample;
    c->tracker.ledger.peak_ends = c->options.sample ? NULL : peak_copies_ends;
    c->tracker.ledger.peak_data = &c->tracker;
    c->pages.looks.off = !c->options.types;
    c->pages.contents.off =
        !c->options.types || c->options.sample; /* blocks that were not taken may be equal */
    c->tracker.bounded = bounds.keep_ns || bounds.most_bytes;
    if (c->tracker.bounded)
        samples_bound(&c->tracker.samples, c->options.most_bytes);
    tracker_look(&c->tracker);
    c->living = 1;
    c->idle_ns = 100000;
    loop(c);
    if (c->living && memory_watch_state(&memory) == MEMORY_END)
        stop(c, c->stopped = memory_watch_sentence);
    else if (!told_to_end && writer_state(c->writer) != WRITER_FAILED)
        tracker_end(&c->tracker);
    wait_for_writer(c);
    if (writer_state(c->writer) == WRITER_FAILED) {
        stop(c, writer_error(c->writer));
        writer_end(c->writer);
        arena_abandon(arena);
        return 1;
    }
    announce(c);
    do {
        post(c, SNAPSHOT_LAST, 0);
        wait_for_writer(c);
    } while (writer_wants_more(c->writer));
    if (writer_state(c->writer) == WRITER_FAILED)
        stop(c, writer_error(c->writer));
    writer_end(c->writer);
    if (c->stopped) {
        arena_abandon(arena);
        return 1;
    }
    arena_state(arena, writer_error(c->writer) ? WIRE_COLLECTOR_FAILED : WIRE_COLLECTOR_DONE, NULL);
    return writer_error(c->writer) != NULL;
}
