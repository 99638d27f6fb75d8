/* page_walks.c - see page_walks.h. */
#define _GNU_SOURCE
#include "page_walks.h"
#include "blocks_page.h"
#include "shortage.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

_Static_assert(RESIDENCE_PARTS == (int)PAGES_PARTS && RESIDENCE_TRACER == (int)PAGES_TRACER,
               "the same parts");

#define STEP_BYTES ((uint64_t)4 << 20) /* bytes of pages with blocks between two looks at the clock */
#define STEP_NS 1500000ull
#define SHARE 100               /* walks that no command requested take at most 1/SHARE of the run's time; */
#define LOOKS_SHARE 200         /* looks at blocks 1/LOOKS_SHARE, in each walk; */
#define CONTENTS_PART 4         /* a quarter of that are looks at their contents; */
#define END_SHARE 50            /* walks at a process's end and at marks 1/END_SHARE; */
#define SAMPLED_SHARE 400       /* of a sampled run, which is to cost little, 1/SAMPLED_SHARE */
#define END_MOST_NS 30000000ull /* a process does not wait longer than this for its last walk */
#define WALK_LEAST_NS 400000ull /* expected cost of a walk, plus 1 ns for every BYTES_A_NS resident bytes */
#define BYTES_A_NS 5
#define HIGHER 8                         /* a new high is at least an eighth higher, */
#define HIGHER_LEAST ((uint64_t)2 << 20) /* and by at least this many bytes */

#define MARKS_AT_ONCE 16
#define MARK_NS 100000000ull /* in a row of marks, one more may be walked each time this has passed */

/* After this, a process without a known resident size is not merely starting: it cannot be read. */
#define UNSEEN_NS 500000000ull

/* CPU time of this thread: wall time would include waiting for a busy processor. */
static uint64_t own_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- one process ------------------------------------------------------------------------------ */

_Static_assert(sizeof(struct residence_block) == sizeof(struct block) &&
                   offsetof(struct residence_block, address) == offsetof(struct block, address) &&
                   offsetof(struct residence_block, size) == offsetof(struct block, size) &&
                   offsetof(struct residence_block, owner) == offsetof(struct block, site),
               "listed without a copy");

static size_t blocks_of(void *data, uint64_t *from, uint64_t to, struct residence_block *out, size_t room)
{
    struct page_walk *walk = data;
    size_t count = inherited_range(walk->looked_at, from, to, (struct block *)out, room);
    object_looks_list(walk->looks, (const struct block *)out, count);
    if (walk->looked_at->inherited.from && walk->residence.page_present)
        content_looks_list(walk->contents, (const struct block *)out, count);
    return count;
}

static void page_of(void *data, uint64_t page, struct page_blocks *list)
{
    struct page_walk *walk = data;
    blocks_page(&walk->looked_at->blocks, page, list);
    object_looks_page(walk->looks, page, list);
    if (walk->residence.page_present)
        content_looks_page(walk->contents, page, list);
}

/* Finds the first piece of libtrace's own memory that ends behind an address. */
static bool next_piece(const struct page_walk *walk, uint64_t from, struct residence_map *map)
{
    for (size_t i = 0; i < walk->piece_count; i++) {
        const struct arena_piece *piece = &walk->pieces[i];
        if (piece->end > from) {
            *map = (struct residence_map){piece->start, piece->end, RESIDENCE_TRACERS};
            return true;
        }
    }
    return false;
}

/* Lists the ranges that the process, or libtrace inside it, has mapped. */
static size_t maps_of(void *data, uint64_t *from, uint64_t to, struct residence_map *out, size_t room)
{
    const struct page_walk *walk = data;
    size_t count = 0;
    while (count < room) {
        struct map_range range;
        struct residence_map next, piece;
        bool some = map_ranges_next(&walk->looked_at->maps, *from, &range);
        if (some)
            next = (struct residence_map){range.start, range.end, range.origin->owner};
        if (next_piece(walk, *from, &piece) && (!some || piece.start <= next.start)) {
            next = piece;
            some = true;
        }
        if (!some || next.start >= to)
            break;
        out[count++] = next;
        *from = next.end;
    }
    if (count < room)
        *from = to;
    return count;
}

static const char *why_not(int error)
{
    switch (-error) {
    case EACCES:
    case EPERM:
        return "the kernel does not let the collector look at the pages of this process: it has changed its "
               "user, has "
               "file capabilities, or has forbidden it (PR_SET_DUMPABLE)";
    case ENOMEM:
        return "the collector had no memory to look at the pages of this process";
    default:
        return "there is no /proc, or it does not show this process";
    }
}

#define SAMPLED                                                                                            \
    "the run is sampled: not all blocks that are live are known, so the allocator's pages cannot be told " \
    "apart by line"
#define ALLOCATORS "the allocator's: blocks, and what is free beside them"

/* Returns 0 or -errno. */
static int begin_process(struct page_walk *walk, struct tracker *tracker, struct tracked_process *process)
{
    struct page_moment *now = &walk->now;
    now->process = process->index;
    walk->began_ns = tracker_clock();
    now->t_ns = walk->began_ns - tracker->arena->started_ns;
    now->missing = tracker->sample ? SAMPLED : NULL;
    if (tracker->sample && now->kind != STORE_PAGES_ASKED && now->kind != STORE_PAGES_END)
        return -ENODATA;
    int status = residence_begin(&walk->residence, process->facts.pid, tracker->ledger.count + 1);
    walk->looked_at = process;
    walk->piece_count = arena_pieces(process->slot, walk->pieces);
    if (status == 0 && !process->inherited.from)
        residence_pages(&walk->residence, page_of);
    if (status == 0)
        residence_maps(&walk->residence, maps_of, walk, tracker->mapped.count + 1);
    if (status < 0)
        now->missing = why_not(status);
    return status;
}

/* What the allocator has of a process. Of a sampled run that is all that is known of it: a page with a block that was taken
 * has others. */
static uint64_t of_allocator(const struct residence *r)
{
    return r->part[RESIDENCE_LIVE] + r->part[RESIDENCE_ROUNDING] + r->part[RESIDENCE_PINNED] +
           r->part[RESIDENCE_FREE];
}

static bool copy_shares(struct page_moment *now, const struct residence *r, const struct tracker *tracker)
{
    size_t count = 0;
    uint32_t owners = tracker->sample ? 0 : r->owner_count;
    for (uint32_t site = 0; site < owners; site++)
        for (int i = 0; i < RESIDENCE_OWNED; i++)
            count += r->owners[site].bytes[i] != 0;
    for (uint32_t site = 0; site < r->map_owner_count; site++)
        count += r->map_owners[site].bytes != 0;
    now->shares = SHORTAGE_UNLESS(malloc((count + 1) * sizeof *now->shares));
    if (!now->shares)
        return false;
    for (uint32_t site = 0; site < owners; site++)
        for (int i = 0; i < RESIDENCE_OWNED; i++)
            if (r->owners[site].bytes[i])
                now->shares[now->share_count++] =
                    (struct page_share){.site = site,
                                        .process = ledger_site(&tracker->ledger, site)->process,
                                        .node = ledger_site(&tracker->ledger, site)->node,
                                        .part = residence_owned_part(i),
                                        .bytes = r->owners[site].bytes[i],
                                        .blocks = r->owners[site].blocks[i]};
    for (uint32_t site = 0; site < r->map_owner_count; site++)
        if (r->map_owners[site].bytes)
            now->shares[now->share_count++] =
                (struct page_share){.site = site,
                                    .mapped = true,
                                    .process = ledger_site(&tracker->mapped, site)->process,
                                    .node = ledger_site(&tracker->mapped, site)->node,
                                    .part = PAGES_MAPPED,
                                    .bytes = r->map_owners[site].bytes,
                                    .blocks = r->map_owners[site].maps};
    return true;
}

/* Names memory that no recorded call has mapped. */
static const char *name_of(const struct residence_name *name, const struct tracked_process *process)
{
    if (name->part != RESIDENCE_MAPPED || *name->name)
        return name->name;
    return process->facts.flags & WIRE_PROCESS_ATTACHED ? "mapped before the trace, or by libc and loader"
                                                        : "libc, loader, or by bare system calls";
}

static bool add_name(struct page_moment *now, int part, const char *name, uint64_t bytes)
{
    char *copy = SHORTAGE_UNLESS(strdup(name));
    if (copy)
        now->names[now->name_count++] = (struct page_name){part, copy, bytes};
    return copy != NULL;
}

static bool copy_names(struct page_moment *now, const struct residence *r,
                       const struct tracked_process *process, bool sampled)
{
    now->names = SHORTAGE_UNLESS(calloc(r->name_count + 2, sizeof *now->names));
    bool fine = now->names != NULL;
    for (size_t i = 0; fine && i < r->name_count; i++)
        if (!sampled || r->names[i].part != RESIDENCE_FREE)
            fine = add_name(now, r->names[i].part, name_of(&r->names[i], process), r->names[i].bytes);
    return fine && (!sampled || add_name(now, PAGES_OTHER, ALLOCATORS, of_allocator(r)));
}

static void free_moment(struct page_moment *moment)
{
    for (size_t i = 0; i < moment->name_count; i++)
        free(moment->names[i].name);
    free(moment->names);
    free(moment->shares);
    moment->names = NULL;
    moment->shares = NULL;
    moment->name_count = moment->share_count = 0;
}

void page_moments_free(struct page_moment *moments, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free_moment(&moments[i]);
    free(moments);
}

/* Passes what was found in a process on to the writer. */
static void hand_over(struct page_walks *walks, struct page_walk *walk)
{
    struct page_moment *now = &walk->now;
    struct page_moment *done = GROW_AT(&walks->done, struct page_moment, walks->done_count);
    if (!done) {
        free_moment(now);
        return;
    }
    *done = *now;
    walks->done_count++;
    if (now->kind == STORE_PAGES_HIGH)
        walks->high = now->number;
    now->names = NULL;
    now->shares = NULL;
    now->name_count = now->share_count = 0;
    now->forget = 0; /* it replaces the earlier moment once */
}

/* Records a process whose pages could not be read: its resident size, if known, and the reason. */
static void note_missing(struct page_walks *walks, struct page_walk *walk,
                         const struct tracked_process *process)
{
    struct page_moment *now = &walk->now;
    now->pss = now->untouched = now->swapped = now->took_ns = 0;
    now->resident = tracker_resident(process); /* 0 = not known either: only the reason is recorded */
    now->names = now->resident ? SHORTAGE_UNLESS(calloc(1, sizeof *now->names)) : NULL;
    char *no_name = now->names ? SHORTAGE_UNLESS(strdup("")) : NULL;
    if (no_name)
        now->names[now->name_count++] = (struct page_name){PAGES_OTHER, no_name, now->resident};
    if (no_name || !now->resident)
        hand_over(walks, walk);
    else
        free_moment(now);
    now->missing = NULL;
}

/* True if a process that could not be read, for this reason, has lost its memory by ending, not because /proc
 * is missing or hides it. */
static bool has_ended(const struct tracked_process *process, int error)
{
    char path[64];
    struct pollfd end = {.fd = process->pidfd, .events = POLLIN};
    if (error != -ESRCH && error != -ENOENT)
        return false;
    snprintf(path, sizeof path, "/proc/%d/stat", process->facts.pid);
    return access(path, F_OK) == 0 || (process->pidfd >= 0 && poll(&end, 1, 0) > 0);
}

/* Passes a finished walk on to the writer, unless the process ended during it. */
static void finish_process(struct page_walks *walks, struct page_walk *walk, const struct tracker *tracker)
{
    struct page_moment *now = &walk->now;
    struct residence *r = &walk->residence;
    now->took_ns = tracker_clock() - walk->began_ns;
    now->resident = r->resident;
    now->pss = r->pss;
    now->swapped = r->swapped;
    now->untouched = tracker->sample ? 0 : r->part[RESIDENCE_UNTOUCHED];
    if (r->error == 0 && copy_shares(now, r, tracker) &&
        copy_names(now, r, walk->looked_at, tracker->sample != 0)) {
        hand_over(walks, walk);
    } else {
        free_moment(now);
        if (r->error != 0 && !has_ended(walk->looked_at, r->error)) {
            now->missing = why_not(r->error);
            note_missing(walks, walk, walk->looked_at);
        }
    }
    residence_end(r);
}

/* ---- moments ---------------------------------------------------------------------------------- */

/* run_ns: how old the run is; looks at blocks take a share of it only. */
static void begin(struct page_walks *walks, struct page_walk *walk, enum store_page_kind kind,
                  uint64_t run_ns)
{
    *walk = (struct page_walk){.running = true,
                               .now = {.number = ++walks->moments, .kind = kind},
                               .looks = &walks->looks,
                               .contents = &walks->contents};
    uint64_t looks_ns = run_ns / LOOKS_SHARE, contents_ns = looks_ns / CONTENTS_PART;
    object_looks_begin(&walks->looks, looks_ns - contents_ns);
    content_looks_begin(&walks->contents, contents_ns);
    if (kind == STORE_PAGES_HIGH) /* only the latest high is kept */
        walk->now.forget = walks->high;
}

void page_walks_ask(struct page_walks *walks)
{
    if (!walks->under_way.running)
        begin(walks, &walks->under_way, STORE_PAGES_ASKED, UINT64_MAX);
    else if (walks->under_way.now.kind != STORE_PAGES_ASKED)
        walks->asked = true;
}

/* How old the run has to be for a walk of that many bytes to fit into its share of the time. */
static uint64_t due_ns(const struct page_walks *walks, uint64_t bytes, unsigned share)
{
    return (walks->spent_ns + WALK_LEAST_NS + bytes / BYTES_A_NS) * share;
}

static bool has_time(const struct page_walks *walks, uint64_t bytes, uint64_t now_ns, unsigned share)
{
    return due_ns(walks, bytes, share) <= now_ns;
}

/* When a mark may be walked: of marks in quick succession the first few are, then one every MARK_NS. */
static uint64_t mark_due_ns(const struct page_walks *walks, uint64_t bytes)
{
    const uint64_t at_once_ns = (MARKS_AT_ONCE - 1) * MARK_NS;
    uint64_t due = due_ns(walks, bytes, END_SHARE);
    return due + at_once_ns > walks->marks_used_ns ? due : walks->marks_used_ns - at_once_ns;
}

static bool may_look(const struct tracker *tracker)
{
    return tracker->point_count != 0 && !tracker->sparing;
}

static uint64_t resident_lately(const struct tracker *tracker)
{
    return ((const struct point *)tracker->points.memory)[tracker->point_count - 1].rss;
}

/* Releases programs that wait for a mark to be looked at, and says from when on marks are looked at, so
 * that programs do not wait before. */
static void tell_marks(struct page_walks *walks, struct tracker *tracker)
{
    arena_marks_wait(tracker->arena, may_look(tracker) ? mark_due_ns(walks, resident_lately(tracker)) : 0);
    for (; walks->marks_told < walks->marks_seen; walks->marks_told++) {
        const struct mark *mark = tracker_mark_at(tracker, walks->marks_told);
        const struct tracked_process *process = tracker_process(tracker, mark->process);
        if (!mark->finalize && mark->number != MARK_ROTATED && process->slot)
            arena_mark_seen(process->slot, mark->number);
    }
    tracker_marks_done(tracker, walks->marks_told);
}

void page_walks_look(struct page_walks *walks, struct tracker *tracker, uint64_t now_ns)
{
    if (walks->under_way.running)
        return;
    if (!may_look(tracker)) {
        walks->marks_seen = tracker->mark_count;
        return;
    }
    uint64_t resident = resident_lately(tracker);
    if (tracker->mark_count != walks->marks_seen) {
        walks->marks_seen = tracker->mark_count;
        uint64_t mark_ns = tracker_clock() - tracker->arena->started_ns;
        if (mark_due_ns(walks, resident) <= mark_ns) {
            begin(walks, &walks->under_way, STORE_PAGES_MARK, mark_ns);
            walks->under_way.now.mark = tracker->mark_count;
            walks->marks_used_ns =
                (walks->marks_used_ns > mark_ns ? walks->marks_used_ns : mark_ns) + MARK_NS;
        }
    } else if (resident > walks->highest + walks->highest / HIGHER + HIGHER_LEAST &&
               has_time(walks, resident, now_ns, SHARE)) {
        walks->highest = resident;
        begin(walks, &walks->under_way, STORE_PAGES_HIGH, now_ns);
    } else if (resident == 0 && walks->moments == 0 && now_ns > UNSEEN_NS) {
        begin(walks, &walks->under_way, STORE_PAGES_HIGH, now_ns);
    }
}

/* Returns the next living process, from walk->process on; NULL = there is none. */
static struct tracked_process *next_process(struct page_walk *walk, const struct tracker *tracker)
{
    if (walk->process < tracker->first_living)
        walk->process = tracker->first_living;
    for (; walk->process < tracker->process_count; walk->process++)
        if (!tracker_process(tracker, walk->process)->ended)
            return tracker_process(tracker, walk->process);
    return NULL;
}

/* Continues with one process; true when it is finished. */
static bool step_process(struct page_walks *walks, struct page_walk *walk, struct tracker *tracker,
                         struct tracked_process *process, uint64_t until_ns)
{
    if (!walk->open) {
        int status = begin_process(walk, tracker, process);
        if (status < 0) {
            if (!has_ended(process, status))
                note_missing(walks, walk, process);
            walk->now.missing = NULL;
            return true;
        }
        walk->open = true;
    }
    bool through;
    residence_owners(&walk->residence, tracker->ledger.count + 1, tracker->mapped.count + 1);
    object_looks_at(walk->looks, process, &tracker->ledger, &walk->residence.mappings);
    content_looks_at(walk->contents, process, &tracker->ledger);
    do
        through = residence_step(&walk->residence, STEP_BYTES, blocks_of, walk);
    while (!through && tracker_clock() < until_ns);
    object_looks_read(walk->looks);
    content_looks_read(walk->contents);
    if (through) {
        finish_process(walks, walk, tracker);
        walk->open = false;
    }
    return through;
}

/* Continues the current walk. */
static void step(struct page_walks *walks, struct tracker *tracker)
{
    struct page_walk *walk = &walks->under_way;
    uint64_t until_ns = tracker_clock() + STEP_NS, cpu_ns = own_cpu_ns();
    while (walk->running) {
        uint32_t before = walk->process;
        struct tracked_process *process = next_process(walk, tracker);
        if (walk->open && (!process || walk->process != before)) { /* it ended during the walk */
            residence_end(&walk->residence);
            walk->open = false;
        }
        if (!process)
            walk->running = false;
        else if (step_process(walks, walk, tracker, process, until_ns))
            walk->process++;
        if (tracker_clock() >= until_ns)
            break;
    }
    walks->spent_ns += walk->now.kind == STORE_PAGES_ASKED ? 0 : own_cpu_ns() - cpu_ns;
}

void page_walks_settle(struct page_walks *walks, const struct tracker *tracker)
{
    object_looks_settle(&walks->looks);
    content_looks_settle(&walks->contents);
    if (!walks->under_way.running)
        content_looks_finish(&walks->contents, NULL, tracker_clock() - tracker->arena->started_ns);
}

bool page_walks_step(struct page_walks *walks, struct tracker *tracker)
{
    page_walks_settle(walks, tracker);
    if (walks->under_way.running)
        step(walks, tracker);
    if (!walks->under_way.running) {
        tell_marks(walks, tracker);
        if (walks->asked)
            begin(walks, &walks->under_way, STORE_PAGES_ASKED, UINT64_MAX);
        walks->asked = false;
    }
    return walks->under_way.running;
}

/* Most short programs have no time for a walk at their end. */
static void look_alone(struct page_walks *walks, struct tracker *tracker, struct tracked_process *process,
                       uint64_t now_ns)
{
    uint64_t cpu_ns = own_cpu_ns(),
             most_ns = now_ns / END_SHARE < END_MOST_NS ? now_ns / END_SHARE : END_MOST_NS;
    if (walks->spent_ns >= most_ns)
        return;
    object_looks_alone(&walks->looks, process, &tracker->ledger, most_ns - walks->spent_ns,
                       now_ns / LOOKS_SHARE);
    object_looks_settle(&walks->looks);
    walks->spent_ns += own_cpu_ns() - cpu_ns;
}

void page_walks_end_of(struct page_walks *walks, struct tracker *tracker, struct tracked_process *process)
{
    page_walks_settle(walks, tracker);
    if (process->pages_seen || tracker->sparing)
        return;
    process->pages_seen = true;
    uint64_t now_ns = tracker_clock() - tracker->arena->started_ns, bytes = tracker_resident(process);
    unsigned share = tracker->sample ? SAMPLED_SHARE : END_SHARE;
    if (WALK_LEAST_NS + bytes / BYTES_A_NS > END_MOST_NS || !has_time(walks, bytes, now_ns, share)) {
        look_alone(walks, tracker, process, now_ns);
        return;
    }
    struct page_walk walk; /* a walk that was interrupted continues afterwards */
    uint64_t cpu_ns = own_cpu_ns();
    begin(walks, &walk, STORE_PAGES_END, now_ns);
    step_process(walks, &walk, tracker, process, tracker_clock() + END_MOST_NS);
    object_looks_settle(&walks->looks); /* the process waits */
    content_looks_settle(&walks->contents);
    content_looks_finish(&walks->contents, process, tracker_clock() - tracker->arena->started_ns);
    if (walk.open)
        residence_end(&walk.residence);
    walks->spent_ns += own_cpu_ns() - cpu_ns;
}

struct page_moment *page_walks_take(struct page_walks *walks, bool all, size_t *count)
{
    struct page_moment *done = walks->done.memory;
    struct page_moment *taken = walks->done_count ? malloc(walks->done_count * sizeof *taken) : NULL;
    uint32_t unfinished = walks->under_way.running && !all ? walks->under_way.now.number : 0, kept = 0;
    *count = 0;
    for (uint32_t i = 0; taken && i < walks->done_count; i++)
        if (done[i].number == unfinished)
            done[kept++] = done[i];
        else
            taken[(*count)++] = done[i];
    if (taken)
        walks->done_count = kept;
    return taken;
}
