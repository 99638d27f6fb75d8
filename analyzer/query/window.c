/* window.c - see window.h. */
#define _GNU_SOURCE
#include "window.h"
#include "args.h"
#include "filter.h"
#include "by_line.h"
#include "quantity.h"
#include "sampling.h"
#include "text.h"
#include "units.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void window_free(struct window *window)
{
    free(window->text);
    free(window->from.mark);
    free(window->to.mark);
    *window = (struct window){0};
}

const char *window_sites(const struct run *run)
{
    if (*run->window.sites != '\0')
        return run->window.sites;
    if (sampling_is_on(run))
        return run->divided ? "(SELECT * FROM site_by_type WHERE allocations > 0)"
                            : "(SELECT * FROM site_estimate WHERE allocations > 0)";
    return run->divided ? "(SELECT * FROM site_by_type WHERE allocations > 0)"
                        : "(SELECT * FROM site WHERE allocations > 0)";
}

/* ---- moments --------------------------------------------------------------------------------- */

/* Finds the number-th mark of that name after a time, of the filter's processes if it has any. -1 = none,
 * 0 = it was not sampled. */
static int find_mark(struct report *report, const struct run *run, const struct filter *filter,
                     const char *name, long number, int64_t after_ns, int64_t *t_ns)
{
    sqlite3_stmt *s =
        report_prepare(report, "SELECT t_ns, process, sampled FROM mark WHERE run = ?1 AND name = ?2 "
                               "AND kind < 2 AND t_ns > ?3 ORDER BY t_ns, id");
    int status = EXIT_FINE, found = -1;

    if (s == NULL)
        return -1;
    for (int any = 0; any < 2 && found < 0; any++) {
        long left = number;

        sqlite3_bind_int64(s, 1, run->number);
        sqlite3_bind_text(s, 2, name, -1, SQLITE_STATIC);
        sqlite3_bind_int64(s, 3, after_ns);
        while (found < 0 && report_step(report, s, &status)) {
            if ((any || filter_process(filter, run->number, sqlite3_column_int64(s, 1))) && --left == 0) {
                *t_ns = sqlite3_column_int64(s, 0);
                found = sqlite3_column_int(s, 2) != 0;
            }
        }
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
    return found;
}

/* Finds the last moment up to a time at which sites were sampled. */
static void look_up(struct report *report, const struct run *run, struct moment *moment)
{
    sqlite3_stmt *s =
        report_prepare(report, "SELECT t_ns, until_ns FROM moment WHERE run = ?1 AND t_ns BETWEEN 0 "
                               "AND ?2 ORDER BY t_ns DESC LIMIT 1");
    int status = EXIT_FINE;

    moment->t_ns = WINDOW_START;
    moment->shown_ns = 0;
    if (s == NULL)
        return;
    sqlite3_bind_int64(s, 1, run->number);
    sqlite3_bind_int64(s, 2, moment->wanted_ns);
    if (report_step(report, s, &status)) {
        int64_t until_ns = sqlite3_column_int64(s, 1);

        moment->t_ns = sqlite3_column_int64(s, 0);
        moment->shown_ns = until_ns < moment->wanted_ns ? until_ns : moment->wanted_ns;
    }
    sqlite3_finalize(s);
}

/* True if two different times have the same samples, though something may have happened in between. */
static int same_in_doubt(const struct moment *a, const struct moment *b)
{
    return a->t_ns == b->t_ns && a->t_ns != WINDOW_END && a->mark == NULL && b->mark == NULL &&
           b->wanted_ns > 0 && a->wanted_ns != b->wanted_ns && b->shown_ns < b->wanted_ns;
}

/* Prints the moments around a time, if nothing is known for the one that was asked for. */
static int nothing_between(struct report *report, const struct run *run, const struct moment *a,
                           const struct moment *b)
{
    char from[UNITS_SIZE], to[UNITS_SIZE], before[UNITS_SIZE], after[UNITS_SIZE];
    sqlite3_stmt *s = report_prepare(report, "SELECT min(t_ns) FROM moment WHERE run = ?1 AND t_ns > ?2");
    int status = EXIT_FINE;
    int64_t next_ns = run->t.wall_ns;

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, run->number);
    sqlite3_bind_int64(s, 2, b->wanted_ns);
    if (report_step(report, s, &status) && sqlite3_column_type(s, 0) != SQLITE_NULL)
        next_ns = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return report_error(
        report, EXIT_FAILED,
        "what run %lld did between %s and %s is not known: its lines were looked at at %s, and then at "
        "%s%s. Name these moments, or marks (trace.h)",
        (long long)run->number, units_seconds(from, (double)a->wanted_ns / 1e9),
        units_seconds(to, (double)b->wanted_ns / 1e9),
        b->t_ns == WINDOW_START ? "its start" : units_seconds(before, (double)b->shown_ns / 1e9),
        units_seconds(after, (double)next_ns / 1e9),
        a->wanted_ns < run->thinned.coarse_ns ? " (what was in between was thinned: --keep, --max-size)"
                                              : "");
}

int window_differs(struct report *report, const struct run *a, const struct run *b)
{
    const struct moment *from[] = {&a->window.from, &b->window.from}, *to[] = {&a->window.to, &b->window.to};
    int late = to[0]->wanted_ns > to[1]->wanted_ns;

    if (a->number != b->number || !a->window.set || !b->window.set || from[0]->t_ns != from[1]->t_ns ||
        !same_in_doubt(to[late], to[!late]))
        return EXIT_FINE;
    return nothing_between(report, a, to[late], to[!late]);
}

static int no_mark(struct report *report, const struct run *run, const char *text)
{
    enum { MOST = 12 };
    char *names[MOST], *list = NULL;
    size_t count = 0, size;
    int status = EXIT_FINE;
    FILE *out = open_memstream(&list, &size);
    sqlite3_stmt *s =
        report_prepare(report, "SELECT name, count(*) FROM mark WHERE run = ? AND kind < 2 GROUP BY name "
                               "ORDER BY min(t_ns) LIMIT 12");

    if (s != NULL)
        sqlite3_bind_int64(s, 1, run->number);
    while (s != NULL && count < MOST && report_step(report, s, &status)) {
        const char *name = (const char *)sqlite3_column_text(s, 0);

        names[count] = strdup(name != NULL ? name : "");
        fprintf(out, "%s%s", count > 0 ? ", " : "", names[count]);
        count++;
    }
    sqlite3_finalize(s);
    fclose(out);
    const char *nearest = args_nearest(text, (const char *const *)names, count);

    if (nearest != NULL)
        status = report_error(report, EXIT_FAILED, "run %lld has no mark '%s'; did you mean '%s'?",
                              (long long)run->number, text, nearest);
    else if (count > 0)
        status = report_error(
            report, EXIT_FAILED,
            "run %lld has no mark '%s'; its marks: %s (or a time: 90, 2h30m, or -1h for the last hour)",
            (long long)run->number, text, list);
    else
        status = report_error(
            report, EXIT_FAILED,
            "run %lld has no mark '%s', nor any other: trace_mark of trace.h makes them. A time does as "
            "well: 90, 2h30m, or -1h for the last hour",
            (long long)run->number, text);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(list);
    return status;
}

int window_time(const char *text, double *seconds)
{
    uint64_t ns;
    int back = *text == '-';
    char *end;

    if (quantity_ns(text + back, &ns)) {
        *seconds = (back ? -1 : 1) * ((double)ns / 1e9);
        return 1;
    }
    *seconds = strtod(text, &end); /* 1e3 */
    return end != text && (*end == '\0' || strcmp(end, "s") == 0) && isfinite(*seconds) && *seconds >= 0 &&
           *seconds < 9e9;
}

/* What is longer ago than the run's start is its start. */
int64_t window_since_start(const struct run *run, double seconds)
{
    int64_t t_ns = llround(seconds * 1e9);

    if (!signbit(seconds))
        return t_ns;
    return -t_ns < run->t.wall_ns ? run->t.wall_ns + t_ns : 0;
}

/* A mark's name takes precedence over a time; "tick#3" may be a name or the third "tick". */
static int find_moment(struct report *report, const struct run *run, const struct filter *filter,
                       const char *text, int64_t after_ns, struct moment *moment)
{
    const char *hash = strrchr(text, '#');
    double seconds;
    int found = find_mark(report, run, filter, text, 1, after_ns, &moment->t_ns);

    if (found < 0) /* it is before the other moment; the error comes later */
        found = find_mark(report, run, filter, text, 1, WINDOW_START, &moment->t_ns);
    moment->mark = strdup(text);
    if (found < 0 && hash != NULL && atol(hash + 1) > 0) {
        char *name = strndup(text, (size_t)(hash - text));

        found = find_mark(report, run, filter, name, atol(hash + 1), WINDOW_START, &moment->t_ns);
        free(name);
    }
    if (found == 0 && !run->window.exact && run->thinned.set) { /* the last look before it, then */
        free(moment->mark);
        moment->mark = NULL;
        moment->wanted_ns = moment->t_ns;
        look_up(report, run, moment);
        return EXIT_FINE;
    }
    if (found == 0 && !run->window.exact)
        return report_error(
            report, EXIT_FAILED,
            "of mark '%s' in run %lld is not known what sites had counted: there were too many marks, "
            "or stacks, before. An earlier mark or a time may do",
            text, (long long)run->number);
    if (found >= 0)
        return EXIT_FINE;
    if (!window_time(text, &seconds))
        return no_mark(report, run, text);
    free(moment->mark);
    moment->mark = NULL;
    moment->t_ns = moment->wanted_ns = moment->shown_ns = window_since_start(run, seconds);
    if (moment->t_ns >= run->t.wall_ns)
        moment->t_ns = WINDOW_END;
    else if (!run->window.exact)
        look_up(report, run, moment);
    return EXIT_FINE;
}

/* ---- what is in between ---------------------------------------------------------------------- */

/* What site_by_type is to `site`. */
int window_divide(const struct report *report, struct run *run)
{
    char table[sizeof run->window.sites];
    int status = EXIT_FINE;

    if (!run->divided)
        return status;
    strcpy(table, run->window.sites);
    snprintf(run->window.sites, sizeof run->window.sites, "%.16s_by_type", table);
    char *sql = sqlite3_mprintf(
        "CREATE TEMP VIEW %s AS SELECT s.run AS run, coalesce(p.part, s.node) AS node, s.process AS process, "
        "s.thread AS thread, s.line AS line, s.leaf AS leaf, {measures: coalesce(s.# * (p.start + p.seen) / "
        "p.looks - s.# * p.start / p.looks, s.#) AS #}, s.smallest AS smallest, s.largest AS largest, "
        "s.sizes AS sizes, s.lifetimes AS lifetimes, p.start AS start, p.seen AS seen, p.looks AS looks%s "
        "FROM %s AS s LEFT JOIN stack_part AS p ON p.run = s.run AND p.node = s.node",
        run->window.sites,
        sampling_is_on(run)
            ? ", {measures: coalesce(s.#_variance * p.seen / p.looks, s.#_variance) AS #_variance}"
            : "",
        table);
    sqlite3_stmt *s = report_prepare_text(report, sql);

    if (s == NULL)
        return EXIT_FAILED;
    report_step(report, s, &status);
    sqlite3_finalize(s);
    return status;
}

/* The columns of variances, by the model of variances.h: of parts none are stored. ?3 is the interval. */
static const char model_of_part[] =
    ", " VARIANCES_BLOCKS("c.allocations", "c.bytes", "?3") " AS allocations_variance, " VARIANCES_BYTES(
        "c.allocations", "c.bytes",
        "?3") " AS bytes_variance, " VARIANCES_BLOCKS("c.live_allocations", "c.live_bytes",
                                                      "?3") " AS "
                                                            "live_allocations_variance,"
                                                            " " VARIANCES_BYTES(
                                                                "c.live_"
                                                                "allocations",
                                                                "c.live_bytes",
                                                                "?3") " AS "
                                                                      "live_bytes_"
                                                                      "variance,"
                                                                      " " VARIANCES_SOME(
                                                                          "c.temporary", "c.allocations",
                                                                          "c.bytes",
                                                                          "?3") " AS temporary_variance, "
                                                                                "{whole: 0.0 AS #_variance}";

/* True if the sum of all samples is what the sites have counted: they were looked at when the run ended, or, where it goes
 * on, when the sites were written. */
static int sampled_to_the_end(struct report *report, const struct run *run)
{
    sqlite3_stmt *s =
        report_prepare(report, "SELECT 1 FROM moment WHERE run = ?1 AND t_ns = (SELECT max(t_ns) FROM moment "
                               "WHERE run = ?1) AND max(t_ns, until_ns) >= ?2");
    int status = EXIT_FINE, found = 0;

    if (s != NULL) {
        sqlite3_bind_int64(s, 1, run->number);
        sqlite3_bind_int64(s, 2, run->t.wall_ns);
        found = report_step(report, s, &status);
    }
    sqlite3_finalize(s);
    return found;
}

/* How a part is added up: from the samples within, or from the sites without the samples before it or after it. */
enum adding { WITHIN, WITHOUT_BEFORE, WITHOUT_AFTER };

/* A run of weeks has millions of samples, and its last hour few. */
static enum adding how_to_add(struct report *report, const struct run *run)
{
    const struct window *window = &run->window;
    int to_end = window->to.t_ns == WINDOW_END,
        late = to_end ? window->from.t_ns > run->t.wall_ns / 2 : window->to.t_ns > run->t.wall_ns / 2;

    if (to_end)
        return late && sampled_to_the_end(report, run) ? WITHIN : WITHOUT_BEFORE;
    return window->from.t_ns == WINDOW_START && late && sampled_to_the_end(report, run) ? WITHOUT_AFTER
                                                                                        : WITHIN;
}

/* Creates the table of the part's sites. What was counted up to a moment is the sum of its samples; up to
 * the end, the sites themselves. */
static int make_sites(struct report *report, struct run *run)
{
    static const char *const samples[] = {[WITHIN] = "t_ns > ?1 AND t_ns <= ?2",
                                          [WITHOUT_BEFORE] = "t_ns <= ?1",
                                          [WITHOUT_AFTER] = "t_ns > ?2"};
    static int made;
    struct window *window = &run->window;
    enum adding how = how_to_add(report, run);

    snprintf(window->sites, sizeof window->sites, "between_%d", ++made);
    char *sql = sqlite3_mprintf(
        "CREATE TEMP TABLE %s AS SELECT %lld AS run, {key: c.# AS #}, s.line AS line, s.leaf AS leaf, "
        "{sampled: c.# AS #}, {whole: 0 AS #}, 0 AS smallest, 0 AS largest, NULL AS "
        "sizes, "
        "NULL AS lifetimes%s FROM ("
        " SELECT {key: #}, {sampled: sum(#) AS #} FROM ("
        "  SELECT {key: #}, %s FROM site_sample WHERE run = %lld AND %s"
        "  UNION ALL"
        "  SELECT {key: #}, {sampled: #} FROM site WHERE run = %lld AND %d"
        " ) GROUP BY {key: #}"
        ") AS c LEFT JOIN site AS s ON s.run = %lld AND ({key: s.#}) = ({key: c.#}) "
        "WHERE ({sampled: c.#}) <> ({sampled: 0})",
        window->sites, (long long)run->number, sampling_is_on(run) ? model_of_part : "",
        how != WITHIN ? "{sampled: -# AS #}" : "{sampled: #}", (long long)run->number, samples[how],
        (long long)run->number, how != WITHIN, (long long)run->number);
    sqlite3_stmt *s = report_prepare_text(report, sql);
    int status = s != NULL ? EXIT_FINE : EXIT_FAILED;

    if (s != NULL) {
        sqlite3_bind_int64(s, 1, window->from.t_ns);
        sqlite3_bind_int64(s, 2, window->to.t_ns);
        if (sampling_is_on(run))
            sqlite3_bind_int64(s, 3, run->sampling.interval);
        report_step(report, s, &status);
    }
    sqlite3_finalize(s);
    return status == EXIT_FINE ? window_divide(report, run) : status;
}

/* The highest heap is known from mark to mark, and from the last mark to the end. */
static int find_peak(struct report *report, struct run *run)
{
    struct window *window = &run->window;
    int to_end = window->to.t_ns == WINDOW_END, status = EXIT_FINE;

    if ((window->from.mark == NULL && window->from.t_ns != WINDOW_START) ||
        (window->to.mark == NULL && !to_end))
        return EXIT_FINE;
    sqlite3_stmt *s =
        report_prepare(report, "SELECT lap_peak_allocations, lap_peak_bytes FROM mark WHERE run = ?1 AND "
                               "t_ns > ?2 AND t_ns <= ?3 ORDER BY lap_peak_bytes DESC, t_ns LIMIT 1");

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, run->number);
    sqlite3_bind_int64(s, 2, window->from.t_ns);
    sqlite3_bind_int64(s, 3, window->to.t_ns);
    window->peak_known = 1;
    if (report_step(report, s, &status)) {
        window->peak_allocations = sqlite3_column_int64(s, 0);
        window->peak_bytes = sqlite3_column_int64(s, 1);
    }
    if (to_end && run->t.lap_peak_bytes > window->peak_bytes) {
        window->peak_allocations = run->t.lap_peak_allocations;
        window->peak_bytes = run->t.lap_peak_bytes;
    }
    sqlite3_finalize(s);
    return status;
}

/* Splits "TO", "FROM..TO", "FROM..", "..TO"; a mark's name may contain "..", too. */
static void split(struct report *report, const struct run *run, const struct filter *filter,
                  const char **from, const char **to, char **copy)
{
    int64_t t_ns;

    *copy = strdup(run->window.text);
    char *dots = strstr(*copy, "..");

    *from = NULL;
    *to = *copy;
    if (dots == NULL || find_mark(report, run, filter, *copy, 1, WINDOW_START, &t_ns) >= 0)
        return;
    *dots = '\0';
    *from = dots > *copy ? *copy : NULL;
    *to = dots[2] != '\0' ? dots + 2 : NULL;
}

int window_resolve(struct report *report, struct run *run, const struct filter *filter)
{
    struct window *window = &run->window;
    const char *from = filter->from, *to = filter->to;
    char *copy = NULL;
    int status = EXIT_FINE;

    if (window->text != NULL)
        split(report, run, filter, &from, &to, &copy);
    if (window->set || (from == NULL && to == NULL)) {
        free(copy);
        return EXIT_FINE;
    }
    window->from.t_ns = WINDOW_START;
    window->to.t_ns = WINDOW_END;
    if (from != NULL)
        status = find_moment(report, run, filter, from, WINDOW_START, &window->from);
    if (status == EXIT_FINE && to != NULL)
        status = find_moment(report, run, filter, to, window->from.t_ns, &window->to);
    if (status == EXIT_FINE && window->from.t_ns == WINDOW_END)
        status = report_error(report, EXIT_FAILED, "run %lld was over by then: nothing comes after '%s'",
                              (long long)run->number, from);
    if (status == EXIT_FINE && from != NULL && to != NULL && same_in_doubt(&window->from, &window->to))
        status = nothing_between(report, run, &window->from, &window->to);
    if (status == EXIT_FINE && window->to.t_ns < window->from.t_ns)
        status = report_error(report, EXIT_FAILED, "in run %lld, '%s' comes before '%s'",
                              (long long)run->number, to, from);
    free(copy);
    window->set = 1;
    if (status == EXIT_FINE && !window->exact)
        status = make_sites(report, run);
    return status == EXIT_FINE ? find_peak(report, run) : status;
}

int window_resolve_exact(struct report *report, struct run *run, const struct filter *filter)
{
    run->window.exact = 1;
    return window_resolve(report, run, filter);
}

/* ---- showing --------------------------------------------------------------------------------- */

static int64_t moment_shown(const struct run *run, const struct moment *moment)
{
    return moment->t_ns == WINDOW_END     ? run->t.wall_ns
           : moment->t_ns == WINDOW_START ? 0
           : moment->mark == NULL         ? moment->shown_ns
                                          : moment->t_ns;
}

static void print_moment(FILE *out, const struct run *run, const struct moment *moment, const char *end)
{
    char t[UNITS_SIZE], *name = moment->mark != NULL ? text_harmless(moment->mark) : NULL;
    int64_t t_ns = moment_shown(run, moment);

    units_seconds(t, (double)t_ns / 1e9);
    if (moment->t_ns == WINDOW_START)
        fputs("the start", out);
    else if (name != NULL || moment->t_ns == WINDOW_END)
        fprintf(out, "%s (%s)", name != NULL ? name : end, t);
    else
        fputs(t, out);
    if (moment->mark == NULL && moment->t_ns != WINDOW_END && moment->shown_ns < moment->wanted_ns)
        fprintf(out, " (the last look before %s)", units_seconds(t, (double)moment->wanted_ns / 1e9));
    free(name);
}

void window_print(const struct report *report, const struct run *run, const struct store_measures *sums)
{
    const struct window *window = &run->window;
    char a[UNITS_SIZE], b[UNITS_SIZE], c[UNITS_SIZE], *text = NULL;
    size_t size;

    if (!window->set)
        return;
    FILE *out = open_memstream(&text, &size);

    fputs("From ", out);
    print_moment(out, run, &window->from, NULL);
    fputs(" to ", out);
    print_moment(out, run, &window->to, run->state == RUN_RECORDING ? "now" : "the end");
    if (sums != NULL)
        fprintf(out, ": %s allocation%s, %s; live %s", units_count(a, sums->allocations),
                sums->allocations == 1 ? "" : "s", units_bytes(b, sums->bytes, report->bytes),
                sums->live_bytes == 0 ? "as before"
                                      : units_bytes_signed(c, (double)sums->live_bytes, report->bytes));
    if (window->peak_known)
        fprintf(out, "; the heap %s at most", units_bytes(a, window->peak_bytes, report->bytes));
    fclose(out);
    fputs(report_color(report, "yellow"), stdout);
    text_wrap(stdout, text, (size_t)report->width, 2);
    fputs(report_color(report, "reset"), stdout);
    free(text);
}

static void json_moment(struct json *json, const char *key, const struct run *run,
                        const struct moment *moment)
{
    int64_t t_ns = moment_shown(run, moment);

    json_object(json, key);
    if (moment->mark != NULL)
        json_text(json, "mark", moment->mark);
    else
        json_null(json, "mark");
    json_real(json, "t_s", (double)t_ns / 1e9);
    json_close(json);
}

void window_json(struct json *json, const struct run *run)
{
    if (!run->window.set)
        return;
    json_object(json, "part");
    json_moment(json, "from", run, &run->window.from);
    json_moment(json, "to", run, &run->window.to);
    if (run->window.peak_known) {
        json_number(json, "peak_allocations", run->window.peak_allocations);
        json_number(json, "peak_bytes", run->window.peak_bytes);
    } else {
        json_null(json, "peak_allocations");
        json_null(json, "peak_bytes");
    }
    json_close(json);
}

char *window_name(const struct run *run, const char *name)
{
    if (run->window.text == NULL)
        return strdup(name);
    const struct moment *to = &run->window.to;
    char t[UNITS_SIZE];

    if (run->window.set && to->mark == NULL && to->t_ns != WINDOW_END && to->shown_ns < to->wanted_ns)
        return text_make("%s@%s (at %s)", name, run->window.text,
                         units_seconds(t, (double)moment_shown(run, to) / 1e9));
    return text_make("%s@%s", name, run->window.text);
}
