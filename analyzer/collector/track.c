/* track.c - see track.h. */
#define _GNU_SOURCE
#include "track.h"
#include "drain.h"

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

static struct tracked_process *add_process(struct tracker *tracker, uint32_t slot_number)
{
    struct tracked_process *process = calloc(1, sizeof *process);
    struct tracked_process **place =
        GROW_AT(&tracker->processes, struct tracked_process *, tracker->process_count);
    if (!process || !place || !blocks_open(&process->blocks)) {
        free(process);
        return NULL;
    }
    *place = process;
    process->slot = &tracker->arena->process[slot_number];
    process->slot_number = slot_number;
    process->index = tracker->process_count++;
    process->last_peak = LEDGER_LIVES;
    process->facts.pid = process->slot->pid;
    process->facts.parent_pid = process->slot->parent_pid;
    process->facts.flags = process->slot->flags;
    process->facts.started_ns = process->slot->started_ns;
    process->pidfd = process->index == 0 && tracker->first_pidfd
                         ? tracker->first_pidfd
                         : (int)syscall(SYS_pidfd_open, process->facts.pid, 0);
    tracker->by_slot[slot_number] = process;
    return process;
}

static struct tracked_process *process_of_slot(struct tracker *tracker, uint32_t slot_number)
{
    struct tracked_process *process = tracker->by_slot[slot_number];
    if (process)
        return process;
    uint32_t state = atomic_load(&tracker->arena->process[slot_number].state);
    if (state == WIRE_PROCESS_FREE || state == WIRE_PROCESS_CLAIMED)
        return NULL;
    return add_process(tracker, slot_number);
}

static void add_ring(struct tracker *tracker, uint32_t number)
{
    struct wire_ring *ring = &tracker->arena->ring[number];
    struct tracked_process *process = process_of_slot(tracker, ring->process);
    struct tracked_thread *thread = GROW_AT(&tracker->threads, struct tracked_thread, tracker->thread_count);
    struct tracked_ring *r = process && thread ? calloc(1, sizeof *r) : NULL;
    if (!r)
        return;
    thread->process = process->index;
    thread->id = ++process->rings_seen;
    thread->tid = ring->tid;
    memcpy(thread->name, ring->name, sizeof thread->name);
    r->ring = ring;
    r->words = (const uint64_t *)((const char *)tracker->arena + atomic_load(&ring->buffer));
    r->process = process;
    r->thread = tracker->thread_count++;
    r->tail = r->far = r->near = atomic_load(&ring->tail);
    r->head = atomic_load(&ring->head);
    tracker->rings[number] = r;
}

void tracker_look(struct tracker *tracker)
{
    uint32_t slots = atomic_load(&tracker->arena->processes);
    for (uint32_t i = 0; i < slots; i++)
        process_of_slot(tracker, i);
    slots = atomic_load(&tracker->arena->rings);
    for (uint32_t i = 0; i < slots; i++) {
        uint32_t state = atomic_load_explicit(&tracker->arena->ring[i].state, memory_order_acquire);
        if (!tracker->rings[i] && (state == WIRE_RING_BUSY || state == WIRE_RING_LAST))
            add_ring(tracker, i);
    }
}

static void read_name(const struct tracked_process *process, struct tracked_thread *thread)
{
    char path[64], name[sizeof thread->name];
    snprintf(path, sizeof path, "/proc/%d/task/%u/comm", process->facts.pid, thread->tid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    ssize_t size = read(file, name, sizeof name); /* and a newline */
    close(file);
    if (size <= 0)
        return;
    memset(thread->name, 0, sizeof thread->name);
    memcpy(thread->name, name, (size_t)size - 1);
}

/* Many a thread gets its name when it has allocated already. */
void tracker_name_threads(struct tracker *tracker)
{
    uint32_t slots = atomic_load(&tracker->arena->rings);
    for (uint32_t i = 0; i < slots; i++) {
        const struct tracked_ring *r = tracker->rings[i];
        if (r && atomic_load(&r->ring->state) == WIRE_RING_BUSY)
            read_name(r->process, tracker_thread(tracker, r->thread));
    }
}

/* ---- deaths ------------------------------------------------------------------------------------ */

/* The ring's thread is gone and everything was read: the slot and its buffer are for somebody else. */
static void release_ring(struct tracker *tracker, uint32_t number)
{
    struct tracked_ring *r = tracker->rings[number];
    tracker->waits += atomic_exchange(&r->ring->waits, 0);
    tracker->waited_ns += atomic_exchange(&r->ring->waited_ns, 0);
    tracker->rings[number] = NULL;
    free(r);
    atomic_store(&tracker->arena->ring[number].state, WIRE_RING_FREE);
}

/* Threads that said that they are ending, and have. */
static void release_ended_threads(struct tracker *tracker)
{
    uint32_t slots = atomic_load(&tracker->arena->rings);
    for (uint32_t i = 0; i < slots; i++) {
        struct tracked_ring *r = tracker->rings[i];
        if (!r || atomic_load(&r->ring->state) != WIRE_RING_LAST)
            continue;
        if (syscall(SYS_tgkill, r->process->facts.pid, r->ring->tid, 0) != 0 && errno == ESRCH &&
            atomic_load(&r->ring->head) == r->tail)
            release_ring(tracker, i);
    }
}

/* Exit information of a process that somebody else waits for: Linux 6.15 keeps it with the pidfd. */
struct exit_info {
    uint64_t mask, cgroup;
    uint32_t pid, tgid, ppid, ids[8];
    int32_t exit_code;
    uint32_t reserved[16];
};
#define EXIT_INFO_MASK (1ull << 3)
#define EXIT_INFO_IOCTL _IOC(_IOC_READ | _IOC_WRITE, 0xff, 11, 64)

static bool exit_from_pidfd(int pidfd, int *status)
{
    struct exit_info info;
    memset(&info, 0, sizeof info);
    info.mask = EXIT_INFO_MASK;
    if (ioctl(pidfd, EXIT_INFO_IOCTL, &info) != 0 || !(info.mask & EXIT_INFO_MASK))
        return false;
    *status = info.exit_code;
    return true;
}

/* Older kernels: the last field of /proc/PID/stat, as long as the process is a zombie. */
static bool exit_from_proc(int pid, int *status)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    const char *state = strrchr(text, ')'), *last = strrchr(text, ' ');
    if (!state || !last || (state[2] != 'Z' && state[2] != 'X'))
        return false;
    *status = atoi(last + 1);
    return true;
}

static void find_exit_status(struct tracked_process *process)
{
    int status;
    /* The pidfd knows it once the process was waited for, /proc until then: which may be between two looks.
     */
    if ((process->pidfd >= 0 && exit_from_pidfd(process->pidfd, &status)) ||
        exit_from_proc(process->facts.pid, &status) ||
        (process->pidfd >= 0 && exit_from_pidfd(process->pidfd, &status))) {
        process->facts.exit_known = true;
        process->facts.exit_status = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    } else if (atomic_load(&process->slot->exit_known)) {
        process->facts.exit_known = true;
        process->facts.exit_status = atomic_load(&process->slot->exit_status);
    }
}

static void copy_facts(struct tracked_process *process)
{
    struct wire_process *slot = process->slot;
    process->facts.ended_ns = atomic_load(&slot->ended_ns);
    process->facts.cpu_ns = slot->cpu_ns ? slot->cpu_ns : process->facts.cpu_ns;
    if (slot->peak_rss_bytes > process->facts.peak_rss_bytes)
        process->facts.peak_rss_bytes = slot->peak_rss_bytes;
    process->facts.stacks_checked = atomic_load(&slot->stacks_checked);
    process->facts.stacks_different = atomic_load(&slot->stacks_different);
    process->facts.stacks_slow = atomic_load(&slot->stacks_slow);
    process->facts.events_lost = atomic_load(&slot->events_lost);
}

/* The time series ends with what was left, not with what was there up to a tenth of a second before. */
static void sample_end(struct tracker *tracker, const struct tracked_process *process)
{
    for (uint32_t i = tracker->first_living; i < tracker->process_count; i++)
        if (tracker_process(tracker, i) != process && !tracker_process(tracker, i)->ended)
            return; /* the run goes on */
    const struct point *points = tracker->points.memory;
    uint64_t rss = tracker->point_count ? points[tracker->point_count - 1].rss : 0;
    uint64_t t_ns = process->facts.ended_ns - tracker->arena->started_ns;
    if (tracker->point_count && points[tracker->point_count - 1].t_ns >= t_ns)
        t_ns = points[tracker->point_count - 1].t_ns + 1;
    struct point *point = GROW_AT(&tracker->points, struct point, tracker->point_count);
    if (!point)
        return;
    tracker->point_count++;
    *point = (struct point){
        .t_ns = t_ns, .bytes = tracker->ledger.heap.bytes, .blocks = tracker->ledger.heap.blocks, .rss = rss};
}

static void end_process(struct tracker *tracker, struct tracked_process *process, bool lives)
{
    drain_last(tracker, process);
    copy_facts(process);
    if (!process->facts.ended_ns)
        process->facts.ended_ns = tracker_clock();
    if (!lives)
        find_exit_status(process);
    sample_end(tracker, process);
    process->live_blocks = process->heap.blocks;
    process->live_bytes = process->heap.bytes;
    process->last_peak = ledger_process_ended(&tracker->ledger, &process->heap);
    process->ended = true;
    if (process->pidfd >= 0)
        close(process->pidfd);
    process->pidfd = -1;
    uint32_t slots = atomic_load(&tracker->arena->rings);
    for (uint32_t i = 0; i < slots; i++)
        if (tracker->rings[i] && tracker->rings[i]->process == process)
            release_ring(tracker, i);
    while (tracker->first_living < tracker->process_count &&
           tracker_process(tracker, tracker->first_living)->ended)
        tracker->first_living++;
}

/* A newer image of the same process: the older one ended with its exec. */
static bool replaced_by_exec(struct tracker *tracker, const struct tracked_process *process)
{
    for (uint32_t i = process->index + 1; i < tracker->process_count; i++) {
        const struct tracked_process *other = tracker_process(tracker, i);
        if (other->facts.pid == process->facts.pid && other->facts.flags & WIRE_PROCESS_EXECED)
            return true;
    }
    return false;
}

static bool is_gone(const struct tracked_process *process)
{
    if (process->pidfd >= 0) {
        struct pollfd poll_fd = {.fd = process->pidfd, .events = POLLIN};
        return poll(&poll_fd, 1, 0) > 0;
    }
    return kill(process->facts.pid, 0) != 0 && errno == ESRCH;
}

/* Lives on, but is traced no more: nothing of it is in the arena. */
static bool has_left(const struct tracked_process *process)
{
    return atomic_load(&process->slot->state) >= WIRE_PROCESS_EXITING &&
           process->slot->flags & WIRE_PROCESS_DETACHED;
}

void tracker_punch(struct tracker *tracker, uint64_t offset, uint64_t size)
{
    if (fallocate(tracker->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size) !=
        0)
        memset((char *)tracker->arena + offset, 0, size);
}

/* Gives a slot and its memory back once the writer is through with it. */
static void release_slot(struct tracker *tracker, struct tracked_process *process)
{
    struct wire_arena *arena = tracker->arena;
    struct wire_process *slot = process->slot;
    struct {
        _Atomic uint64_t *segments;
        unsigned count;
        size_t first;
        unsigned shift;
    } kinds[] = {
        {slot->frame_segment, WIRE_FRAME_SEGMENTS, WIRE_FRAMES_FIRST * sizeof(struct wire_frame), 1},
        {slot->node_segment, WIRE_NODE_SEGMENTS, WIRE_NODES_FIRST * sizeof(uint64_t), 1},
        {slot->note_segment, WIRE_NOTE_SEGMENTS, WIRE_CHUNK_SIZE, 1},
    };
    for (unsigned kind = 0; kind < 3; kind++) {
        for (unsigned k = 0; k < kinds[kind].count; k++) {
            uint64_t offset = atomic_load(&kinds[kind].segments[k]);
            if (!offset)
                continue;
            size_t size = kinds[kind].first << (kinds[kind].shift * k);
            tracker_punch(tracker, offset, size);
            uint64_t chunk = offset >> WIRE_CHUNK_SHIFT, end = chunk + ((size - 1) >> WIRE_CHUNK_SHIFT);
            for (; chunk <= end; chunk++)
                atomic_fetch_and(&arena->chunk_map[chunk / 64], ~(1ull << chunk % 64));
        }
    }
    process->slot = NULL;
    tracker->by_slot[process->slot_number] = NULL;
    memset((char *)slot + sizeof slot->state, 0, sizeof *slot - sizeof slot->state);
    atomic_store(&slot->state, WIRE_PROCESS_FREE);
    blocks_close(&process->blocks);
    grow_free(&process->site_of_node);
    grow_free(&process->active);
}

uint32_t tracker_reap(struct tracker *tracker)
{
    uint32_t living = 0;
    tracker->unwritten = 0;
    release_ended_threads(tracker);
    for (uint32_t i = 0; i < tracker->process_count; i++) {
        struct tracked_process *process = tracker_process(tracker, i);
        if (!process->ended) {
            bool lives = has_left(process) || replaced_by_exec(tracker, process);
            if (lives || is_gone(process))
                end_process(tracker, process, lives);
            else
                living++;
        }
        if (process->ended && process->written && process->slot)
            release_slot(tracker, process);
        tracker->unwritten += process->slot && process->ended;
    }
    return living;
}

/* ---- moments ----------------------------------------------------------------------------------- */

uint64_t tracker_moment(struct tracker *tracker, uint64_t t_ns)
{
    tracker->moment_ns = t_ns > tracker->moment_ns ? t_ns : tracker->moment_ns + 1;
    return tracker->moment_ns;
}

void tracker_mark(struct tracker *tracker, uint32_t process, uint32_t number, uint64_t t_ns)
{
    struct mark *mark = GROW_AT(&tracker->marks, struct mark, tracker->mark_count);
    struct heap *heap = &tracker->ledger.heap;
    if (!mark)
        return;
    tracker->mark_count++;
    /* What a program says is believed only as far as it can be. */
    uint64_t now_ns = tracker_clock() - tracker->arena->started_ns;
    *mark = (struct mark){.t_ns = tracker_moment(tracker, t_ns < now_ns ? t_ns : now_ns),
                          .process = process,
                          .number = number,
                          .lap_bytes = heap->lap_bytes,
                          .lap_blocks = heap->lap_blocks};
    mark->sampled = samples_take(&tracker->samples, &tracker->ledger, mark->t_ns, true);
    heap_lap(heap);
}

/* ---- the time series --------------------------------------------------------------------------- */

#define POINTS_MAX 2000

static uint64_t resident(struct tracked_process *process)
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
    uint64_t bytes = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
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
            point->rss += resident(tracker_process(tracker, i));
    if (point->rss > tracker->peak_rss)
        tracker->peak_rss = point->rss;
    tracker->point_count++;
    /* Fewer and fewer of them in a long run. */
    if (tracker->point_count % POINTS_MAX == 0)
        tracker->point_every_ns *= 2;
    tracker->next_point_ns = now_ns + tracker->point_every_ns;
}
