/* writer.c - see writer.h. */
#define _GNU_SOURCE
#include "writer_private.h"
#include "attribution.h"
#include "shortage.h"
#include "site_rows.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PROGRESS_NS 250000000ull /* between two reports of progress in looking up symbols */

static void drop_sites(const struct job_site *sites, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(sites[i].site.sizes);
        free(sites[i].site.lifetimes);
    }
}

void job_drop_sites(struct job *job)
{
    drop_sites(job->sites, job->site_count);
    job->site_count = 0;
}

void job_free(struct job *job)
{
    job_drop_sites(job);
    drop_sites(job->mapped, job->mapped_count);
    free(job->processes);
    free(job->threads);
    free(job->sites);
    free(job->mapped);
    free(job->points);
    free(job->marks);
    free(job->samples);
    free(job->moments);
    free(job->events);
    free(job->blocks);
    page_moments_free(job->pages, job->page_count);
    free(job->looks);
    free(job->contents);
    free(job);
}

static void fail(struct writer *w, int code)
{
    w->failed = w->failed ? w->failed : code;
    pthread_mutex_lock(&w->lock);
    if (!w->error[0])
        snprintf(w->error, sizeof w->error, "%s", store_error(w->store));
    pthread_mutex_unlock(&w->lock);
}

void writer_check(struct writer *w, int result)
{
    if (result < 0)
        fail(w, result);
}

/* ---- rows -------------------------------------------------------------------------------------- */

struct intern_process *writer_process(struct writer *w, uint32_t index, struct arena_slot *slot)
{
    struct intern_process *process = GROW_AT(&w->processes, struct intern_process, index);
    if (process && !process->slot) {
        process->slot = slot;
        process->index = index;
    }
    return process;
}

static void add_run(struct writer *w, const struct intern_process *first)
{
    char started[64], *root = strdup(w->database);
    time_t seconds = (time_t)(w->arena->started_real / 1000000000u);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t size = strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(started + size, sizeof started - size, ".%03uZ",
             (unsigned)(w->arena->started_real / 1000000u % 1000u));
    char *slash = root ? strrchr(root, '/') : NULL;
    if (slash)
        *slash = '\0';
    writer_check(w, store_run_add(w->store, first->label ? first->label : "",
                                  first->command ? first->command : "", started, root ? root : "", &w->run));
    free(root);
}

/* Adds the first process early, without its counts: a report made right after the program has ended can
 * name it then. */
static void add_first_process(struct writer *w, const struct intern_process *first)
{
    struct arena_birth birth;
    arena_birth(first->slot, &birth);
    const struct store_process row = {
        .id = 1,
        .pid = birth.pid,
        .parent_pid = birth.parent_pid,
        .command = first->command ? first->command : "",
        .executable = first->executable ? first->executable : "",
        .ended_ns = -1,
    };
    writer_check(w, store_process(w->store, &row));
}

/* When a wrapper (env, nice, a script) has exec'ed the program proper, names the run after that program. */
static void name_run(struct writer *w, const struct job_process *job, const char *label)
{
    const uint32_t flags = WIRE_PROCESS_FIRST | WIRE_PROCESS_EXECED;
    if (!label || job->index <= w->named_by || (job->tracked->facts.flags & flags) != flags)
        return;
    w->named_by = job->index;
    writer_check(w, store_run_label(w->store, label));
}

static void write_process(struct writer *w, const struct job_process *job)
{
    struct intern_process *process = writer_process(w, job->index, job->slot);
    if (!process)
        return;
    intern_notes(&w->intern, process);
    struct store_process row = job->row;
    row.command = process->command ? process->command : "";
    row.executable = process->executable ? process->executable : "";
    writer_check(w, store_process(w->store, &row));
    if (job->unreadable)
        writer_check(w, store_unreadable_process(w->store, job->index + 1));
    name_run(w, job, process->label);
}

uint32_t writer_node(struct writer *w, struct grow *nodes, uint32_t index, uint32_t process_index,
                     uint32_t raw)
{
    uint32_t *known = GROW_AT(nodes, uint32_t, index);
    struct intern_process *process = writer_process(w, process_index, NULL);
    if (known && !*known && process && process->slot)
        *known = intern_node(&w->intern, process, raw) + 1;
    return known && *known ? *known - 1 : WIRE_NODE_ROOT;
}

static uint32_t node_of_site(struct writer *w, uint32_t index, uint32_t process_index, uint32_t raw)
{
    return writer_node(w, &w->site_nodes, index, process_index, raw);
}

static void write_sites(struct writer *w, struct job *job)
{
    struct site_row *ordered =
        SHORTAGE_UNLESS(calloc(job->site_count ? job->site_count : 1, sizeof *ordered));
    uint64_t told_ns = tracker_clock();
    if (!ordered)
        return;
    for (size_t i = 0; i < job->site_count && !w->failed; i++) {
        ordered[i].site = &job->sites[i];
        const struct job_site *site = &job->sites[i];
        uint32_t node = node_of_site(w, site->index, site->site.process, site->site.node);
        ordered[i].key = writer_key(node, site->site.process, site->site.thread);
        if (!job->raw) {
            ordered[i].attribution = attribution_of(&w->intern, node);
            const struct site *counts = &site->site;
            intern_write_type(&w->intern, node, counts->smallest == counts->largest ? counts->largest : 0);
        }
        writer_check(w, w->intern.error);
        if (job->last && !w->failed && tracker_clock() - told_ns > PROGRESS_NS) {
            told_ns = tracker_clock();
            writer_check(w, store_run_phase(w->store, "symbols", (double)i / (double)job->site_count));
            writer_check(w, store_commit(w->store));
            writer_check(w, store_begin(w->store));
        }
    }
    site_rows_sort(ordered, job->site_count);
    struct site_rows sites = {.next = ordered, .end = ordered + job->site_count};
    if (job->site_count && !w->failed)
        writer_check(w, store_sites(w->store, site_rows_next, &sites));
    sites.next = ordered;
    struct store_site_error error;
    while (job->sampling.interval && !w->failed && site_rows_next_error(&sites, &error))
        writer_check(w, store_site_error(w->store, &error));
    for (size_t i = 0; i < sites.fate_count && !w->failed; i++)
        writer_check(w, store_site_fate(w->store, (struct store_site_fate *)sites.fates.memory + i));
    grow_free(&sites.fates);
    free(ordered);
}

/* Writes a row of each kind, with nothing in it where there is none: so a run without is from before they were counted. */
static void write_copies(struct writer *w, const struct job *job)
{
    for (int kind = 0; kind < STORE_COPY_KINDS && !job->raw && !w->failed; kind++) {
        const struct job_copy *copy = &job->copies[kind];
        uint32_t node = copy->copy.site ? node_of_site(w, copy->copy.site, copy->process, copy->node) : 0;
        const struct store_peak_copy row = {.kind = (enum store_copy_kind)kind,
                                            .key = writer_key(node, copy->process, copy->thread),
                                            .old_bytes = (int64_t)copy->copy.old_bytes,
                                            .new_bytes = (int64_t)copy->copy.new_bytes,
                                            .height = (int64_t)copy->copy.height,
                                            .next_height = (int64_t)copy->copy.next_height};
        writer_check(w, store_peak_copy(w->store, &row));
    }
}

static void write_marks(struct writer *w, const struct job *job)
{
    for (size_t i = 0; i < job->mark_count && !w->failed; i++) {
        const struct mark *mark = &job->marks[i];
        const struct intern_process *process = writer_process(w, mark->process, NULL);
        int kind = mark->finalize ? STORE_MARK_FINALIZE : STORE_MARK_NAMED;
        const char *name = mark->number == MARK_ROTATED ? STORE_MARK_ROTATED
                           : process && !mark->finalize ? intern_mark(process, mark->number, &kind)
                                                        : NULL;
        const struct store_mark row = {.id = (int64_t)(job->first_mark + i + 1),
                                       .t_ns = (int64_t)mark->t_ns,
                                       .process = mark->process + 1,
                                       .name = name ? name : "",
                                       .kind = kind,
                                       .sampled = mark->sampled,
                                       .lap_peak_allocations = (int64_t)mark->since_mark_blocks,
                                       .lap_peak_bytes = (int64_t)mark->since_mark_bytes};
        writer_check(w, store_mark(w->store, &row));
    }
}

/* Writes how the sites developed, so that a report can be narrowed to a part of the run. */
static void write_samples(struct writer *w, const struct job *job)
{
    for (size_t i = 0; i < job->sample_count && !w->failed; i++) {
        const struct sample *sample = &job->samples[i];
        const struct store_site_sample row = {
            .t_ns = (int64_t)sample->t_ns,
            .key = writer_key(node_of_site(w, sample->site, sample->process, sample->node), sample->process,
                              sample->thread),
            .change = {.allocations = (int64_t)sample->change.allocations,
                       .bytes = (int64_t)sample->change.bytes,
                       .live_allocations = (int64_t)(sample->change.allocations - sample->change.frees),
                       .live_bytes = (int64_t)(sample->change.bytes - sample->change.freed_bytes),
                       .temporary = (int64_t)sample->change.temporary}};
        writer_check(w, store_site_sample(w->store, &row));
    }
    for (size_t i = 0; i < job->moment_count && !w->failed; i++)
        writer_check(
            w, store_moment(w->store, (int64_t)job->moments[i].t_ns, (int64_t)job->moments[i].until_ns));
}

static void write_events(struct writer *w, const struct job *job, size_t from, size_t to)
{
    static int64_t number;
    for (size_t i = from; i < to && !w->failed; i++) {
        const struct logged_event *event = &job->events[i];
        struct intern_process *process = writer_process(w, event->process, NULL);
        uint32_t node = process && process->slot ? intern_node(&w->intern, process, event->node) : 0;
        writer_check(w, store_event(w->store, ++number, (int64_t)event->t_ns, event->process + 1,
                                    (int)event->tid, event->is_free ? "free" : "alloc",
                                    (int64_t)event->address, (int64_t)event->size, node));
    }
}

#define EVENT_BYTES 64 /* of the file, rather too many */

/* Where the file is limited, a part of the log that is too large for the room beside it goes first, in transactions of its
 * own, between which room is made. Returns how many events were written. */
static size_t write_log_ahead(struct writer *w, const struct job *job)
{
    size_t most = (size_t)w->bounds.most_bytes / 16 / EVENT_BYTES, done = 0;
    if (most == 0 || job->raw)
        return 0;
    for (; job->event_count - done > most && !w->failed; done += most) {
        writer_check(w, store_begin(w->store));
        write_events(w, job, done, done + most);
        if (!w->failed)
            intern_write_nodes(&w->intern);
        writer_check(w, w->intern.error);
        if (!w->failed)
            writer_check(w, store_commit(w->store));
        if (!w->failed)
            writer_check(w, store_thin(w->store, &w->bounds, (int64_t)job->now_ns));
    }
    return done;
}

static void write_blocks(struct writer *w, const struct job *job)
{
    for (size_t i = 0; i < job->block_count && !w->failed; i++) {
        const struct job_block *block = &job->blocks[i];
        struct intern_process *process = writer_process(w, block->process, NULL);
        uint32_t node = process && process->slot ? intern_node(&w->intern, process, block->node) : 0;
        writer_check(w, store_block(w->store, block->process + 1, (int64_t)block->block.address,
                                    (int64_t)block->block.size, node,
                                    (int64_t)(block->block.born * WIRE_TICK_NS)));
    }
}

/* Writes everything of a job except the sites; that is little. */
static void write_facts(struct writer *w, const struct job *job)
{
    for (size_t i = 0; i < job->process_count && !w->failed; i++)
        write_process(w, &job->processes[i]);
    for (size_t i = 0; i < job->thread_count && !w->failed; i++) {
        const struct tracked_thread *thread = &job->threads[i];
        writer_check(w, store_thread(w->store, thread->process + 1, thread->id, (int)thread->tid,
                                     thread->name, (int64_t)thread->allocations, (int64_t)thread->bytes,
                                     (int64_t)thread->frees));
    }
    for (size_t i = 0; i < job->point_count && !w->failed; i++) {
        const struct point *point = &job->points[i];
        writer_check(w, store_sample(w->store, (int64_t)point->t_ns, (int64_t)point->blocks,
                                     (int64_t)point->bytes, (int64_t)point->rss));
    }
    if (!w->failed)
        writer_check(w, store_run_totals(w->store, &job->totals));
    if (!w->failed && job->sampling.interval)
        writer_check(w, store_sampling(w->store, &job->sampling));
    write_marks(w, job);
}

/* True if there is much to write, or a frame that nobody has looked up yet. */
static bool takes_long(struct writer *w, const struct job *job)
{
    bool is_long = job->site_count || job->event_count || job->block_count || job->look_count;
    for (size_t i = 0; i < job->process_count && !is_long; i++) {
        const struct intern_process *process =
            writer_process(w, job->processes[i].index, job->processes[i].slot);
        is_long = process && intern_has_new_frames(process);
    }
    return is_long;
}

/* Looks up what the sites will need without holding the database's lock, so that other collectors do not
 * wait while debug information is read. At the end of the run the totals are written first: readers see at
 * once that it is over, and wait for the rest. Returns true if there was nothing to be done in between: then the
 * transaction is still open. */
static bool prepare(struct writer *w, const struct job *job)
{
    bool at_once = !takes_long(w, job);
    writer_check(w, store_begin(w->store));
    if (job->last && !w->failed) {
        write_facts(w, job);
        if (job->why) /* now, so that it is there should we be killed */
            writer_check(w, store_run_why(w->store, job->why));
        if (!at_once)
            writer_check(w, store_run_phase(w->store, "symbols", 0));
    }
    for (size_t i = 0; i < job->process_count && !w->failed; i++) {
        struct intern_process *process = writer_process(w, job->processes[i].index, job->processes[i].slot);
        if (process)
            intern_notes(&w->intern, process);
    }
    if (at_once)
        return true;
    if (!w->failed)
        writer_check(w, store_commit(w->store));
    for (size_t i = 0; i < job->process_count && !w->failed; i++) {
        struct intern_process *process = writer_process(w, job->processes[i].index, NULL);
        if (process)
            intern_symbols(&w->intern, process);
    }
    writer_name_objects(w, job);
    return false;
}

/* If sites share a row, all of them have to be written together, not only those that have changed. That is
 * known only after a job has written some of them. */
static void find_shared_rows(struct writer *w, const struct job *job)
{
    for (size_t i = 0; i < job->process_count; i++) {
        struct tracked_process *tracked = job->processes[i].tracked;
        const struct intern_process *process = writer_process(w, job->processes[i].index, NULL);
        if (process && process->merged && !tracked->shares_rows) {
            __atomic_store_n(&tracked->shares_rows, true, __ATOMIC_RELAXED);
            w->wants_more = true;
        }
    }
}

/* Writes how the run ended, and what lacked memory or a name since the totals were taken. */
static void write_state(struct writer *w, struct job *job)
{
    struct store_run *t = &job->totals;
    uint64_t shortage = atomic_load(&shortage_count);
    if (shortage != job->shortage || w->intern.unplaced) {
        t->events_lost += (int64_t)(shortage - job->shortage);
        t->stacks_lost += (int64_t)w->intern.unplaced;
        writer_check(w, store_run_totals(w->store, t));
    }
    bool whole = !t->events_lost && !t->damaged && !t->stopped && !t->untraced && !t->stacks_lost;
    if (!w->failed)
        writer_check(w, store_run_state(w->store, job->interrupted || job->why ? "interrupted"
                                                  : whole                      ? "complete"
                                                                               : "incomplete"));
}

/* Marks the run as incomplete, if the database still allows that; otherwise readers notice that the
 * collector is gone. */
static void give_up(struct writer *w)
{
    store_rollback(w->store);
    if (w->failed == -EBUSY || !w->begun || store_begin(w->store) < 0)
        return;
    if (store_run_why(w->store, w->error) < 0 || store_run_state(w->store, "interrupted") < 0 ||
        store_commit(w->store) < 0)
        store_rollback(w->store);
}

static void write_all(struct writer *w, struct job *job)
{
    bool begun = !job->raw && prepare(w, job);
    size_t ahead = write_log_ahead(w, job);
    if (!w->failed && !begun)
        writer_check(w, store_begin(w->store));
    if (!job->last && !w->failed)
        write_facts(w, job);
    if (!w->failed)
        write_sites(w, job);
    write_copies(w, job);
    writer_mapped(w, job);
    write_samples(w, job);
    write_events(w, job, ahead, job->event_count);
    write_blocks(w, job);
    writer_pages(w, job);
    writer_objects(w, job);
    writer_contents(w, job);
    if (!w->failed)
        intern_write_nodes(&w->intern);
    writer_check(w, w->intern.error);
    find_shared_rows(w, job);
    if (job->last && !w->wants_more && !w->failed) {
        writer_check(w, store_line_totals(w->store)); /* not in a live run, where no reader uses them */
        intern_finish(&w->intern);
        writer_check(w, w->intern.error);
        if (!w->failed)
            write_state(w, job);
    }
    if (!w->failed)
        writer_check(w, store_commit(w->store));
}

static void write_job(struct writer *w, struct job *job)
{
    w->wants_more = false;
    write_all(w, job);
    /* A program waits for a raw job. */
    if (!job->raw && !w->failed && (w->bounds.keep_ns || w->bounds.most_bytes))
        writer_check(w, store_thin(w->store, &w->bounds, (int64_t)job->now_ns));
    if (w->failed) {
        w->wants_more = false;
        give_up(w);
    }
    /* After a raw job the sites come again, with their names: notes, frames and nodes are still needed. */
    for (size_t i = 0; i < job->process_count && !job->raw; i++) {
        if (job->processes[i].ended) {
            intern_process_close(writer_process(w, job->processes[i].index, NULL));
            __atomic_store_n(&job->processes[i].tracked->written, true, __ATOMIC_RELEASE);
        }
    }
}

/* ---- the thread -------------------------------------------------------------------------------- */

static void database_is_locked(void *data)
{
    arena_locked(data);
}

/* Opens the database and adds the run's row. */
static bool open_database(struct writer *w)
{
    store_notify_when_locked(database_is_locked, w->arena);
    struct intern_process *process = writer_process(w, 0, &w->arena->slot[0]);
    bool opened = process && store_open(w->database, &w->store) == 0;
    if (opened && intern_open(&w->intern, w->store) && store_begin(w->store) == 0) {
        w->intern.files = w->files;
        intern_identity(process);
        add_run(w, process);
        add_first_process(w, process);
        if (!w->error[0] && store_commit(w->store) == 0)
            return w->begun = true;
    }
    if (w->store)
        fail(w, -EIO);
    if (!w->error[0])
        snprintf(w->error, sizeof w->error, "the collector cannot start: no memory");
    return false;
}

/* The collector may be asleep while a program waits for what was just done. Under the lock, as who finds us idle may map the
 * arena anew, read-only at first (arena_held_by_others()). */
static void wake_collector(struct writer *w)
{
    arena_wake(w->arena);
}

/* Waits for a job, or until then; 0 = a job alone. To be called under the lock. */
static void wait_for_job(struct writer *w, uint64_t until_ns)
{
    const struct timespec until = {(time_t)(until_ns / 1000000000u), (long)(until_ns % 1000000000u)};
    int status = 0;
    while (!w->job && !w->ending && status != ETIMEDOUT)
        status = until_ns ? pthread_cond_clockwait(&w->changed, &w->lock, CLOCK_MONOTONIC, &until)
                          : pthread_cond_wait(&w->changed, &w->lock);
}

/* Gives back what nobody asks for any more. Returns when to do so again, 0 = after the next job. */
static uint64_t let_symbols_rest(struct writer *w)
{
    int freed;
    uint64_t due_ns = symbols_rest(w->intern.symbols, tracker_clock(), &freed);
    if (freed)
        malloc_trim(0);
    return due_ns;
}

static void *run_thread(void *data)
{
    struct writer *w = data;
    bool opened = open_database(w);
    pthread_mutex_lock(&w->lock);
    w->state = opened ? WRITER_READY : WRITER_FAILED;
    pthread_cond_broadcast(&w->changed);
    wake_collector(w);
    pthread_mutex_unlock(&w->lock);
    if (!opened)
        return NULL;
    /* Lets the program go first if it shares the processors with us. */
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
    for (;;) {
        uint64_t due_ns = let_symbols_rest(w);
        pthread_mutex_lock(&w->lock);
        wait_for_job(w, due_ns);
        struct job *job = w->job;
        bool ending = w->ending;
        pthread_mutex_unlock(&w->lock);
        if (!job && ending)
            return NULL;
        if (!job)
            continue;
        uint64_t start = tracker_clock();
        write_job(w, job);
        uint64_t cost_ns = tracker_clock() - start;
        if (job->rotate_ns && !w->failed) /* too rare to be a reason for longer pauses */
            writer_check(w, store_rotate(w->store, job->rotations, (int64_t)job->rotate_ns));
        job_free(job);
        pthread_mutex_lock(&w->lock);
        w->cost_ns = cost_ns;
        assert(w->job == job);
        w->job = NULL;
        if (w->failed || store_lost(w->store))
            w->state = WRITER_FAILED;
        pthread_cond_broadcast(&w->changed);
        wake_collector(w);
        pthread_mutex_unlock(&w->lock);
    }
}

/* Starts it with a stack of fixed size: the default depends on the program's RLIMIT_STACK. */
static bool start_thread(struct writer *w)
{
    const size_t sizes[] = {8u << 20, 1u << 20}; /* the smaller one where address space is short */
    pthread_attr_t attributes;
    bool started = false;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    for (unsigned i = 0; i < 2 && !started; i++)
        started = pthread_attr_setstacksize(&attributes, sizes[i]) == 0 &&
                  pthread_create(&w->thread, &attributes, run_thread, w) == 0;
    pthread_attr_destroy(&attributes);
    return started;
}

struct writer *writer_start(struct arena *arena, const char *database, struct files *files,
                            struct store_bounds bounds)
{
    struct writer *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->arena = arena;
    w->database = database;
    w->files = files;
    w->bounds = bounds;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    if (!start_thread(w)) {
        free(w);
        return NULL;
    }
    return w;
}

enum writer_state writer_state(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    enum writer_state state = w->state;
    pthread_mutex_unlock(&w->lock);
    return state;
}

bool writer_busy(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    bool busy = w->job != NULL || w->state == WRITER_OPENING;
    pthread_mutex_unlock(&w->lock);
    return busy;
}

void writer_wait(struct writer *w, uint64_t ns)
{
    uint64_t end_ns = tracker_clock() + ns;
    const struct timespec end = {(time_t)(end_ns / 1000000000u), (long)(end_ns % 1000000000u)};
    pthread_mutex_lock(&w->lock);
    if (w->job != NULL || w->state == WRITER_OPENING)
        pthread_cond_clockwait(&w->changed, &w->lock, CLOCK_MONOTONIC, &end);
    pthread_mutex_unlock(&w->lock);
}

void writer_post(struct writer *w, struct job *job)
{
    pthread_mutex_lock(&w->lock);
    assert(!w->job && !w->ending); /* only one job at a time */
    w->job = job;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

bool writer_wants_more(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    bool more = w->wants_more;
    pthread_mutex_unlock(&w->lock);
    return more;
}

uint64_t writer_cost(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    uint64_t cost = w->cost_ns;
    pthread_mutex_unlock(&w->lock);
    return cost;
}

const char *writer_error(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    const char *error = w->error[0] ? w->error : NULL;
    pthread_mutex_unlock(&w->lock);
    return error;
}

void writer_end(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    if (w->begun)
        writer_check(w, store_finish(w->store));
    store_close(w->store);
}
