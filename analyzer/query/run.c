/* run.c - chooses a run, and waits for one that is nearly done. */
#define _GNU_SOURCE
#include "run.h"
#include "args.h"
#include "kind.h"
#include "live.h"
#include "missing.h"
#include "sampling.h"
#include "text.h"
#include "units.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS 50
/* How long to wait without any progress: big binaries take seconds. A collector that may have ended, with its container
 * or before the machine was started, is waited for less long. */
#define PATIENCE_MS 60000
#define PATIENCE_UNSURE_MS 10000
#define TELL_MS 3000    /* after so long without progress, print what is waited for */
#define STOPPED_MS 1000 /* a collector that has been stopped for so long is not waited for */

const char *const run_states[] = {"complete", "recording", "recording", "interrupted", "incomplete"};

static char *column_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);

    return strdup(text != NULL ? text : "");
}

void run_free(struct run *run)
{
    free(run->label);
    free(run->command);
    free(run->started);
    free(run->root);
    free(run->why);
    window_free(&run->window);
    *run = (struct run){0};
}

/* True if one of these processes is alive; pids: numbers separated by commas. */
static int any_lives(const char *pids)
{
    char *end = NULL;

    for (const char *at = pids; at != NULL && *at != '\0'; at = *end == ',' ? end + 1 : end) {
        long pid = strtol(at, &end, 10);

        if (end == at)
            return 0;
        if (store_process_start(pid) >= 0)
            return 1;
    }
    return 0;
}

/* pids: the processes that had not ended when the collector last wrote. */
static enum run_state state_of(const struct store *store, const struct run *run, const char *state,
                               const char *phase, const char *pids)
{
    if (state != NULL && strcmp(state, "complete") == 0)
        return RUN_COMPLETE;
    if (state != NULL && strcmp(state, "incomplete") == 0)
        return RUN_INCOMPLETE;
    enum store_collector_state collector = store_collector_state(store, &run->collector);

    if (state == NULL || strcmp(state, "recording") != 0 || collector == STORE_COLLECTOR_GONE)
        return RUN_INTERRUPTED;
    /* Once all its processes have ended, the collector is about to look up names, even if it has not
     * written so yet. */
    if (phase != NULL && strcmp(phase, "running") == 0 &&
        (collector == STORE_COLLECTOR_ELSEWHERE || run->processes == 0 || any_lives(pids)))
        return RUN_RECORDING;
    return RUN_SYMBOLS;
}

/* Fills in *run. True if the row says that it is being recorded, but its collector is gone. */
static int fill(const struct store *store, struct run *run, sqlite3_stmt *s)
{
    int64_t *const numbers[] = {
        &run->t.frees,
        &run->t.freed_bytes,
        &run->t.wall_ns,
        &run->t.cpu_ns,
        &run->t.peak_ns,
        &run->t.peak_rss_bytes,
        &run->t.foreign_frees,
        &run->t.events_lost,
        &run->t.stacks_checked,
        &run->t.stacks_different,
        &run->t.stacks_slow,
        &run->t.waits,
        &run->t.waited_ns,
        &run->t.collector_cpu_ns,
        &run->processes,
        &run->threads,
        &run->number,
        &run->collector.pid,
        &run->collector.start,
        &run->collector.pid_namespace,
        &run->collector.taken_ns,
        &run->t.lap_peak_allocations,
        &run->t.lap_peak_bytes,
        &run->t.by_thread,
        &run->t.damaged,
        &run->t.stopped,
        &run->t.untraced,
        &run->t.stacks_lost,
        &run->t.end_allocations,
        &run->t.end_bytes,
    };
    int n = sizeof numbers / sizeof numbers[0];

    for (int i = 0; i < n; i++)
        *numbers[i] = sqlite3_column_int64(s, i);
    run->collector.run = run->number;
    run->label = column_text(s, n);
    run->command = column_text(s, n + 1);
    run->started = column_text(s, n + 2);
    run->root = column_text(s, n + 3);
    run->why = sqlite3_column_type(s, n + 9) == SQLITE_NULL ? NULL : column_text(s, n + 9);
    run->t.exit_known = sqlite3_column_type(s, n + 4) != SQLITE_NULL;
    run->t.exit_status = sqlite3_column_int(s, n + 4);
    run->progress = sqlite3_column_double(s, n + 5);
    const char *phase = (const char *)sqlite3_column_text(s, n + 7);
    run->divided = sqlite3_column_int(s, n + 10);
    run->unreadable = sqlite3_column_int64(s, n + 11);
    int column = n + 12;

    for (int i = 0; i < MEASURES; i++)
        if (!measures[i].sites_only)
            measures_values(&run->t.m)[i] = sqlite3_column_int64(s, column++);
    measures_of_run(&run->t.m);
    run->counting = phase == NULL || strcmp(phase, "running") == 0;
    run->resolved = phase != NULL && strcmp(phase, "done") == 0;
    const char *state = (const char *)sqlite3_column_text(s, n + 6);
    run->state = state_of(store, run, state, phase, (const char *)sqlite3_column_text(s, n + 8));
    return run->state == RUN_INTERRUPTED && state != NULL && strcmp(state, "recording") == 0;
}

/* *left: the row says that it is being recorded, but its collector is gone. */
static int read_row(struct report *report, int64_t number, struct run *run, int *left)
{
    static const char sql[] =
        "SELECT frees, freed_bytes, wall_ns, cpu_ns, peak_ns, peak_rss_bytes, foreign_frees, events_lost, "
        "stacks_checked, "
        "stacks_different, stacks_slow, waits, waited_ns, collector_cpu_ns, "
        "(SELECT count(*) FROM process AS p WHERE p.run = run.id), "
        "(SELECT count(*) FROM thread AS t WHERE t.run = run.id), id, collector_pid, collector_start, "
        "pid_namespace, taken_ns, lap_peak_allocations, lap_peak_bytes, by_thread, damaged, stopped, "
        "untraced, stacks_lost, end_allocations, end_bytes, "
        "label, command, started, root, exit_status, progress, state, phase, "
        "(SELECT group_concat(p.pid) FROM process AS p WHERE p.run = run.id AND p.ended_ns IS NULL), why, "
        "EXISTS (SELECT 1 FROM stack_part AS p WHERE p.run = run.id AND p.part <> p.node), "
        "(SELECT count(*) FROM unreadable AS u WHERE u.run = run.id), "
        "{totals: #} "
        "FROM run WHERE id = ?";
    sqlite3_stmt *statement = report_prepare(report, sql);
    int status = EXIT_FINE;

    *run = (struct run){0};
    if (statement == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(statement, 1, number);
    if (report_step(report, statement, &status)) {
        *left = fill(report->store, run, statement);
        int ours = store_run_is_ours(report->store, number);

        run->ours = ours > 0;
        if (ours < 0)
            status = report_error(report, EXIT_FAILED, "%s", store_error(report->store));
    }
    sqlite3_finalize(statement);
    if (status == EXIT_FINE && run->number != 0 && store_is_sampled(report->store))
        status = sampling_read(report, run);
    if (status == EXIT_FINE && run->number != 0)
        status = thinned_read(report, run);
    return status == EXIT_FINE && run->number != 0 ? kind_totals(report, run) : status;
}

/* Reads a run, without a number if there is none. If its collector is gone while the row says that it is
 * being recorded, the collector may have completed it just after we read: read once more. */
static int load(struct report *report, int64_t number, struct run *run)
{
    int left = 0;
    int status = read_row(report, number, run, &left);

    if (status != EXIT_FINE || !left)
        return status;
    run_free(run);
    if (!sqlite3_get_autocommit(report->sql))
        sqlite3_exec(report->sql, "COMMIT; BEGIN", NULL, NULL, NULL);
    return read_row(report, number, run, &left);
}

int run_try(struct report *report, int64_t number, struct run *run)
{
    int status = load(report, number, run);

    return status == EXIT_FINE && run->number == 0 ? EXIT_FAILED : status;
}

int run_load(struct report *report, int64_t number, struct run *run)
{
    int status = load(report, number, run);

    if (status == EXIT_FINE && run->number == 0)
        status = report_error(report, EXIT_FAILED,
                              "%s has no run %lld any more: it was removed, or the file is damaged.",
                              report->db, (long long)number);
    return status;
}

int run_numbers(struct report *report, const char *label, int64_t **numbers, size_t *count)
{
    sqlite3_stmt *statement =
        report_prepare(report, "SELECT id FROM run WHERE ?1 IS NULL OR label = ?1 ORDER BY id DESC");
    int status = EXIT_FINE;

    *numbers = NULL;
    *count = 0;
    if (statement == NULL)
        return EXIT_FAILED;
    sqlite3_bind_text(statement, 1, label, -1, SQLITE_STATIC);
    while (report_step(report, statement, &status)) {
        int64_t *more = realloc(*numbers, (*count + 1) * sizeof *more);

        *numbers = more;
        more[(*count)++] = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return status;
}

/* ---- choosing -------------------------------------------------------------------------------- */

static int one_number(struct report *report, const char *sql, const char *text, int64_t *number)
{
    sqlite3_stmt *statement = report_prepare(report, sql);
    int status = EXIT_FINE;

    *number = 0;
    if (statement == NULL)
        return EXIT_FAILED;
    if (text != NULL)
        sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
    if (report_step(report, statement, &status))
        *number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return status;
}

static int unknown_run(struct report *report, const char *text)
{
    enum { MOST = 200 };
    char *labels[MOST];
    size_t count = 0;
    int status = EXIT_FINE;
    sqlite3_stmt *statement =
        report_prepare(report, "SELECT DISTINCT label FROM run ORDER BY id DESC LIMIT 200");

    while (statement != NULL && count < MOST && report_step(report, statement, &status))
        labels[count++] = column_text(statement, 0);
    sqlite3_finalize(statement);
    const char *nearest = args_nearest(text, (const char *const *)labels, count);

    if (nearest != NULL)
        status = report_error(report, EXIT_FAILED, "%s has no run '%s'; did you mean '%s'?", report->db, text,
                              nearest);
    else
        status =
            report_error(report, EXIT_FAILED, "%s has no run of number or label '%s'; see: trace-report runs",
                         report->db, text);
    for (size_t i = 0; i < count; i++)
        free(labels[i]);
    return status;
}

/* *number = 0 if there is none. */
static int choose(struct report *report, const char *text, int64_t *number)
{
    int status = EXIT_FINE;

    *number = 0;
    if (text == NULL)
        return one_number(report, "SELECT coalesce(max(id), 0) FROM run", NULL, number);
    if (*text != '\0' && text[strspn(text, "0123456789")] == '\0')
        status = one_number(report, "SELECT id FROM run WHERE id = CAST(?1 AS INTEGER)", text, number);
    if (status == EXIT_FINE && *number == 0)
        status = one_number(report, "SELECT coalesce(max(id), 0) FROM run WHERE label = ?1", text, number);
    return status;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void show_progress(double progress, int done)
{
    enum { WIDTH = 30 };
    int filled = progress < 0 ? 0 : progress > 1 ? WIDTH : (int)(progress * WIDTH);

    if (done)
        fputs("\r\033[K", stderr);
    else
        fprintf(stderr, "\rlooking up names [%.*s%*s] %3.0f %%", filled,
                "==============================", WIDTH - filled, "", progress * 100);
    fflush(stderr);
}

/* A wait for a collector; times by store_clock(). */
struct wait {
    double progress;  /* as it was at the last look */
    int64_t since_ns; /* so long it has been the same */
    int64_t ran_ns;   /* when the collector was last seen not to be stopped */
    int told;         /* what is waited for was printed */
};

static int64_t ms_since(int64_t ns)
{
    return (store_clock() - ns) / 1000000;
}

/* True if waiting without progress should end; prints why. */
static int give_up(const struct report *report, const struct run *run, struct wait *wait)
{
    const char *reason = NULL;

    if (run->progress != wait->progress)
        wait->since_ns = store_clock();
    wait->progress = run->progress;
    if (!store_collector_stopped(&run->collector))
        wait->ran_ns = store_clock();
    int64_t waited_ms = ms_since(wait->since_ns);
    int stopped = ms_since(wait->ran_ns) >= STOPPED_MS;
    int patience_ms = store_collector_sure(report->store, &run->collector) ? PATIENCE_MS : PATIENCE_UNSURE_MS;

    if (stopped)
        reason = live_stopped;
    else if (waited_ms >= TELL_MS && !wait->told &&
             !isatty(STDERR_FILENO)) { /* a terminal has the progress bar */
        reason = run->counting ? "has not written all of it yet, and is waited for"
                               : "is looking up names, and is waited for";
        wait->told = 1;
    }
    if (reason != NULL && isatty(STDERR_FILENO) && !report->watching)
        show_progress(1, 1);
    if (reason != NULL)
        report_error(report, EXIT_FINE, "run %lld: its collector (process %lld) %s", (long long)run->number,
                     (long long)run->collector.pid, reason);
    return stopped || waited_ms >= patience_ms;
}

/* Waits until names are looked up. The file is closed between two looks, so that the collector can bring
 * it into its final form. */
static int wait_for_symbols(struct report *report, struct run *run)
{
    int64_t number = run->number;
    struct wait wait = {.progress = -1, .ran_ns = store_clock()};
    int status = EXIT_FINE, shown = 0;

    while (status == EXIT_FINE && run->state == RUN_SYMBOLS && !give_up(report, run, &wait)) {
        if (isatty(STDERR_FILENO) && !report->watching) {
            show_progress(run->progress, 0);
            shown = 1;
        }
        report_close(report);
        usleep(POLL_MS * 1000);
        run_free(run);
        status = report_open(report);
        if (status == EXIT_FINE)
            status = run_load(report, number, run);
    }
    if (shown)
        show_progress(1, 1);
    return status;
}

int run_again(struct report *report, struct run *run)
{
    int64_t number = run->number;
    char *window = run->window.text;

    run->window.text = NULL;
    run_free(run);
    int status = run_load(report, number, run);

    run->window.text = window;
    return status;
}

/* Has the collector write what it knows by now, or waits until it is done. Ends a read transaction that
 * was begun for an earlier run, as that could not show anything newer. */
static int catch_up(struct report *report, struct run *run)
{
    int status = EXIT_FINE;

    if (!sqlite3_get_autocommit(report->sql))
        sqlite3_exec(report->sql, "COMMIT", NULL, NULL, NULL);
    if (run->state == RUN_RECORDING) {
        live_ask(report, run, 1);
        status = run_again(report, run);
    }
    return status == EXIT_FINE && run->state == RUN_SYMBOLS ? wait_for_symbols(report, run) : status;
}

/* A collector may have created tables since the file was opened. */
static int show_new_tables(const struct report *report)
{
    if (!sqlite3_get_autocommit(report->sql) ||
        (store_pages_show(report->store) == 0 && store_types_show(report->store) == 0 &&
         store_sampling_show(report->store) == 0 && store_thinning_show(report->store) == 0))
        return EXIT_FINE;
    return report_error(report, EXIT_FAILED, "%s", store_error(report->store));
}

int run_settle_all(struct report *report)
{
    int64_t *numbers = NULL;
    size_t count = 0;
    sqlite3_stmt *statement = report_prepare(report, "SELECT id FROM run WHERE state = 'recording'");
    int status = statement != NULL ? EXIT_FINE : EXIT_FAILED;

    if (status == EXIT_FINE)
        live_ask_all(report);
    while (status == EXIT_FINE && report_step(report, statement, &status)) {
        int64_t *more = realloc(numbers, (count + 1) * sizeof *numbers);
        numbers = more;
        numbers[count++] = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    for (size_t i = 0; i < count && status == EXIT_FINE; i++) {
        struct run run = {0};
        status = run_load(report, numbers[i], &run);
        if (status == EXIT_FINE && run.state == RUN_SYMBOLS)
            status = wait_for_symbols(report, &run);
        run_free(&run);
    }
    free(numbers);
    if (status == EXIT_FINE)
        status = show_new_tables(report);
    return status;
}

/* "list@loaded", "3@1.5..2", "@loaded": splits at the first @ that has the name of a run before it; labels
 * may contain @, too. */
static int choose_window(struct report *report, const char *text, int64_t *number, const char **window)
{
    int status = EXIT_FINE;

    for (const char *at = strchr(text, '@');
         at != NULL && at[1] != '\0' && status == EXIT_FINE && *number == 0; at = strchr(at + 1, '@')) {
        char *name = strndup(text, (size_t)(at - text));

        status = choose(report, *name != '\0' ? name : NULL, number);
        *window = at + 1;
        free(name);
    }
    return status;
}

static int find(struct report *report, const char *text, int windows, struct run *run)
{
    *run = (struct run){0};
    int64_t number;
    const char *window = NULL;
    int status = choose(report, text, &number);

    if (status == EXIT_FINE && number == 0 && text != NULL)
        status = choose_window(report, text, &number, &window);
    report->run = text;
    if (status != EXIT_FINE)
        return status;
    if (window != NULL && number != 0 && !windows)
        return report_error(
            report, EXIT_USAGE,
            "%s is about whole runs: '%s' has a part of one. top, tree, leaks, timeline, temporary, "
            "compare, check and some exports can be narrowed to a time.",
            report->command, text);
    if (number == 0 && text != NULL)
        return unknown_run(report, text);
    if (number == 0)
        return report_error(report, EXIT_FAILED, "%s holds no run yet. Record one: trace-run PROGRAM",
                            report->db);
    status = run_load(report, number, run);
    run->window.text = window != NULL ? strdup(window) : NULL;
    if (status == EXIT_FINE && (run->state == RUN_RECORDING || run->state == RUN_SYMBOLS))
        status = catch_up(report, run);
    if (status == EXIT_FINE)
        status = show_new_tables(report);
    /* From here on, read one snapshot of the file, even if a collector goes on writing. */
    if (status == EXIT_FINE && sqlite3_get_autocommit(report->sql)) {
        sqlite3_exec(report->sql, "BEGIN", NULL, NULL, NULL);
        status = run_again(report, run);
    }
    return status;
}

int run_find(struct report *report, const char *text, struct run *run)
{
    return find(report, text, 0, run);
}

int run_find_window(struct report *report, const char *text, struct run *run)
{
    return find(report, text, 1, run);
}

/* ---- showing --------------------------------------------------------------------------------- */

int run_title(const struct report *report, const struct run *run)
{
    char *label = text_harmless(run->label), number[32];
    int taken = snprintf(number, sizeof number, "run %lld ", (long long)run->number);

    if (report->width > 0)
        label = text_cut(label, (size_t)(report->width - taken), 0);
    printf("%s%s%s%s", report_color(report, "bold"), number, label, report_color(report, "reset"));
    taken += (int)text_width(label);
    free(label);
    return taken;
}

void run_headline(const struct report *report, const struct run *run)
{
    const struct store_measures *m = &run->t.m;
    char a[UNITS_SIZE], b[UNITS_SIZE], p[UNITS_SIZE], t[UNITS_SIZE], l[UNITS_SIZE],
        u[UNITS_SIZE + 16] = "", numbers[8 * UNITS_SIZE];
    struct report narrower = *report;

    narrower.width -= report->width > 0; /* a colon follows */
    int taken = run_title(&narrower, run) + 2;

    int sampled = sampling_print(report, run, (size_t)taken);

    if (!sampled)
        putchar(':');
    if (run->t.end_bytes != m->live_bytes)
        snprintf(u, sizeof u, ", %s never freed", units_bytes(a, m->live_bytes, report->bytes));
    snprintf(numbers, sizeof numbers, "%s allocation%s, %s; peak %s at %s; %s live at end%s",
             units_count(a, m->allocations), m->allocations == 1 ? "" : "s",
             units_bytes(b, m->bytes, report->bytes), units_bytes(p, m->peak_bytes, report->bytes),
             units_seconds(t, (double)run->t.peak_ns / 1e9), units_bytes(l, run->t.end_bytes, report->bytes),
             u);
    if (kind_shown == KIND_MAPPED)
        kind_text(report, run, numbers, sizeof numbers);
    printf(sampled ? "  " : report->width > 0 && taken + (int)strlen(numbers) > report->width ? "\n  " : " ");
    text_wrap(stdout, numbers, report->width > 2 ? (size_t)report->width - 2 : 0, 2);
    missing_print(report, run);
}

void run_explain_empty(const struct report *report, const struct run *run)
{
    (void)report;
    if (run->t.m.allocations > 0)
        return;
    if (kind_shown == KIND_MAPPED && run->state != RUN_RECORDING)
        printf(
            "It mapped nothing by itself that could be seen: mmap() and the like, called by the program or a "
            "library.\n");
    else if (run->state == RUN_RECORDING)
        printf("Nothing has been counted yet; look again in a moment.\n");
    else
        printf(
            "It allocated nothing that could be seen: a program that is statically linked or setuid ignores\n"
            "LD_PRELOAD, and one with an allocator of its own may never call malloc.\n");
}

void run_json(struct json *json, const char *key, const struct run *run)
{
    const struct store_run *t = &run->t;

    json_object(json, key);
    json_number(json, "run", run->number);
    json_text(json, "label", run->label);
    json_text(json, "command", run->command);
    json_text(json, "started", run->started);
    json_text(json, "state", run_states[run->state]);
    if (run->why != NULL)
        json_text(json, "why", run->why);
    else
        json_null(json, "why");
    json_true(json, "symbols_done", run->resolved);
    json_real(json, "wall_s", (double)t->wall_ns / 1e9);
    json_real(json, "cpu_s", (double)t->cpu_ns / 1e9);
    if (t->exit_known)
        json_number(json, "exit_status", t->exit_status);
    else
        json_null(json, "exit_status");
    char signal[UNITS_SIZE];

    json_text(json, "exit_signal",
              t->exit_known && t->exit_status < 0 ? units_exit(signal, t->exit_status) : NULL);
    json_number(json, "allocations", t->m.allocations);
    json_number(json, "bytes", t->m.bytes);
    json_number(json, "frees", t->frees);
    json_number(json, "freed_bytes", t->freed_bytes);
    json_number(json, "peak_allocations", t->m.peak_allocations);
    json_number(json, "peak_bytes", t->m.peak_bytes);
    json_real(json, "peak_s", (double)t->peak_ns / 1e9);
    json_number(json, "live_allocations", t->end_allocations);
    json_number(json, "live_bytes", t->end_bytes);
    json_number(json, "unfreed_allocations", t->m.live_allocations);
    json_number(json, "unfreed_bytes", t->m.live_bytes);
    json_number(json, "temporary", t->m.temporary);
    json_number(json, "processes", run->processes);
    json_number(json, "threads", run->threads);
    json_true(json, "by_thread", (int)t->by_thread);
    json_number(json, "peak_rss_bytes", t->peak_rss_bytes);
    json_number(json, "events_lost", t->events_lost);
    json_number(json, "damaged", t->damaged);
    json_number(json, "stopped", t->stopped);
    json_number(json, "untraced", t->untraced);
    json_number(json, "stacks_lost", t->stacks_lost);
    sampling_json(json, run);
    thinned_json(json, run);
    missing_json(json, run);
    json_close(json);
}
