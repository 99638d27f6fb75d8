/* massif.c - the format of valgrind --tool=massif, for ms_print and massif-visualizer: the heap over time,
 * with all stacks at its peak and at the end. For what passes a filter, only these two moments are known
 * exactly, and only these are written.
 *
 *   n2: 2000 (heap allocation functions) malloc/new/new[], --alloc-fns, etc.
 *    n0: 1990 0x401136: load (list.c:10)
 *    n0: 10 in 3 places, all below massif's threshold (1.00%)
 *
 * A tree grows from the allocating place outwards; places below a hundredth of the whole are folded, as
 * massif does.
 */
#include "export.h"
#include "text.h"

#include <sqlite3.h>
#include <stdlib.h>

#define SNAPSHOTS 200   /* about as many as a page of text can show */
#define SIGNIFICANT 100 /* a place has to hold at least the whole divided by this */
#define DEEPEST 500     /* ms_print recurses for each level */

/* A stack being followed outwards: its next place. */
struct cursor {
    uint32_t node, k; /* node PROFILE_NONE = it has ended */
    int64_t bytes;
};

/* Cursors at the same place. */
struct bundle {
    size_t first, count;
    int64_t bytes;
};

struct writer {
    const struct export *export;
    const struct profile *profile;
    int64_t least; /* bytes that a place needs to get a line of its own */
    int number;    /* of the next snapshot */
};

/* ---- trees ----------------------------------------------------------------------------------- */

static const struct profile *sorted_profile; /* for by_place */

static uint32_t place_at(const struct profile *p, const struct cursor *cursor)
{
    return cursor->node == PROFILE_NONE
               ? PROFILE_NONE
               : p->frame_places[p->frames[p->nodes[cursor->node].frame].first + cursor->k];
}

static int by_place(const void *a, const void *b)
{
    uint32_t x = place_at(sorted_profile, a), y = place_at(sorted_profile, b);

    return (x > y) - (x < y);
}

static int by_bytes(const void *a, const void *b)
{
    const struct bundle *x = a, *y = b;

    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return (x->first > y->first) - (x->first < y->first);
}

static void advance(const struct profile *p, struct cursor *cursor)
{
    if (++cursor->k < p->frames[p->nodes[cursor->node].frame].count)
        return;
    cursor->node = p->nodes[cursor->node].parent;
    cursor->k = 0;
}

/* Groups cursors by place, without those of stacks that have ended; NULL with *count 0 if none are left. */
static struct bundle *gather(const struct writer *w, struct cursor *cursors, size_t n, size_t *count)
{
    struct bundle *groups = NULL;

    *count = 0;
    sorted_profile = w->profile;
    qsort(cursors, n, sizeof *cursors, by_place);
    for (size_t i = 0; i < n && cursors[i].node != PROFILE_NONE; i++) {
        if (i == 0 || by_place(&cursors[i - 1], &cursors[i]) != 0) {
            struct bundle *made = profile_grow(&groups, count, sizeof *groups);

            made->first = i;
        }
        groups[*count - 1].count++;
        groups[*count - 1].bytes += cursors[i].bytes;
    }
    if (*count > 0)
        qsort(groups, *count, sizeof *groups, by_bytes);
    return groups;
}

static void write_folded(struct writer *w, int level, const struct bundle *groups, size_t count)
{
    int64_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += groups[i].bytes;
    fprintf(w->export->out, "%*sn0: %lld in %zu place%s below massif's threshold (%.2f%%)\n", level, "",
            (long long)bytes, count, count == 1 ? "," : "s, all", 100.0 / SIGNIFICANT);
}

/* Writes a line for the cursors' own place, then one for each of the next places. */
static void write_level(struct writer *w, int level, struct cursor *cursors, size_t n, int64_t bytes,
                        const char *text)
{
    size_t count = 0, large = 0;
    struct bundle *groups = level < DEEPEST ? gather(w, cursors, n, &count) : NULL;

    while (large < count && groups[large].bytes >= w->least)
        large++;
    fprintf(w->export->out, "%*sn%zu: %lld %s\n", level, "", large + (large < count), (long long)bytes, text);
    for (size_t i = 0; i < large; i++) {
        struct cursor *here = cursors + groups[i].first;
        const struct profile_frame *frame = &w->profile->frames[w->profile->nodes[here->node].frame];
        char *place = export_place(w->profile, frame, place_at(w->profile, here));

        for (size_t k = 0; k < groups[i].count; k++)
            advance(w->profile, &here[k]);
        write_level(w, level + 1, here, groups[i].count, groups[i].bytes, place);
        free(place);
    }
    if (large < count)
        write_folded(w, level + 1, groups + large, count - large);
    free(groups);
}

/* by: MEASURE_peak_bytes or MEASURE_live_bytes. */
static void write_tree(struct writer *w, int by)
{
    const struct profile *p = w->profile;
    struct cursor *cursors = calloc(p->site_count + 1, sizeof *cursors);
    int64_t whole = measure_bytes(&p->sum, by);
    size_t n = 0;

    for (size_t i = 0; i < p->site_count; i++)
        if (measure_bytes(&p->sites[i].m, by) > 0)
            cursors[n++] = (struct cursor){p->sites[i].node, 0, measure_bytes(&p->sites[i].m, by)};
    w->least = whole / SIGNIFICANT > 0 ? whole / SIGNIFICANT : 1;
    write_level(w, 0, cursors, n, whole, "(heap allocation functions) malloc/new/new[], --alloc-fns, etc.");
    free(cursors);
}

/* ---- snapshots ------------------------------------------------------------------------------- */

/* tree: NULL = none. */
static void write_snapshot(struct writer *w, int64_t t_ns, int64_t bytes, const char *tree)
{
    fprintf(w->export->out,
            "#-----------\nsnapshot=%d\n#-----------\ntime=%lld\nmem_heap_B=%lld\nmem_heap_extra_B=0\n"
            "mem_stacks_B=0\nheap_tree=%s\n",
            w->number++, (long long)(t_ns / 1000000), (long long)bytes, tree != NULL ? tree : "empty");
}

static void write_peak(struct writer *w)
{
    const struct run *run = w->export->run;

    write_snapshot(w, run->t.peak_ns, w->profile->sum.peak_bytes, "peak");
    write_tree(w, MEASURE_peak_bytes);
}

/* Writes the samples in order, with the peak among them; if there are many, every n-th of them. */
static int write_snapshots(struct writer *w)
{
    const struct run *run = w->export->run;
    sqlite3_stmt *s = report_prepare(
        w->export->report,
        "SELECT t_ns, live_bytes FROM (SELECT t_ns, live_bytes, row_number() OVER (ORDER BY t_ns) AS n,"
        " (count(*) OVER () - 1) / ?2 + 1 AS step FROM sample WHERE run = ?1 AND t_ns >= 0)"
        " WHERE n % step = 0 ORDER BY t_ns");
    const struct store_measures *sum = &w->profile->sum;
    int status = EXIT_FINE, peak_due = sum->peak_bytes > 0;
    int64_t last = 0;

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, run->number);
    sqlite3_bind_int(s, 2, SNAPSHOTS);
    while (!filter_is_set(w->export->filter) && report_step(w->export->report, s, &status)) {
        int64_t t = sqlite3_column_int64(s, 0);

        if (peak_due && t >= run->t.peak_ns) {
            write_peak(w);
            peak_due = 0;
        }
        write_snapshot(w, last = t, sqlite3_column_int64(s, 1), NULL);
    }
    if (peak_due) {
        write_peak(w);
        last = run->t.peak_ns > last ? run->t.peak_ns : last;
    }
    sqlite3_finalize(s);
    write_snapshot(w, run->t.wall_ns > last ? run->t.wall_ns : last, sum->live_bytes,
                   sum->live_bytes > 0 ? "detailed" : NULL);
    if (sum->live_bytes > 0)
        write_tree(w, MEASURE_live_bytes);
    return status;
}

int export_massif(const struct export *export)
{
    struct writer w = {.export = export, .profile = export->profile};
    char *command = text_harmless(export->run->command), *label = text_harmless(export->run->label),
         *only = filter_text(export->filter);

    fprintf(export->out, "desc: libtrace, run %lld %s%s%s\ncmd: %s\ntime_unit: ms\n",
            (long long)export->run->number, label, only != NULL ? ", only " : "", only != NULL ? only : "",
            command);
    free(only);
    free(label);
    free(command);
    return write_snapshots(&w);
}
