/* profile.c - reads a run with a few queries, each in the order in which its table is stored. */
#define _GNU_SOURCE
#include "profile.h"
#include "sampling.h"
#include "text.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- arrays ---------------------------------------------------------------------------------- */

void *profile_grow(void *array, size_t *count, size_t size)
{
    void **start = array;
    size_t n = *count;

    if ((n & (n - 1)) == 0) {
        if (n >= PROFILE_NONE / 2) /* indices are of 32 bits */
            report_no_memory();
        void *more = realloc(*start, (n * 2 + 1) * size);

        *start = more;
    }
    *count = n + 1;
    return memset((char *)*start + n * size, 0, size);
}

static int64_t number_at(const void *array, size_t index, size_t size)
{
    return *(const int64_t *)((const char *)array + index * size);
}

static int by_number(const void *number, const void *element)
{
    int64_t a = *(const int64_t *)number, b = *(const int64_t *)element;

    return (a > b) - (a < b);
}

/* Finds an element by the number that it begins with. Those from `first` on are in ascending order, mostly
 * without gaps. */
static uint32_t find(const void *array, size_t first, size_t count, size_t size, int64_t number)
{
    if (count <= first)
        return PROFILE_NONE;
    uint64_t distance = (uint64_t)number - (uint64_t)number_at(array, first, size);

    if (distance < count - first && number_at(array, first + distance, size) == number)
        return (uint32_t)(first + distance);
    const char *found = bsearch(&number, (const char *)array + first * size, count - first, size, by_number);

    return found != NULL ? (uint32_t)((size_t)(found - (const char *)array) / size) : PROFILE_NONE;
}

#define FIND(profile, what, first, number) \
    find((profile)->what##s, first, (profile)->what##_count, sizeof *(profile)->what##s, number)
#define ADD(profile, what) \
    profile_grow(&(profile)->what##s, &(profile)->what##_count, sizeof *(profile)->what##s)

static char *copy(sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);

    return strdup(text != NULL ? text : "");
}

/* ---- what cannot fail halfway ----------------------------------------------------------------- */

/* Adds a row to the profile. */
typedef void take_row(struct profile *profile, sqlite3_stmt *s);

static int read_rows(const struct report *report, struct profile *profile, const char *sql, take_row *take)
{
    sqlite3_stmt *s = report_prepare(report, sql);
    int status = EXIT_FINE;

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, profile->run->number);
    while (report_step(report, s, &status))
        take(profile, s);
    sqlite3_finalize(s);
    return status;
}

static void take_module(struct profile *profile, sqlite3_stmt *s)
{
    struct profile_module *module = ADD(profile, module);

    *module = (struct profile_module){sqlite3_column_int64(s, 0), copy(s, 1), copy(s, 2)};
}

static void take_place(struct profile *profile, sqlite3_stmt *s)
{
    struct profile_place *place = ADD(profile, place);

    place->number = sqlite3_column_int64(s, 0);
    place->file = sqlite3_column_type(s, 1) != SQLITE_NULL ? copy(s, 1) : NULL;
    place->line = place->file != NULL && sqlite3_column_int64(s, 2) > 0 ? sqlite3_column_int64(s, 2) : 0;
    place->function = copy(s, 3);
    place->module = copy(s, 4);
    place->language = copy(s, 5);
    place->library_code = sqlite3_column_int(s, 6);
    profile->named = profile->place_count;
}

static void take_frame(struct profile *profile, sqlite3_stmt *s)
{
    struct profile_frame *frame = ADD(profile, frame);

    uint32_t module = FIND(profile, module, 1, sqlite3_column_int64(s, 1));
    uint64_t offset = (uint64_t)sqlite3_column_int64(s, 2);

    frame->number = sqlite3_column_int64(s, 0);
    frame->module = module != PROFILE_NONE ? module : 0;
    frame->address = frame->module != 0 && offset > 0 ? offset - 1 : offset; /* offset is a return address */
}

/* The rows come in the order of frames, so each place goes to the end of its frame's list. */
static void take_frame_place(struct profile *profile, sqlite3_stmt *s)
{
    uint32_t frame = FIND(profile, frame, PROFILE_FIRST, sqlite3_column_int64(s, 0));
    uint32_t place = profile_place_index(profile, sqlite3_column_int64(s, 1));

    if (frame == PROFILE_NONE || place == PROFILE_NONE)
        return;
    if (profile->frames[frame].count++ == 0)
        profile->frames[frame].first = (uint32_t)profile->frame_place_count;
    uint32_t *to = ADD(profile, frame_place);

    *to = place;
}

static void take_node(struct profile *profile, sqlite3_stmt *s)
{
    int64_t parent = sqlite3_column_int64(s, 1);
    uint32_t frame = FIND(profile, frame, PROFILE_FIRST, sqlite3_column_int64(s, 2));
    uint32_t above = parent == 0  ? PROFILE_NONE
                     : parent < 0 ? PROFILE_CUT
                                  : FIND(profile, node, PROFILE_FIRST, parent);
    struct profile_node *node = ADD(profile, node);

    node->number = sqlite3_column_int64(s, 0);
    node->parent = parent > 0 && above == PROFILE_NONE ? PROFILE_UNKNOWN : above;
    node->frame = frame != PROFILE_NONE ? frame : PROFILE_UNKNOWN;
}

static void take_type(struct profile *profile, sqlite3_stmt *s)
{
    uint32_t node = profile_node_index(profile, sqlite3_column_int64(s, 0));
    const char *type = (const char *)sqlite3_column_text(s, 1);

    if (node == PROFILE_UNKNOWN || type == NULL)
        return;
    profile->nodes[node].type = texts_number(&profile->types, type);
    profile->nodes[node].how = store_type_how(sqlite3_column_int64(s, 2));
}

static void take_part(struct profile *profile, sqlite3_stmt *s)
{
    uint32_t node = profile_node_index(profile, sqlite3_column_int64(s, 0));

    if (node != PROFILE_UNKNOWN) {
        profile->nodes[node].seen = sqlite3_column_int64(s, 1);
        profile->nodes[node].looks = sqlite3_column_int64(s, 2);
    }
}

/* ---- sites ----------------------------------------------------------------------------------- */

/* Freed blocks count with the middle of their class. For live blocks only their number is known: half of
 * the run's time each is as good a guess as any. */
static double lifetime(const uint64_t *counts, int64_t live, double wall_s)
{
    double seconds = (double)live * wall_s / 2;

    for (int i = 1; i < STORE_HISTOGRAM_CLASSES; i++)
        seconds += (double)counts[i] * 0.75 * (double)(1ull << (i < 63 ? i : 63)) * HISTOGRAMS_TICK_S;
    return seconds;
}

static uint32_t place_of_site(const struct profile *profile, sqlite3_stmt *s, uint32_t node)
{
    const struct profile_frame *frame = &profile->frames[profile->nodes[node].frame];
    uint32_t place = sqlite3_column_type(s, 3) == SQLITE_NULL
                         ? PROFILE_NONE
                         : profile_place_index(profile, sqlite3_column_int64(s, 3));

    return place != PROFILE_NONE ? place : profile->frame_places[frame->first];
}

/* Matches the filter once for each place, not for each site. */
static void find_passing(struct profile *profile)
{
    if (!filter_has_names(profile->query->filter))
        return;
    profile->passing = calloc(profile->place_count, 1);
    for (size_t i = 0; i < profile->place_count; i++) {
        const struct profile_place *place = &profile->places[i];

        profile->passing[i] =
            (unsigned char)filter_line(profile->query->filter, place->file, place->module, place->language);
    }
}

/* Columns: node, process, thread, line, the measures; their variances in a sampled run; then histograms_columns() if
 * histograms are wanted. */
#define MEASURES_FROM 4
#define VARIANCES_FROM (MEASURES_FROM + MEASURES)

static void take_variances(struct profile *profile, sqlite3_stmt *s)
{
    struct variances *v = ADD(profile, variance);

    *v = variances_columns(profile->run, s, VARIANCES_FROM);
    variances_add(&profile->sum_v, v);
}

/* Adds nothing if the site does not pass the filter. */
static void take_site(struct profile *profile, sqlite3_stmt *s)
{
    uint64_t lifetimes[STORE_HISTOGRAM_CLASSES];
    int64_t process = sqlite3_column_int64(s, 1);
    uint32_t node = profile_node_index(profile, sqlite3_column_int64(s, 0));
    uint32_t place = place_of_site(profile, s, node);
    int sampled = sampling_is_on(profile->run);

    if ((profile->passing != NULL && !profile->passing[place]) ||
        !filter_site(profile->query->filter, profile->run->number, process, sqlite3_column_int64(s, 2),
                     sqlite3_column_int64(s, 0)))
        return;
    struct profile_site *site = ADD(profile, site);

    site->node = node;
    site->process = process;
    site->place = place;
    site->m = lines_column_measures(s, MEASURES_FROM);
    measures_add(&profile->sum, &site->m);
    if (sampled)
        take_variances(profile, s);
    if (!profile->query->histograms)
        return;
    histograms_add(&profile->histograms, s, VARIANCES_FROM + (sampled ? MEASURES : 0), lifetimes);
    site->lifetime_s = lifetime(lifetimes, site->m.live_allocations, (double)profile->run->t.wall_ns / 1e9);
}

static int is_one(const struct profile *profile, const struct profile_site *a, const struct profile_site *b)
{
    return a->node == b->node && (a->process == b->process || !profile->query->by_process);
}

/* Sites of the same stack come together: those of its threads are added up, and those of its processes
 * unless by_process is set. */
static void add_site(struct profile *profile, sqlite3_stmt *s)
{
    size_t n = profile->site_count;

    take_site(profile, s);
    if (n == 0 || n == profile->site_count || !is_one(profile, &profile->sites[n - 1], &profile->sites[n]))
        return;
    struct profile_site *site = &profile->sites[n], *before = site - 1;

    measures_add(&before->m, &site->m);
    before->lifetime_s += site->lifetime_s;
    if (profile->variances != NULL) {
        variances_add(&profile->variances[n - 1], &profile->variances[n]);
        profile->variance_count = n;
    }
    profile->site_count = n; /* the next site reuses this element, so profile_grow() need not allocate */
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void add_place(struct profile *profile, const char *function, const char *module)
{
    struct profile_place *place = ADD(profile, place);

    place->number = INT64_MAX;
    place->function = strdup(function);
    place->module = strdup(module);
    place->language = strdup("native");
}

/* Appends the profile's last place to the frame, as its last one. */
static void give_place(struct profile *profile, struct profile_frame *frame)
{
    uint32_t *to = ADD(profile, frame_place);

    *to = (uint32_t)profile->place_count - 1;
    frame->first = (uint32_t)profile->frame_place_count - 1;
    frame->count = 1;
}

static void add_special(struct profile *profile, const char *name)
{
    add_place(profile, name, "");
    struct profile_frame *frame = ADD(profile, frame);
    struct profile_node *node = ADD(profile, node);

    frame->number = node->number = INT64_MIN;
    node->parent = PROFILE_NONE;
    node->frame = (uint32_t)profile->frame_count - 1;
    give_place(profile, frame);
}

/* Names them as the view frame_names does. */
static void name_nameless(struct profile *profile)
{
    for (size_t i = PROFILE_FIRST; i < profile->frame_count; i++) {
        struct profile_frame *frame = &profile->frames[i];
        const char *path = profile->modules[frame->module].path;
        unsigned long long offset = frame->address + (frame->module != 0 && frame->address > 0);

        if (frame->count > 0)
            continue;
        char *name = text_make("%s%s0x%llx", text_basename(path), *path != '\0' ? "+" : "", offset);

        add_place(profile, name, path);
        give_place(profile, frame);
        free(name);
    }
}

static int read_sites(const struct report *report, struct profile *profile)
{
    char sql[512];

    snprintf(sql, sizeof sql,
             "SELECT {key: #}, %s, {measures: #}%s%s%s FROM %s WHERE run = ? ORDER BY node, process",
             filter_sql_charge(profile->query->filter), variances_sql(profile->run),
             profile->query->histograms ? ", " : "",
             profile->query->histograms ? histograms_columns(profile->run) : "", window_sites(profile->run));
    return read_rows(report, profile, sql, add_site);
}

int profile_load(const struct report *report, const struct profile_query *query, struct profile *profile)
{
    static const struct {
        const char *sql;
        take_row *take;
    } queries[] = {
        {"SELECT id, path, build_id FROM module WHERE run = ? ORDER BY id", take_module},
        {"SELECT id, file, line, function, module, language, machinery FROM line WHERE run = ? ORDER BY id",
         take_place},
        {"SELECT id, module, offset FROM frame WHERE run = ? ORDER BY id", take_frame},
        {"SELECT frame, line FROM frame_line WHERE run = ? ORDER BY frame, depth", take_frame_place},
        {"SELECT id, parent, frame FROM node WHERE run = ? ORDER BY id", take_node},
        {"SELECT node, type, how FROM stack_type WHERE run = ? ORDER BY node", take_type},
        {"SELECT part, seen, looks FROM stack_part WHERE run = ? ORDER BY node", take_part},
    };
    int status = EXIT_FINE;

    *profile = (struct profile){.run = query->run, .query = query};
    struct profile_module *none = ADD(profile, module);

    none->path = strdup("");
    none->build_id = strdup("");
    add_special(profile, "[cut]");
    add_special(profile, "[unknown]");
    profile->named = profile->place_count;
    texts_number(&profile->types, "");
    for (size_t i = 0; i < sizeof queries / sizeof queries[0] && status == EXIT_FINE; i++)
        status = read_rows(report, profile, queries[i].sql, queries[i].take);
    if (status == EXIT_FINE) {
        name_nameless(profile);
        find_passing(profile);
    }
    if (status == EXIT_FINE && !query->no_sites)
        status = read_sites(report, profile);
    profile->query = NULL;
    return status;
}

void profile_free(struct profile *profile)
{
    for (size_t i = 0; i < profile->module_count; i++) {
        free(profile->modules[i].path);
        free(profile->modules[i].build_id);
    }
    for (size_t i = 0; i < profile->place_count; i++) {
        free(profile->places[i].file);
        free(profile->places[i].function);
        free(profile->places[i].module);
        free(profile->places[i].language);
    }
    free(profile->modules);
    free(profile->places);
    free(profile->frames);
    free(profile->frame_places);
    free(profile->nodes);
    free(profile->sites);
    free(profile->variances);
    texts_free(&profile->types);
    free(profile->passing);
    free(profile->visible);
    free(profile->visible_at);
    *profile = (struct profile){0};
}

uint32_t profile_node_index(const struct profile *profile, int64_t number)
{
    uint32_t node = FIND(profile, node, PROFILE_FIRST, number);

    return node != PROFILE_NONE ? node : PROFILE_UNKNOWN;
}

uint32_t profile_place_index(const struct profile *profile, int64_t number)
{
    return find(profile->places, PROFILE_FIRST, profile->named, sizeof *profile->places, number);
}

void profile_walk(const struct profile *profile, uint32_t node, profile_visit *visit, void *context)
{
    for (; node != PROFILE_NONE; node = profile->nodes[node].parent) {
        const struct profile_frame *frame = &profile->frames[profile->nodes[node].frame];

        for (uint32_t i = 0; i < frame->count; i++)
            visit(context, frame, profile->frame_places[frame->first + i]);
    }
}

static void list_place(void *context, const struct profile_frame *frame, uint32_t place)
{
    struct profile_stack *stack = context;
    int64_t *to = profile_grow(&stack->places, &stack->count, sizeof *to);

    (void)frame;
    *to = place;
}

void profile_stack(const struct profile *profile, uint32_t node, struct profile_stack *stack)
{
    stack->count = 0;
    profile_walk(profile, node, list_place, stack);
}
