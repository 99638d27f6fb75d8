/* python_end.c - see python_end.h. */
#include "python_end.h"
#include "sampling.h"
#include "variances.h"

#include <sqlite3.h>
#include <stdio.h>

static int count(const struct report *report, const struct run *run, struct python_end *end)
{
    sqlite3_stmt *s = report_prepare(report, "SELECT total(sampled <> 0), total(sampled = 0) FROM mark WHERE "
                                             "run = ? AND kind = 2");
    int status = s != NULL ? EXIT_FINE : EXIT_FAILED;

    *end = (struct python_end){0};
    if (s == NULL)
        return status;
    sqlite3_bind_int64(s, 1, run->number);
    if (report_step(report, s, &status)) {
        end->processes = sqlite3_column_int64(s, 0);
        end->unknown = sqlite3_column_int64(s, 1);
    }
    sqlite3_finalize(s);
    return status;
}

static int execute(const struct report *report, char *sql, int64_t run)
{
    sqlite3_stmt *s = report_prepare_text(report, sql);
    int status = s != NULL ? EXIT_FINE : EXIT_FAILED;

    if (s == NULL)
        return status;
    sqlite3_bind_int64(s, 1, run);
    report_step(report, s, &status);
    sqlite3_finalize(s);
    return status;
}

/* A stack is Python's if Python code is anywhere in it; without native frames, its innermost line then is
 * Python. */
#define IS_PYTHON                                                                                            \
    "(EXISTS (SELECT 1 FROM line WHERE run = s.run AND id = s.leaf AND language = 'python') OR EXISTS ("     \
    "WITH RECURSIVE up(id, parent, frame) AS ("                                                              \
    " SELECT id, parent, frame FROM node WHERE run = s.run AND id = s.node UNION ALL"                        \
    " SELECT o.id, o.parent, o.frame FROM up JOIN node AS o ON o.run = s.run AND o.id = up.parent AND o.id " \
    "< up.id LIMIT 3000)"                                                                                    \
    " SELECT 1 FROM up CROSS JOIN frame_line AS fl ON fl.run = s.run AND fl.frame = up.frame CROSS JOIN "    \
    "line AS l ON "                                                                                          \
    "l.run = s.run AND l.id = fl.line WHERE l.language = 'python'))"

/* Of that moment no variances are stored. */
static int estimate(const struct report *report, const struct run *run)
{
    return execute(
        report,
        sqlite3_mprintf(
            "UPDATE %s SET live_allocations_variance = " VARIANCES_BLOCKS(
                "held_blocks", "held_bytes",
                "%lld") ", live_bytes_variance = " VARIANCES_BYTES("held_blocks", "held_bytes",
                                                                   "%lld") " WHERE is_held AND run = ?1",
            run->window.sites, (long long)run->sampling.interval, (long long)run->sampling.interval,
            (long long)run->sampling.interval, (long long)run->sampling.interval),
        run->number);
}

int python_end_resolve(const struct report *report, struct run *run, struct python_end *end)
{
    static int made;
    int status = count(report, run, end);

    if (status != EXIT_FINE || end->processes == 0)
        return status;
    snprintf(run->window.sites, sizeof run->window.sites, "before_end_%d", ++made);
    status = execute(
        report,
        sqlite3_mprintf("CREATE TEMP TABLE %s AS WITH ended AS ("
                        "  SELECT process, max(t_ns) AS t_ns FROM mark WHERE run = ?1 AND kind = 2 AND "
                        "sampled <> 0 GROUP BY process"
                        "), held AS (SELECT {key: #}, sum(blocks) AS blocks, sum(bytes) AS bytes FROM ("
                        "  SELECT {key: s.# AS #}, live_allocations AS blocks, live_bytes AS bytes"
                        "  FROM site_sample AS s JOIN ended AS e ON e.process = s.process"
                        "  WHERE s.run = ?1 AND s.t_ns <= e.t_ns"
                        "  UNION ALL SELECT {key: #}, 0, 0 FROM site WHERE run = ?1"
                        " ) GROUP BY {key: #}"
                        ") SELECT s.*, h.blocks AS held_blocks, h.bytes AS held_bytes,"
                        "  e.process IS NOT NULL AND " IS_PYTHON " AS is_held"
                        " FROM held AS h JOIN %s AS s ON s.run = ?1 AND ({key: s.#}) = ({key: h.#})"
                        " LEFT JOIN ended AS e ON e.process = s.process",
                        run->window.sites, sampling_is_on(run) ? "site_estimate" : "site"),
        run->number);
    if (status == EXIT_FINE)
        status = execute(report,
                         sqlite3_mprintf("UPDATE %s SET live_allocations = held_blocks, "
                                         "live_bytes = held_bytes WHERE is_held AND run = ?1",
                                         run->window.sites),
                         run->number);
    if (status == EXIT_FINE && sampling_is_on(run))
        status = estimate(report, run);
    return status == EXIT_FINE ? window_divide(report, run) : status;
}
