/* resident.c - see resident.h. */
#define _GNU_SOURCE
#include "resident.h"
#include "profile.h"
#include "resident_moments.h"
#include "text.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

const char *const resident_part_names[RESIDENT_GROUPS] = {
    [PAGES_LIVE] = "live",     [PAGES_ROUNDING] = "rounding",
    [PAGES_PINNED] = "pinned", [PAGES_FREE] = "free",
    [PAGES_MAPPED] = "mapped", [PAGES_STACKS] = "stacks",
    [PAGES_FILES] = "files",   [PAGES_TRACER] = "tracer",
    [PAGES_OTHER] = "other",   [STORE_PAGES_UNTOUCHED] = "untouched",
};

const char *const resident_kinds[STORE_PAGES_KINDS] = {
    [STORE_PAGES_ASKED] = "asked",
    [STORE_PAGES_MARK] = "mark",
    [STORE_PAGES_HIGH] = "high",
    [STORE_PAGES_END] = "end",
};

static char *copy(sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);

    return text != NULL ? strdup(text) : NULL;
}

/* ---- processes of the moment ----------------------------------------------------------------- */

/* The processes that pass the filter, as "1, 3" for SQL; collects what is missing for them, each sentence
 * once. */
static char *processes(const struct report *report, const struct run *run, const struct filter *filter,
                       struct resident *r)
{
    sqlite3_stmt *s = report_prepare(
        report, "SELECT process, missing FROM page_moment WHERE run = ?1 AND id = ?2 ORDER BY process");
    sqlite3_str *list = sqlite3_str_new(report->sql);
    int status = EXIT_FINE;

    if (s != NULL) {
        sqlite3_bind_int64(s, 1, run->number);
        sqlite3_bind_int64(s, 2, r->moment.id);
    }
    while (s != NULL && report_step(report, s, &status)) {
        const char *missing = (const char *)sqlite3_column_text(s, 1);
        int said = missing == NULL || *missing == '\0';

        if (!filter_process(filter, run->number, sqlite3_column_int64(s, 0)))
            continue;
        r->process = r->moment.processes == 1 ? sqlite3_column_int64(s, 0) : 0;
        sqlite3_str_appendf(list, "%s%lld", sqlite3_str_length(list) > 0 ? ", " : "",
                            sqlite3_column_int64(s, 0));
        for (int i = 0; i < r->missing.count && !said; i++)
            said = strcmp(r->missing.text[i], missing) == 0;
        if (!said)
            sentences_add(&r->missing, "%s", missing);
    }
    sqlite3_finalize(s);
    return sqlite3_str_finish(list);
}

/* The text that the statement returns for the run and a number; NULL = none. */
static char *text_of(const struct report *report, const char *sql, int64_t run, int64_t number, int *status)
{
    sqlite3_stmt *s = report_prepare(report, sql);
    char *text = NULL;

    if (s == NULL) {
        *status = EXIT_FAILED;
        return NULL;
    }
    sqlite3_bind_int64(s, 1, run);
    sqlite3_bind_int64(s, 2, number);
    if (report_step(report, s, status))
        text = copy(s, 0);
    sqlite3_finalize(s);
    return text;
}

static int read_names(const struct report *report, const struct run *run, struct resident *r)
{
    int status = EXIT_FINE;

    if (r->moment.kind == STORE_PAGES_MARK)
        r->mark = text_of(report, "SELECT name FROM mark WHERE run = ?1 AND id = ?2", run->number,
                          r->moment.mark, &status);
    if (r->process != 0 && status == EXIT_FINE)
        r->command = text_of(report, "SELECT command FROM process WHERE run = ?1 AND id = ?2", run->number,
                             r->process, &status);
    return status;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static struct resident_part *part_of(struct resident *r, const char *name)
{
    for (int i = 0; i < RESIDENT_GROUPS; i++)
        if (name != NULL && strcmp(resident_part_names[i], name) == 0)
            return &r->parts[i];
    return &r->parts[PAGES_OTHER];
}

/* The allocator that a library is: a replacement for the C library's, or the C library itself. */
static enum resident_allocator allocator_in(const char *path)
{
    static const struct {
        const char *begins;
        enum resident_allocator allocator;
    } known[] = {
        {"libc.so.6", RESIDENT_GLIBC},      {"libc-2.", RESIDENT_GLIBC},
        {"libjemalloc", RESIDENT_JEMALLOC}, {"libtcmalloc", RESIDENT_TCMALLOC},
        {"libmimalloc", RESIDENT_MIMALLOC},
    };
    const char *name = text_basename(path);

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strncmp(name, known[i].begins, strlen(known[i].begins)) == 0)
            return known[i].allocator;
    return RESIDENT_UNKNOWN;
}

/* Takes a row of the query. */
static void take(struct resident *r, sqlite3_stmt *s, size_t limit)
{
    struct resident_part *part = part_of(r, (const char *)sqlite3_column_text(s, 0));
    int64_t bytes = sqlite3_column_int64(s, 7);
    const char *name = (const char *)sqlite3_column_text(s, 4),
               *language = (const char *)sqlite3_column_text(s, 6);

    part->bytes = (int64_t)((uint64_t)part->bytes + (uint64_t)bytes); /* sums in a stranger's file may wrap */
    part->blocks = (int64_t)((uint64_t)part->blocks + (uint64_t)sqlite3_column_int64(s, 8));
    if (part == &r->parts[PAGES_FILES] && name != NULL && allocator_in(name) > r->allocator)
        r->allocator = allocator_in(name);
    if (part->all++ == 0)
        part->python = language != NULL && strcmp(language, "python") == 0;
    if (limit != 0 && part->count >= limit)
        return;
    struct resident_line *line = profile_grow(&part->lines, &part->count, sizeof *line);

    *line = (struct resident_line){.file = copy(s, 1),
                                   .line = sqlite3_column_int64(s, 2),
                                   .function = copy(s, 3),
                                   .name = copy(s, 4),
                                   .module = copy(s, 5),
                                   .bytes = bytes,
                                   .blocks = sqlite3_column_int64(s, 8)};
}

static int read_parts(const struct report *report, const struct run *run, const char *list, size_t limit,
                      struct resident *r)
{
    /* total(), because sum() fails if a stranger's numbers are too large. */
    sqlite3_stmt *s = report_prepare_text(
        report, sqlite3_mprintf("SELECT part, file, line, function, name, module, language, "
                                "CAST(total(bytes) AS INTEGER), CAST(total(blocks) AS INTEGER) FROM resident "
                                "WHERE run = ?1 AND moment = ?2 AND process IN (%s) "
                                "GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 8 DESC, 1, 2, 3, 4, 5",
                                list));
    int status = EXIT_FINE;

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, run->number);
    sqlite3_bind_int64(s, 2, r->moment.id);
    while (report_step(report, s, &status))
        take(r, s, limit);
    sqlite3_finalize(s);
    uint64_t explained = 0;

    for (int i = 0; i < PAGES_PARTS; i++)
        explained += (uint64_t)r->parts[i].bytes;
    r->unexplained = (int64_t)((uint64_t)r->moment.resident - explained);
    return status;
}

/* ---- the whole ------------------------------------------------------------------------------- */

int resident_read(const struct report *report, const struct run *run, const struct filter *filter,
                  const char *at, size_t limit, struct resident *r)
{
    struct resident_moments moments = {0};
    int status = resident_moments_read(report, run, filter, &moments);

    *r = (struct resident){.moments = moments.count};
    if (status == EXIT_FINE && moments.count > 0) {
        const struct resident_moment *found = resident_moments_find(report, run, &moments, at);

        if (found != NULL) {
            r->moment = *found;
            r->highest = *resident_moments_highest(&moments);
        }
        status = found != NULL ? EXIT_FINE : EXIT_FAILED;
    }
    resident_moments_free(&moments);
    if (status != EXIT_FINE || r->moments == 0)
        return status;
    char *list = processes(report, run, filter, r);

    status = read_names(report, run, r);
    if (status == EXIT_FINE)
        status = read_parts(report, run, list != NULL ? list : "", limit, r);
    sqlite3_free(list);
    return status;
}

void resident_free(struct resident *r)
{
    for (int i = 0; i < RESIDENT_GROUPS; i++) {
        for (size_t k = 0; k < r->parts[i].count; k++) {
            free(r->parts[i].lines[k].file);
            free(r->parts[i].lines[k].function);
            free(r->parts[i].lines[k].module);
            free(r->parts[i].lines[k].name);
        }
        free(r->parts[i].lines);
    }
    free(r->mark);
    free(r->command);
    sentences_free(&r->missing);
    *r = (struct resident){0};
}
