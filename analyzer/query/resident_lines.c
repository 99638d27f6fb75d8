/* resident_lines.c - see resident_lines.h. */
#define _GNU_SOURCE
#include "resident_lines.h"
#include "profile.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

static char *copy(sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);

    return text != NULL ? strdup(text) : NULL;
}

/* Numbers in a stranger's file may be of any size: sums wrap around. */
static void add(int64_t *sum, int64_t value)
{
    *sum = (int64_t)((uint64_t)*sum + (uint64_t)value);
}

/* Takes a row of the query. */
static void take(struct resident_lines *lines, sqlite3_stmt *s, size_t limit)
{
    const struct resident_amounts m = {sqlite3_column_int64(s, 4), sqlite3_column_int64(s, 5),
                                       sqlite3_column_int64(s, 6), sqlite3_column_int64(s, 7)};

    add(&lines->sum.live, m.live);
    add(&lines->sum.rounding, m.rounding);
    add(&lines->sum.pinned, m.pinned);
    add(&lines->sum.blocks, m.blocks);
    lines->all++;
    if (limit != 0 && lines->count >= limit)
        return;
    struct resident_row *row = profile_grow(&lines->rows, &lines->count, sizeof *row);

    *row = (struct resident_row){.file = copy(s, 0),
                                 .line = sqlite3_column_int64(s, 1),
                                 .function = copy(s, 2),
                                 .module = copy(s, 3),
                                 .m = m};
}

int resident_lines_read(const struct report *report, const struct run *run, const struct filter *filter,
                        int64_t moment, enum resident_order order, size_t limit, struct resident_lines *lines)
{
    *lines = (struct resident_lines){0};
    /* total(), because sum() fails if a stranger's numbers are too large. */
    sqlite3_stmt *s = report_prepare_text(
        report,
        sqlite3_mprintf("SELECT file, line, function, module, live, rounding, pinned, blocks FROM ("
                        "SELECT file, line, function, module, "
                        "CAST(total(bytes) FILTER (WHERE part = 'live') AS INTEGER) AS live, "
                        "CAST(total(bytes) FILTER (WHERE part = 'rounding') AS INTEGER) AS rounding, "
                        "CAST(total(bytes) FILTER (WHERE part = 'pinned') AS INTEGER) AS pinned, "
                        "CAST(total(blocks) FILTER (WHERE part = 'live') AS INTEGER) AS blocks "
                        "FROM resident WHERE run = ?1 AND moment = ?2 "
                        "AND part IN ('live', 'rounding', 'pinned') AND %s AND %s GROUP BY 1, 2, 3, 4) "
                        "WHERE live <> 0 OR rounding <> 0 OR pinned <> 0 "
                        "ORDER BY %s DESC, file, line, function, module",
                        filter_sql_line(filter), filter_sql_site(filter),
                        order == RESIDENT_BY_PINNED ? "pinned" : "live + rounding + pinned"));
    int status = s != NULL ? EXIT_FINE : EXIT_FAILED;

    if (s != NULL) {
        sqlite3_bind_int64(s, 1, run->number);
        sqlite3_bind_int64(s, 2, moment);
    }
    while (s != NULL && report_step(report, s, &status))
        take(lines, s, limit);
    sqlite3_finalize(s);
    return status;
}

void resident_lines_free(struct resident_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        free(lines->rows[i].file);
        free(lines->rows[i].function);
        free(lines->rows[i].module);
    }
    free(lines->rows);
    *lines = (struct resident_lines){0};
}
