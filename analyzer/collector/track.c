/* track.c - see track.h. */
#define _GNU_SOURCE
#include "track.h"
#include "deaths.h"
#include "exit_facts.h"
#include "sweep.h"
#include "map_events.h"
#include "pids.h"
#include "rings.h"
#include "shortage.h"
#include "trim.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

uint64_t tracker_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- births ------------------------------------------------------------------------------------ */

/* In a namespace of their own, both know each other by numbers that may not be known here. */
static bool is_parent(const struct tracked_process *other, const struct tracked_process *process)
{
    if (other->pid_namespace == process->pid_namespace && process->own_parent_pid)
        return other->own_pid == process->own_parent_pid;
    return process->facts.parent_pid && other->facts.pid == process->facts.parent_pid;
}

/* The process that a forked one has its memory from: the one that has the parent's PID now, or had it
 * until just now. */
static struct tracked_process *parent_of(const struct tracker *tracker, const struct tracked_process *process)
{
    struct tracked_process *found = NULL;
    uint32_t slots = arena_processes(tracker->arena);
    for (uint32_t i = 0; i < slots; i++) {
        struct tracked_process *other = tracker->by_slot[i];
        if (other && other != process && is_parent(other, process) && (!found || other->index > found->index))
            found = other;
    }
    return found;
}

static void inherit(const struct tracker *tracker, struct tracked_process *process)
{
    struct tracked_process *parent = parent_of(tracker, process);
    uint64_t start_ns = tracker->arena->started_ns, forked_ns = process->facts.started_ns;
    if (!parent || forked_ns < start_ns)
        return;
    inherited_begin(process, parent, (uint32_t)((forked_ns - start_ns) / WIRE_TICK_NS));
    map_ranges_inherit(&process->maps, &parent->maps);
}

/* Our number of the process that has forked it, while that lives; 0 = not known. */
static int forked_by(const struct tracker *tracker, const struct tracked_process *process)
{
    const struct tracked_process *parent =
        process->facts.flags & WIRE_PROCESS_FORKED ? parent_of(tracker, process) : NULL;
    return parent && !parent->ended ? parent->facts.pid : 0;
}

static enum pids_found look_for(const struct tracker *tracker, struct tracked_process *process)
{
    return pids_find(process->own_pid, process->pid_namespace, forked_by(tracker, process),
                     &process->facts.pid, &process->facts.parent_pid);
}

/* Finds the numbers of a new process here; they stay 0 if it is not to be seen. What it says of itself is not needed for the
 * first one, whose pidfd we have. */
static void find_numbers(const struct tracker *tracker, struct tracked_process *process)
{
    int first = process->index == 0 && tracker->first_pidfd ? pids_of_pidfd(tracker->first_pidfd) : 0;
    if (first > 0) {
        process->facts.pid = first;
        process->facts.parent_pid = pids_parent(first);
    } else if (look_for(tracker, process) != PIDS_FOUND) {
        const struct tracked_process *parent = parent_of(tracker, process);
        process->facts.parent_pid = parent ? parent->facts.pid : 0;
    }
}

/* -1: it is not to be seen, or has been waited for. */
static int open_pidfd(const struct tracked_process *process)
{
    return (int)syscall(SYS_pidfd_open, process->facts.pid, 0); /* fails for 0 */
}

static void watch(struct tracked_process *process, int pidfd)
{
    process->pidfd = pidfd;
    if (pidfd >= 0)
        deaths_watch(pidfd);
}

static struct tracked_process *add_process(struct tracker *tracker, struct arena_slot *slot)
{
    struct arena_birth birth;
    if (!arena_birth(slot, &birth)) {
        arena_damage(slot);
        return NULL;
    }
    struct tracked_process *process = SHORTAGE_UNLESS(calloc(1, sizeof *process));
    struct tracked_process **place =
        GROW_AT(&tracker->processes, struct tracked_process *, tracker->process_count);
    if (!process || !place || !blocks_open(&process->blocks)) {
        free(process);
        return NULL;
    }
    *place = process;
    process->slot = slot;
    process->index = tracker->process_count++;
    process->last_peak = process->last_mapped_peak = LEDGER_LIVES;
    process->pid_namespace = birth.pid_namespace;
    process->own_pid = birth.pid;
    process->own_parent_pid = process->facts.parent_pid = birth.parent_pid;
    process->facts.flags = birth.flags;
    process->facts.started_ns = birth.started_ns;
    find_numbers(tracker, process);
    if (birth.flags & WIRE_PROCESS_FORKED)
        inherit(tracker, process);
    watch(process, process->index == 0 && tracker->first_pidfd ? tracker->first_pidfd : open_pidfd(process));
    assert(!tracker->by_slot[slot->number]);
    tracker->by_slot[slot->number] = process;
    return process;
}

static struct tracked_process *process_of_slot(struct tracker *tracker, uint32_t slot_number)
{
    struct tracked_process *process = tracker->by_slot[slot_number];
    if (process)
        return process;
    struct arena_slot *slot = arena_slot(tracker->arena, slot_number);
    return slot ? add_process(tracker, slot) : NULL;
}

/* Numbers a ring's thread as blocks know it: a thread's rings, of which signal handlers have their own, are one. */
static uint32_t maker_of(const struct tracker *tracker, const struct tracked_process *process,
                         const struct tracked_thread *thread)
{
    uint32_t slots = process->rings_seen > 1 ? arena_rings(tracker->arena) : 0;
    for (uint32_t i = 0; i < slots; i++) {
        const struct tracked_ring *r = tracker->rings[i];
        if (r && r->process == process && tracker_thread(tracker, r->thread)->tid == thread->tid)
            return r->by;
    }
    return BLOCKS_BY(thread->id - 1);
}

static void add_ring(struct tracker *tracker, uint32_t number)
{
    struct arena_ring ring;
    enum arena_ring_found found = arena_ring(tracker->arena, number, &ring);
    if (found == ARENA_RING_NONE)
        return;
    struct tracked_process *process =
        found == ARENA_RING_THERE ? process_of_slot(tracker, ring.slot->number) : NULL;
    uint32_t place = tracker->free_thread ? tracker->free_thread - 1 : tracker->thread_count;
    struct tracked_thread *thread = GROW_AT(&tracker->threads, struct tracked_thread, place);
    struct tracked_ring *r = process && thread ? SHORTAGE_UNLESS(calloc(1, sizeof *r)) : NULL;
    if (!r) { /* out of memory: nobody will read this ring, so nobody must wait for that */
        arena_ring_discard_number(tracker->arena, number);
        return;
    }
    if (tracker->free_thread)
        tracker->free_thread = thread->next_free;
    else
        tracker->thread_count++;
    *thread = (struct tracked_thread){.process = process->index};
    thread->id = ++process->rings_seen;
    thread->tid = ring.tid;
    memcpy(thread->name, ring.name, sizeof thread->name);
    r->ring = ring.shared;
    r->words = ring.words;
    r->process = process;
    r->expected = &process->expected;
    r->by = maker_of(tracker, process, thread);
    r->thread = place;
    r->tail = r->far = r->near = r->looked = r->evicted = ring.tail;
    r->fetch_blocks = r->fetch_sites = true;
    r->head = ring.head;
    trim_added(r);
    tracker->rings[number] = r;
}

void tracker_look(struct tracker *tracker)
{
    uint32_t slots = arena_processes(tracker->arena);
    for (uint32_t i = 0; i < slots; i++)
        process_of_slot(tracker, i);
    slots = arena_rings(tracker->arena);
    for (uint32_t i = 0; i < slots; i++)
        if (!tracker->rings[i])
            add_ring(tracker, i);
    if (slots > tracker->ring_count) /* a ring once seen is always looked at, whatever the count says */
        tracker->ring_count = slots;
}

#define SETTLED_SWEEPS \
    8 /* after the thread's last event a free of it may wait for an allocation that is late */

/* The sites of threads refer to them for good. */
struct tracked_thread *tracker_take_threads(struct tracker *tracker, size_t *count)
{
    size_t room = tracker->thread_count * sizeof(struct tracked_thread);
    struct tracked_thread *taken = SHORTAGE_UNLESS(malloc(room ? room : 1));
    *count = 0;
    for (uint32_t i = 0; taken && i < tracker->thread_count; i++) {
        struct tracked_thread *thread = tracker_thread(tracker, i);
        if (thread->id == 0)
            continue;
        taken[(*count)++] = *thread;
        if (!thread->ended || tracker->by_thread || tracker->sweep - thread->sweep < SETTLED_SWEEPS)
            continue;
        *thread = (struct tracked_thread){.next_free = tracker->free_thread};
        tracker->free_thread = i + 1;
    }
    return taken;
}

static void read_name(const struct tracked_process *process, struct tracked_thread *thread)
{
    char path[64], name[sizeof thread->name];
    snprintf(path, sizeof path, "/proc/%d/task/%u/comm", process->facts.pid, thread->tid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    ssize_t size = read(file, name, sizeof name); /* with a newline */
    close(file);
    if (size <= 0)
        return;
    memset(thread->name, 0, sizeof thread->name);
    memcpy(thread->name, name, (size_t)size - 1);
}

/* Many threads get their names only after their first allocation. */
void tracker_name_threads(struct tracker *tracker)
{
    for (uint32_t i = 0; i < tracker->ring_count; i++) {
        const struct tracked_ring *r = tracker->rings[i];
        if (r && arena_ring_busy(r->ring))
            read_name(r->process, tracker_thread(tracker, r->thread));
    }
}

/* ---- deaths ------------------------------------------------------------------------------------ */

/* The ring's thread is gone and everything was read: frees the slot and its buffer for others. */
static void release_ring(struct tracker *tracker, uint32_t number)
{
    struct tracked_ring *r = tracker->rings[number];
    assert(r && number < tracker->ring_count);
    trim_released(tracker, r);
    tracker_thread(tracker, r->thread)->ended = true;
    tracker_thread(tracker, r->thread)->sweep = tracker->sweep;
    arena_ring_release(tracker->arena, r->ring, r->tail, &tracker->waits, &tracker->waited_ns);
    tracker->rings[number] = NULL;
    map_events_ring_gone(r);
    free(r);
}

/* Releases the rings of threads that announced their end, and have ended. */
static void release_ended_threads(struct tracker *tracker)
{
    for (uint32_t i = 0; i < tracker->ring_count; i++) {
        struct tracked_ring *r = tracker->rings[i];
        if (!r || !arena_ring_last(r->ring))
            continue;
        uint32_t tid = tracker_thread(tracker, r->thread)->tid;
        if (arena_ring_head(r->ring) == r->tail &&
            pids_thread_gone(r->process->facts.pid, r->process->pid_namespace, tid))
            release_ring(tracker, i);
    }
}

static void copy_facts(struct tracked_process *process, const struct arena_death *death)
{
    process->facts.cpu_ns = death->cpu_ns ? death->cpu_ns : process->facts.cpu_ns;
    if (death->peak_rss_bytes > process->facts.peak_rss_bytes)
        process->facts.peak_rss_bytes = death->peak_rss_bytes;
    process->facts.stacks_checked = death->stacks_checked;
    process->facts.stacks_different = death->stacks_different;
    process->facts.stacks_slow = death->stacks_slow;
    process->facts.events_lost = death->events_lost;
    process->facts.stacks_lost = death->stacks_lost;
    process->facts.sampled_allocations = death->sampled_allocations;
    process->facts.sampled_bytes = death->sampled_bytes;
    process->facts.stopped = death->stopped;
}

void tracker_ask(struct tracked_process *process)
{
    struct arena_death so_far;
    if (process->ended)
        return;
    arena_death(process->slot, &so_far);
    copy_facts(process, &so_far);
}

bool tracker_some_live(const struct tracker *tracker)
{
    for (uint32_t i = tracker->first_living; i < tracker->process_count; i++)
        if (!tracker_process(tracker, i)->ended)
            return true;
    return false;
}

/* Ends the time series with what the process left that ended last, not with what was live up to a tenth of
 * a second before. */
static void sample_end(struct tracker *tracker)
{
    if (tracker_some_live(tracker))
        return;
    const struct tracked_process *last = tracker->ended_last;
    assert(last && last->ended);
    const struct point *points = tracker->points.memory;
    uint64_t rss = tracker->point_count ? points[tracker->point_count - 1].rss : 0;
    uint64_t t_ns = last->facts.ended_ns - tracker->arena->started_ns;
    while (tracker->point_count > tracker->points_written && points[tracker->point_count - 1].t_ns >= t_ns)
        tracker->point_count--; /* it had ended, but was not finished yet */
    if (tracker->point_count && points[tracker->point_count - 1].t_ns >= t_ns)
        t_ns = points[tracker->point_count - 1].t_ns + 1;
    struct point *point = GROW_AT(&tracker->points, struct point, tracker->point_count);
    if (!point)
        return;
    tracker->point_count++;
    *point = (struct point){.t_ns = t_ns, .bytes = last->live_bytes, .blocks = last->live_blocks, .rss = rss};
}

/* lives: it only ends for us. before_ns: it had ended by then (CLOCK_MONOTONIC), for processes that did
 * not say when. */
static void end_process(struct tracker *tracker, struct tracked_process *process, bool lives,
                        uint64_t before_ns)
{
    struct arena_death death;
    assert(!process->ended && process->slot);
    /* What the others hold by then is beside what this one gives back now. */
    sweep_before(tracker, arena_ended_ns(process->slot));
    sweep_last(tracker, process);
    assert(process->active_count == 0 && !process->pending); /* everything was read */
    arena_death(process->slot, &death);
    process->facts.ended_ns = death.ended_ns ? death.ended_ns : before_ns;
    if (!lives)
        exit_facts_cpu(process);
    else if (!death.cpu_ns) /* the program that it executes continues counting from there */
        process->facts.cpu_ns = 0;
    copy_facts(process, &death);
    if (!lives)
        exit_facts_status(process, &death);
    process->live_blocks = process->heap.blocks;
    process->live_bytes = process->heap.bytes;
    process->last_peak = ledger_process_ended(&tracker->ledger, &process->heap);
    process->last_mapped_peak = ledger_process_ended(&tracker->mapped, &process->mapped);
    process->ended = true;
    tracker->ends++;
    inherited_end(process);
    if (!tracker->ended_last || process->facts.ended_ns >= tracker->ended_last->facts.ended_ns)
        tracker->ended_last = process;
    sample_end(tracker);
    if (process->pidfd >= 0)
        close(process->pidfd);
    process->pidfd = -1;
    for (uint32_t i = 0; i < tracker->ring_count; i++) {
        if (tracker->rings[i] && tracker->rings[i]->process == process)
            release_ring(tracker, i);
        else if (!tracker->rings[i] && !arena_left(process->slot))
            arena_ring_unclaim(tracker->arena, i, process->slot);
    }
    while (tracker->first_living < tracker->process_count &&
           tracker_process(tracker, tracker->first_living)->ended)
        tracker->first_living++;
}

/* The next image of the same process, for which this one ended with exec; NULL = none. */
static const struct tracked_process *next_image(const struct tracker *tracker,
                                                const struct tracked_process *process)
{
    for (uint32_t i = process->index + 1; i < tracker->process_count; i++) {
        const struct tracked_process *other = tracker_process(tracker, i);
        if (other->facts.pid == process->facts.pid && other->facts.pid &&
            other->facts.flags & WIRE_PROCESS_EXECED)
            return other;
    }
    return NULL;
}

/* True if we see processes of this namespace: then it is ours, or below ours. */
static bool is_visible(const struct tracker *tracker, uint64_t pid_namespace)
{
    for (uint32_t i = 0; i < tracker->process_count; i++) {
        const struct tracked_process *process = tracker_process(tracker, i);
        if (process->pid_namespace == pid_namespace && process->facts.pid)
            return true;
    }
    return false;
}

/* A process of another namespace that had gone, or was not to be seen yet, when its number here was looked for: has it ended, as
 * it says? Found now, it counts as any other. */
static bool is_gone_unseen(const struct tracker *tracker, struct tracked_process *process)
{
    if (!arena_ended_ns(process->slot) || !is_visible(tracker, process->pid_namespace))
        return false;
    enum pids_found found = look_for(tracker, process);
    if (found == PIDS_FOUND)
        watch(process, open_pidfd(process));
    return found == PIDS_NONE;
}

/* A process that we cannot see does not count as living: the arena's mappings still show whether it is
 * there. */
static bool is_gone(const struct tracker *tracker, struct tracked_process *process)
{
    if (process->facts.pid == 0)
        return is_gone_unseen(tracker, process);
    if (process->pidfd >= 0) {
        struct pollfd poll_fd = {.fd = process->pidfd, .events = POLLIN};
        return poll(&poll_fd, 1, 0) > 0 && poll_fd.revents & POLLIN;
    }
    return kill(process->facts.pid, 0) != 0 && errno == ESRCH;
}

/* Frees a slot and its memory once the writer is done with it. */
static void release_slot(struct tracker *tracker, struct tracked_process *process)
{
    assert(process->ended && tracker_written(process) && tracker->by_slot[process->slot->number] == process);
    process->facts.damaged = arena_damages(process->slot) != 0;
    tracker->by_slot[process->slot->number] = NULL;
    arena_release(process->slot);
    process->slot = NULL;
    inherited_close(process);
    map_events_process_gone(process);
    grow_free(&process->site_of_node);
    arena_notes_close(&process->type_notes);
    grow_free(&process->types);
    grow_free(&process->calls);
    grow_free(&process->active);
    free(process->further);
    process->further = NULL;
}

bool tracker_damaged(const struct tracked_process *process)
{
    return process->facts.damaged || (process->slot && arena_damages(process->slot));
}

/* Frees slots of processes that were killed before they had filled them in. */
static void release_unborn(const struct tracker *tracker)
{
    uint32_t slots = arena_processes(tracker->arena);
    for (uint32_t i = 0; i < slots; i++) {
        int pid = arena_claimant(tracker->arena, i);
        if (pid && kill(pid, 0) != 0 && errno == ESRCH)
            arena_release(&tracker->arena->slot[i]);
    }
}

/* Of the processes that said when they ended, the first one after that time; NULL = there is none. */
static struct tracked_process *next_to_end(const struct tracker *tracker, uint64_t *after_ns)
{
    struct tracked_process *next = NULL;
    uint64_t next_ns = UINT64_MAX;
    for (uint32_t i = tracker->first_living; i < tracker->process_count; i++) {
        struct tracked_process *process = tracker_process(tracker, i);
        uint64_t ended_ns = process->ended ? 0 : arena_ended_ns(process->slot);
        if (ended_ns <= *after_ns || ended_ns >= next_ns || arena_left(process->slot) ||
            next_image(tracker, process))
            continue;
        next = process;
        next_ns = ended_ns;
    }
    *after_ns = next_ns;
    return next;
}

bool tracker_reap_first(struct tracker *tracker)
{
    bool some = false;
    uint64_t at_ns = 0;
    tracker_look(tracker);
    struct tracked_process *process;
    /* Only so many, whatever they say: an end that is still to come counts as now, which is later each time. */
    for (uint32_t left = tracker->process_count; left && (process = next_to_end(tracker, &at_ns)); left--)
        if (is_gone(tracker, process)) {
            end_process(tracker, process, false, tracker_clock());
            some = true;
        }
    return some;
}

uint32_t tracker_reap(struct tracker *tracker)
{
    uint32_t living = 0;
    tracker->unwritten = 0;
    release_ended_threads(tracker);
    release_unborn(tracker);
    for (uint32_t i = 0; i < tracker->process_count; i++) {
        struct tracked_process *process = tracker_process(tracker, i);
        if (!process->ended) {
            const struct tracked_process *next = next_image(tracker, process);
            bool lives = next || arena_left(process->slot);
            if (lives || is_gone(tracker, process))
                end_process(tracker, process, lives, next ? next->facts.started_ns : tracker_clock());
            else
                living += process->facts.pid != 0;
        }
        if (process->ended && tracker_written(process) && process->slot)
            release_slot(tracker, process);
        tracker->unwritten += process->slot && process->ended;
    }
    return living;
}

void tracker_end(struct tracker *tracker)
{
    tracker_look(tracker);
    for (uint32_t i = 0; i < tracker->process_count; i++) {
        struct tracked_process *process = tracker_process(tracker, i);
        if (!process->ended)
            end_process(tracker, process, !arena_exiting(process->slot), tracker_clock());
    }
}

void tracker_stop(struct tracker *tracker)
{
    for (uint32_t i = 0; i < tracker->ring_count; i++) {
        struct tracked_ring *r = tracker->rings[i];
        uint64_t limit;
        if (!r)
            continue;
        arena_ring_hold(r->ring, r->tail, &limit); /* at its limit, a thread looks at our state */
        arena_ring_punch(tracker->arena, r->words, 0, WIRE_RING_WORDS);
    }
    for (uint32_t i = 0; i < tracker->process_count; i++) {
        struct tracked_process *process = tracker_process(tracker, i);
        blocks_close(&process->blocks);
        blocks_close(&process->inherited.freed);
        grow_free(&process->site_of_node);
        arena_notes_close(&process->type_notes);
        grow_free(&process->types);
        grow_free(&process->calls);
        free(process->further);
        process->further = NULL;
    }
}

/* ---- moments ----------------------------------------------------------------------------------- */

uint64_t tracker_moment(struct tracker *tracker, uint64_t t_ns)
{
    tracker->moment_ns = t_ns > tracker->moment_ns ? t_ns : tracker->moment_ns + 1;
    return tracker->moment_ns;
}

static struct mark *add_mark(struct tracker *tracker, uint32_t process, uint64_t t_ns)
{
    struct mark *mark = GROW_AT(&tracker->marks, struct mark, tracker->mark_count - tracker->marks_dropped);
    if (!mark)
        return NULL;
    tracker->mark_count++;
    /* What a program says is only used as far as it is possible. */
    uint64_t now_ns = tracker_clock() - tracker->arena->started_ns;
    *mark = (struct mark){.t_ns = tracker_moment(tracker, t_ns < now_ns ? t_ns : now_ns), .process = process};
    return mark;
}

#define MARKS_AT_ONCE 1000u /* that are let go */

void tracker_marks_done(struct tracker *tracker, uint32_t count)
{
    uint32_t done = count < tracker->marks_written ? count : tracker->marks_written;
    if (done < tracker->marks_dropped + MARKS_AT_ONCE)
        return;
    memmove(tracker->marks.memory, tracker_mark_at(tracker, done),
            (tracker->mark_count - done) * sizeof(struct mark));
    tracker->marks_dropped = done;
}

/* This does not restart the search for the highest heap, as a mark does: nobody asks for a part of the run
 * by it. */
void tracker_finalize(struct tracker *tracker, struct tracked_process *process, uint64_t t_ns)
{
    struct mark *mark = process->finalized ? NULL : add_mark(tracker, process->index, t_ns);
    if (!mark)
        return;
    process->finalized = mark->finalize = true;
    mark->sampled = samples_take_process(&tracker->samples, &tracker->ledger, process->index, mark->t_ns);
}

void tracker_mark(struct tracker *tracker, uint32_t process, uint32_t number, uint64_t t_ns)
{
    struct heap *heap = &tracker->ledger.heap;
    struct mark *mark = add_mark(tracker, process, t_ns);
    if (!mark)
        return;
    mark->number = number;
    mark->since_mark_bytes = heap->since_mark_bytes;
    mark->since_mark_blocks = heap->since_mark_blocks;
    mark->sampled = samples_take(&tracker->samples, &tracker->ledger, mark->t_ns, SAMPLES_MARK);
    heap_marked(heap);
}

void tracker_look_at_sites(struct tracker *tracker, uint64_t now_ns, bool quiet)
{
    if (quiet)
        samples_hold(&tracker->samples, now_ns);
    if (samples_due(&tracker->samples, now_ns))
        samples_take(&tracker->samples, &tracker->ledger, tracker_moment(tracker, now_ns), SAMPLES_BETWEEN);
}

/* ---- the time series --------------------------------------------------------------------------- */

#define POINTS_MAX 2000
#define POINT_BOUNDED_NS \
    1000000000ull /* they need not become more rare than this where old ones are thinned */

uint64_t tracker_resident(const struct tracked_process *process)
{
    char path[64], text[128];
    snprintf(path, sizeof path, "/proc/%d/statm", process->facts.pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    unsigned long total, pages = 0;
    text[size > 0 ? size : 0] = '\0';
    if (sscanf(text, "%lu %lu", &total, &pages) != 2)
        return 0;
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* The same, and keeps what else the look at it shows. */
static uint64_t look_at_resident(struct tracked_process *process)
{
    uint64_t bytes = tracker_resident(process);
    exit_facts_cpu_so_far(process, &process->facts.cpu_ns);
    if (bytes > process->facts.peak_rss_bytes)
        process->facts.peak_rss_bytes = bytes;
    return bytes;
}

void tracker_sample(struct tracker *tracker, uint64_t now_ns)
{
    if (now_ns < tracker->next_point_ns || tracker->first_living == tracker->process_count)
        return;
    struct point *point = GROW_AT(&tracker->points, struct point, tracker->point_count);
    if (!point)
        return;
    *point = (struct point){
        .t_ns = now_ns, .bytes = tracker->ledger.heap.bytes, .blocks = tracker->ledger.heap.blocks};
    for (uint32_t i = tracker->first_living; i < tracker->process_count; i++)
        if (!tracker_process(tracker, i)->ended)
            point->rss += look_at_resident(tracker_process(tracker, i));
    if (point->rss > tracker->peak_rss)
        tracker->peak_rss = point->rss;
    tracker->point_count++;
    /* In a long run, points become more and more rare. */
    if (tracker->point_count % POINTS_MAX == 0 &&
        !(tracker->bounded && tracker->point_every_ns >= POINT_BOUNDED_NS))
        tracker->point_every_ns *= 2;
    tracker->next_point_ns = now_ns + tracker->point_every_ns;
}
