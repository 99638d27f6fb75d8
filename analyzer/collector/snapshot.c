/* snapshot.c - see snapshot.h. */
#define _GNU_SOURCE
#include "snapshot.h"
#include "event_log.h"
#include "populate.h"
#include "shortage.h"
#include "spread.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Sums over sites, for a process or the run. */
struct sums {
    struct store_measures m;
    int64_t frees, freed_bytes;
};

static void add_site(struct sums *sums, const struct site *site)
{
    sums->m.allocations += (int64_t)site->allocations;
    sums->m.bytes += (int64_t)site->bytes;
    sums->m.live_allocations += (int64_t)(site->allocations - site->frees);
    sums->m.live_bytes += (int64_t)(site->bytes - site->freed_bytes);
    sums->m.temporary += (int64_t)site->temporary;
    sums->frees += (int64_t)site->frees;
    sums->freed_bytes += (int64_t)site->freed_bytes;
}

#define RAW_SITES_MAX 10000  /* sites: with more, none are written while a program waits to exit; */
#define RAW_SAMPLES_MAX 2000 /* likewise for samples */
#define POPULATED_SITES 256u /* at once */

static void copy_site(struct job_site *copy, const struct site *site, uint32_t index,
                      uint64_t peak_allocations, uint64_t peak_bytes)
{
    copy->site = *site;
    copy->index = index;
    copy->fate = (struct site_fate){0};
    copy->site.sizes = ledger_copy_histogram(site->sizes);
    copy->site.lifetimes = ledger_copy_histogram(site->lifetimes);
    copy->peak_allocations = peak_allocations;
    copy->peak_bytes = peak_bytes;
    memset(copy->variance, 0, sizeof copy->variance);
}

static void copy_spread(struct job_site *copy, struct spread_known known)
{
    copy->variance[ALL_BLOCKS] = (float)known.all.blocks;
    copy->variance[ALL_BYTES] = (float)known.all.bytes;
    copy->variance[LIVE_BLOCKS] = (float)known.live.blocks;
    copy->variance[LIVE_BYTES] = (float)known.live.bytes;
    copy->variance[PEAK_BLOCKS] = (float)known.peak.blocks;
    copy->variance[PEAK_BYTES] = (float)known.peak.bytes;
}

/* Copies sites whose numbers have changed since they were last written; adds up all sites on the way. */
static bool take_sites(struct tracker *tracker, struct job *job, struct sums *run, struct sums *processes)
{
    struct ledger *ledger = &tracker->ledger;
    bool many = false;
    job->sites = SHORTAGE_UNLESS(malloc((ledger->count + 1) * sizeof *job->sites));
    if (!job->sites)
        return false;
    for (uint32_t i = 1; i <= ledger->count; i++) {
        struct site *site = ledger_site(ledger, i);
        const struct tracked_process *process = tracker_process(tracker, site->process);
        const uint32_t left = ledger->count + 1 - i;
        uint64_t allocations, bytes;
        ledger_at_peak(ledger, site, process->last_peak, &allocations, &bytes);
        add_site(run, site);
        add_site(&processes[site->process], site);
        run->m.peak_allocations += (int64_t)allocations;
        run->m.peak_bytes += (int64_t)bytes;
        struct site_written now = {site_events(site), bytes, allocations};
        struct site_written *written = (struct site_written *)ledger->written.memory + i;
        if (memcmp(written, &now, sizeof now) == 0 &&
            (!now.events || !__atomic_load_n(&process->shares_rows, __ATOMIC_RELAXED)))
            continue;
        *written = now;
        if (job->raw)
            written->events = UINT64_MAX;
        if (job->raw && !many && (many = job->site_count == RAW_SITES_MAX))
            job_drop_sites(job); /* only some of them would be of no use */
        if (many)
            continue;
        if (job->site_count % POPULATED_SITES == 0)
            populate(&job->sites[job->site_count],
                     sizeof *job->sites * (left < POPULATED_SITES ? left : POPULATED_SITES));
        struct job_site *copy = &job->sites[job->site_count++];
        copy_site(copy, site, i, allocations, bytes);
        copy->fate = ledger_fate(ledger, i);
        if (tracker->sample)
            copy_spread(copy, spread_of(ledger, i, process->last_peak));
    }
    struct job_site *fitting = realloc(job->sites, (job->site_count + 1) * sizeof *job->sites);
    job->sites = fitting ? fitting : job->sites;
    return true;
}

static void take_copy(const struct ledger *ledger, const struct peak_copy *copy, struct job_copy *taken)
{
    const struct site *site = ledger_site(ledger, copy->site);
    *taken = (struct job_copy){*copy, site->process, site->node, site->thread};
}

/* Copies at the peak, where there are any. */
static void take_copies(const struct ledger *ledger, struct job *job)
{
    if (ledger_copy_at_peak(ledger))
        take_copy(ledger, &ledger->counted, &job->copies[STORE_COPY_COUNTED]);
    if (ledger->inside.site)
        take_copy(ledger, &ledger->inside, &job->copies[STORE_COPY_INSIDE]);
}

/* The same for mappings, which are not part of what programs have allocated. */
static void take_mapped(struct tracker *tracker, struct job *job)
{
    struct ledger *ledger = &tracker->mapped;
    job->mapped = ledger->count ? SHORTAGE_UNLESS(malloc(ledger->count * sizeof *job->mapped)) : NULL;
    for (uint32_t i = 1; job->mapped && i <= ledger->count; i++) {
        const struct site *site = ledger_site(ledger, i);
        const struct tracked_process *process = tracker_process(tracker, site->process);
        uint64_t allocations, bytes;
        ledger_at_peak(ledger, site, process->last_mapped_peak, &allocations, &bytes);
        copy_site(&job->mapped[job->mapped_count++], site, i, allocations, bytes);
    }
}

/* For asserts: the sites of each process add up to what is live in its heap. If memory ran out, some of it
 * belongs to no site. */
static __attribute__((unused)) bool sums_agree(const struct tracker *tracker, const struct sums *processes)
{
    for (uint32_t i = 0; i < tracker->process_count; i++) {
        const struct heap *heap = &tracker_process(tracker, i)->heap;
        if ((uint64_t)processes[i].m.live_bytes != heap->bytes ||
            (uint64_t)processes[i].m.live_allocations != heap->blocks)
            return atomic_load(&shortage_count) > 0;
    }
    return true;
}

static int64_t since_start(const struct tracker *tracker, uint64_t ns)
{
    return ns > tracker->arena->started_ns ? (int64_t)(ns - tracker->arena->started_ns) : 0;
}

/* When a process ended, -1 while it lives. A process that only waits for us has said when. */
static int64_t end_of(const struct tracker *tracker, const struct tracked_process *process)
{
    if (process->ended)
        return since_start(tracker, process->facts.ended_ns);
    uint64_t said = process->slot ? arena_ended_ns(process->slot) : 0;
    return said ? since_start(tracker, said) : -1;
}

static void take_process(const struct tracker *tracker, struct tracked_process *process,
                         const struct sums *sums, struct job_process *job)
{
    job->index = process->index;
    job->slot = process->slot;
    job->ended = process->ended;
    job->unreadable = process->unreadable;
    job->tracked = process;
    job->row = (struct store_process){
        .id = process->index + 1,
        .pid = process->facts.pid,
        .parent_pid = process->facts.parent_pid,
        .started_ns = since_start(tracker, process->facts.started_ns),
        .ended_ns = end_of(tracker, process),
        .exit_known = process->facts.exit_known,
        .exit_status = process->facts.exit_status,
        .m = sums->m,
        .frees = sums->frees,
        .freed_bytes = sums->freed_bytes,
    };
    job->row.m.peak_allocations = (int64_t)process->heap.peak_blocks;
    job->row.m.peak_bytes = (int64_t)process->heap.peak_bytes;
}

static bool take_processes(struct tracker *tracker, struct job *job, const struct sums *sums)
{
    job->processes = SHORTAGE_UNLESS(calloc(tracker->process_count + 1, sizeof *job->processes));
    if (!job->processes)
        return false;
    for (uint32_t i = 0; i < tracker->process_count; i++) {
        struct tracked_process *process = tracker_process(tracker, i);
        if (!tracker_written(process))
            take_process(tracker, process, &sums[i], &job->processes[job->process_count++]);
    }
    return true;
}

static void *copy_range(const struct grow *array, size_t element, uint32_t first, uint32_t end)
{
    size_t size = (size_t)(end - first) * element;
    void *copy = SHORTAGE_UNLESS(malloc(size ? size : 1));
    if (copy && size)
        memcpy(copy, (const char *)array->memory + first * element, size);
    return copy;
}

/* What is live at the end of the run: of the processes that are still running, together; else of the one
 * that ended last. That is never more than the peak, as the memory of the others was returned to the
 * system before. */
static void take_end(const struct tracker *tracker, struct store_run *totals)
{
    const struct tracked_process *last = tracker->ended_last;
    bool lives = tracker_some_live(tracker);
    if (!lives && !last)
        return;
    totals->end_allocations = (int64_t)(lives ? tracker->ledger.heap.blocks : last->live_blocks);
    totals->end_bytes = (int64_t)(lives ? tracker->ledger.heap.bytes : last->live_bytes);
}

static void take_totals(struct tracker *tracker, struct job *job, const struct sums *run)
{
    struct store_run *totals = &job->totals;
    struct rusage usage;
    totals->m = run->m;
    totals->frees = run->frees;
    totals->freed_bytes = run->freed_bytes;
    totals->wall_ns = (int64_t)job->now_ns;
    totals->peak_ns = (int64_t)tracker->ledger.peak_ns;
    totals->by_thread = tracker->by_thread;
    job->sampling = (struct store_sampling){.interval = tracker->sample, .samples = (int64_t)tracker->taken};
    totals->waits = (int64_t)tracker->waits;
    totals->waited_ns = (int64_t)tracker->waited_ns;
    totals->peak_rss_bytes = (int64_t)tracker->peak_rss;
    int64_t last_end = 0;
    for (uint32_t i = 0; i < tracker->process_count; i++) {
        struct tracked_process *process = tracker_process(tracker, i);
        tracker_ask(process);
        totals->cpu_ns += (int64_t)process->facts.cpu_ns;
        totals->foreign_frees += (int64_t)process->foreign_frees;
        totals->events_lost += (int64_t)process->facts.events_lost;
        totals->stacks_lost += (int64_t)process->facts.stacks_lost;
        job->sampling.allocations += (int64_t)process->facts.sampled_allocations;
        job->sampling.bytes += (int64_t)process->facts.sampled_bytes;
        totals->stopped += process->facts.stopped;
        totals->damaged += tracker_damaged(process);
        totals->stacks_checked += (int64_t)process->facts.stacks_checked;
        totals->stacks_different += (int64_t)process->facts.stacks_different;
        totals->stacks_slow += (int64_t)process->facts.stacks_slow;
        if ((int64_t)process->facts.peak_rss_bytes > totals->peak_rss_bytes)
            totals->peak_rss_bytes = (int64_t)process->facts.peak_rss_bytes;
        int64_t end = process->ended ? since_start(tracker, process->facts.ended_ns) : (int64_t)job->now_ns;
        last_end = end > last_end ? end : last_end;
        /* The exit status of a run is that of its first process, whatever it executed since. */
        if (process->ended && process->facts.exit_known &&
            process->facts.pid == tracker_process(tracker, 0)->facts.pid) {
            totals->exit_known = 1;
            totals->exit_status = process->facts.exit_status;
        }
    }
    totals->events_lost += (int64_t)(job->shortage = atomic_load(&shortage_count));
    totals->untraced = (int64_t)arena_untraced(tracker->arena);
    totals->wall_ns = last_end;
    if (totals->peak_ns > last_end) /* events are counted when they are read, which may be a moment later */
        totals->peak_ns = last_end;
    take_end(tracker, totals);
    totals->taken_ns = (int64_t)(job->now_ns + tracker->arena->started_ns);
    totals->lap_peak_allocations = (int64_t)tracker->ledger.heap.since_mark_blocks;
    totals->lap_peak_bytes = (int64_t)tracker->ledger.heap.since_mark_bytes;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        totals->collector_cpu_ns = ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
                                   ((int64_t)usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

/* Collects the blocks of all processes, as many as the database takes. */
struct taking {
    struct tracker *tracker;
    struct job *job;
    uint32_t process;
};

static void take_block(void *data, const struct block *block)
{
    struct taking *taking = data;
    if (taking->job->block_count == STORE_BLOCKS)
        return;
    taking->job->blocks[taking->job->block_count++] =
        (struct job_block){taking->process, ledger_site(&taking->tracker->ledger, block->site)->node, *block};
}

static void take_blocks(struct tracker *tracker, struct job *job)
{
    job->blocks = SHORTAGE_UNLESS(malloc(STORE_BLOCKS * sizeof *job->blocks));
    for (uint32_t i = 0; job->blocks && i < tracker->process_count; i++) {
        struct taking taking = {tracker, job, i};
        const struct tracked_process *process = tracker_process(tracker, i);
        blocks_each(&process->blocks, take_block, &taking);
    }
}

/* Copies marks, and what sites had counted by then; while a program waits to exit, only if that is little. */
static void take_moments(struct tracker *tracker, struct job *job)
{
    struct samples *samples = &tracker->samples;
    if (job->raw && samples->count > RAW_SAMPLES_MAX)
        return;
    job->first_mark = tracker->marks_written;
    job->marks =
        copy_range(&tracker->marks, sizeof *job->marks, tracker->marks_written - tracker->marks_dropped,
                   tracker->mark_count - tracker->marks_dropped);
    job->mark_count = job->marks ? tracker->mark_count - tracker->marks_written : 0;
    tracker->marks_written = tracker->mark_count;
    job->samples = copy_range(&samples->rows, sizeof *job->samples, 0, samples->count);
    job->sample_count = job->samples ? samples->count : 0;
    samples->count = 0;
    /* The last one written may have been extended since. */
    uint32_t first = samples->moments_written ? samples->moments_written - 1 : 0;
    job->moments = copy_range(&samples->moments, sizeof *job->moments, first, samples->moment_count);
    job->moment_count = job->moments ? samples->moment_count - first : 0;
    if (samples->moment_count) { /* only the last one may change */
        struct moment *moments = samples->moments.memory;
        moments[0] = moments[samples->moment_count - 1];
        samples->moment_count = samples->moments_written = 1;
    }
}

/* When a process has ended all of its events are written, as its stacks will not be known any more. */
static uint64_t settled_events(const struct tracker *tracker, const struct job *job)
{
    for (size_t i = 0; i < job->process_count; i++)
        if (job->last || job->processes[i].ended)
            return tracker->event_count;
    return event_log_settled(tracker);
}

static void take_events(struct tracker *tracker, struct job *job)
{
    uint64_t settled = tracker->event_count ? settled_events(tracker, job) : 0;
    if (settled == 0)
        return;
    job->events = copy_range(&tracker->events, sizeof *job->events, 0, (uint32_t)settled);
    job->event_count = job->events ? settled : 0;
    event_log_forget(tracker, settled);
}

struct job *snapshot_take(struct tracker *tracker, enum snapshot_kind kind, bool blocks)
{
    struct job *job = calloc(1, sizeof *job);
    if (job)
        job->raw = kind == SNAPSHOT_RAW;
    struct sums run = {0}, *processes = calloc(tracker->process_count + 1, sizeof *processes);
    if (!job || !processes || !take_sites(tracker, job, &run, processes) ||
        !take_processes(tracker, job, processes)) {
        free(processes);
        if (job)
            job_free(job);
        return NULL;
    }
    assert(sums_agree(tracker, processes));
    take_mapped(tracker, job);
    take_copies(&tracker->ledger, job);
    job->last = kind == SNAPSHOT_LAST;
    job->now_ns = tracker_moment(tracker, tracker_clock() - tracker->arena->started_ns);
    take_totals(tracker, job, &run);
    free(processes);
    if (tracker->by_thread)
        tracker_name_threads(tracker);
    job->threads = tracker_take_threads(tracker, &job->thread_count);
    job->points =
        copy_range(&tracker->points, sizeof *job->points, tracker->points_written, tracker->point_count);
    job->point_count = job->points ? tracker->point_count - tracker->points_written : 0;
    tracker->points_written = tracker->point_count;
    if (!job->raw)
        samples_take(&tracker->samples, &tracker->ledger, job->now_ns, SAMPLES_SNAPSHOT);
    take_moments(tracker, job);
    take_events(tracker, job);
    if (job->last && blocks)
        take_blocks(tracker, job);
    return job;
}
