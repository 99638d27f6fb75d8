/* filter.c - globs are SQLite's: *, ? and [...]; a name without these matches itself. */
#define _GNU_SOURCE
#include "filter.h"
#include "by_line.h"
#include "filter_stacks.h"
#include "kind.h"
#include "text.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one name -------------------------------------------------------------------------------- */

int filter_matches(const char *glob, const char *text)
{
    return strcmp(glob, text) == 0 || sqlite3_strglob(glob, text) == 0;
}

int filter_path_matches(const char *glob, const char *path)
{
    if (strchr(glob, '/') == NULL)
        return filter_matches(glob, text_basename(path)) || filter_matches(glob, path);
    if (filter_matches(glob, path))
        return 1;
    for (const char *p = strchr(path, '/'); glob[0] != '/' && p != NULL; p = strchr(p + 1, '/'))
        if (filter_matches(glob, p + 1))
            return 1;
    return 0;
}

int filter_function_matches(const char *glob, const char *name)
{
    const char *parenthesis = strchr(name, '(');

    if (filter_matches(glob, name))
        return 1;
    if (parenthesis == NULL || parenthesis == name)
        return 0;
    char *bare = strndup(name, (size_t)(parenthesis - name));
    int found = filter_matches(glob, bare);

    free(bare);
    return found;
}

/* ---- lines and processes --------------------------------------------------------------------- */

int filter_has_names(const struct filter *f)
{
    return f != NULL && (f->module != NULL || f->file != NULL || f->language != NULL);
}

int filter_has_stacks(const struct filter *f)
{
    return f != NULL && (f->function != NULL || f->below != NULL || f->type != NULL ||
                         f->skip_wrappers != NULL || f->mine);
}

int filter_is_set(const struct filter *f)
{
    return f != NULL && (f->process != NULL || f->thread != NULL || f->function != NULL || f->below != NULL ||
                         f->type != NULL || filter_has_names(f));
}

int filter_line(const struct filter *f, const char *file, const char *module, const char *language)
{
    if (f == NULL)
        return 1;
    return (f->language == NULL || (language != NULL && filter_matches(f->language, language))) &&
           (f->file == NULL || (file != NULL && filter_path_matches(f->file, file))) &&
           (f->module == NULL || (module != NULL && filter_path_matches(f->module, module)));
}

static int compare_owners(const void *a, const void *b)
{
    const struct filter_owner *x = a, *y = b;

    if (x->run != y->run)
        return x->run < y->run ? -1 : 1;
    if (x->process != y->process)
        return x->process < y->process ? -1 : 1;
    return (x->thread > y->thread) - (x->thread < y->thread);
}

static int is_among(const struct filter_owners *owners, int64_t run, int64_t process, int64_t thread)
{
    const struct filter_owner key = {run, process, thread};

    return owners->count > 0 &&
           bsearch(&key, owners->list, owners->count, sizeof key, compare_owners) != NULL;
}

int filter_process(const struct filter *f, int64_t run, int64_t process)
{
    return f == NULL || f->process == NULL || is_among(&f->processes, run, process, 0);
}

/* filter->threads holds only threads of processes that pass. */
int filter_site(const struct filter *f, int64_t run, int64_t process, int64_t thread, int64_t node)
{
    if (!filter_stacks_pass(f, run, node))
        return 0;
    return f != NULL && f->thread != NULL ? is_among(&f->threads, run, process, thread)
                                          : filter_process(f, run, process);
}

static void sql_line(sqlite3_context *context, int count, sqlite3_value **value)
{
    const char *text[3];

    (void)count;
    for (int i = 0; i < 3; i++)
        text[i] = (const char *)sqlite3_value_text(value[i]);
    sqlite3_result_int(context, filter_line(sqlite3_user_data(context), text[0], text[1], text[2]));
}

/* Arguments: run, process, thread, node; the last ones may be missing. */
static void sql_site(sqlite3_context *context, int count, sqlite3_value **value)
{
    const struct filter *filter = sqlite3_user_data(context);
    int64_t key[4] = {0};

    for (int i = 0; i < count && i < 4; i++)
        key[i] = sqlite3_value_int64(value[i]);
    sqlite3_result_int(context, filter_site(filter, key[0], key[1], key[2], key[3]));
}

static void sql_charge(sqlite3_context *context, int count, sqlite3_value **value)
{
    (void)count;
    if (sqlite3_value_type(value[2]) == SQLITE_NULL) /* names are not looked up yet */
        return;
    sqlite3_result_int64(context,
                         filter_stacks_charge(sqlite3_user_data(context), sqlite3_value_int64(value[0]),
                                              sqlite3_value_int64(value[1]), sqlite3_value_int64(value[2])));
}

const char *filter_sql_line(const struct filter *filter)
{
    return filter_has_names(filter) ? "libtrace_line_passes(file, module, language)" : "1";
}

/* Unless a thread is asked for, sums of whole processes do as well as sites. */
const char *filter_sql_site(const struct filter *filter)
{
    return filter != NULL && (filter->function != NULL || filter->below != NULL || filter->type != NULL)
               ? "libtrace_site_passes(run, process, thread, node)"
           : filter != NULL && filter->thread != NULL  ? "libtrace_site_passes(run, process, thread)"
           : filter != NULL && filter->process != NULL ? "libtrace_site_passes(run, process)"
                                                       : "1";
}

const char *filter_sql_charge(const struct filter *filter)
{
    return filter != NULL && (filter->skip_wrappers != NULL || filter->mine)
               ? "libtrace_charge(run, node, line)"
               : "line";
}

/* ---- preparing ------------------------------------------------------------------------------- */

int filter_begin(struct report *report, struct filter *filter)
{
    const int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;
    const char *wrappers = getenv("LIBTRACE_SKIP_WRAPPERS");

    if (filter->skip_wrappers == NULL && wrappers != NULL && *wrappers != '\0')
        filter->skip_wrappers = wrappers;
    if (sqlite3_create_function_v2(report->sql, "libtrace_line_passes", 3, flags, filter, sql_line, NULL,
                                   NULL, NULL) != SQLITE_OK ||
        sqlite3_create_function_v2(report->sql, "libtrace_site_passes", -1, flags, filter, sql_site, NULL,
                                   NULL, NULL) != SQLITE_OK ||
        sqlite3_create_function_v2(report->sql, "libtrace_charge", 3, flags, filter, sql_charge, NULL, NULL,
                                   NULL) != SQLITE_OK)
        return report_error(report, EXIT_FAILED, "out of memory");
    return EXIT_FINE;
}

static void keep(struct filter_owners *owners, struct filter_owner owner)
{
    struct filter_owner *more = realloc(owners->list, (owners->count + 1) * sizeof *more);

    owners->list = more;
    more[owners->count++] = owner;
}

static void put_in_order(struct filter_owners *owners)
{
    if (owners->count > 0)
        qsort(owners->list, owners->count, sizeof *owners->list, compare_owners);
}

/* The number of a process in the run, or else a PID (which may have been used again: then all of these). */
static int is_process(const struct filter *f, sqlite3_stmt *s, int by_number)
{
    const char *command = (const char *)sqlite3_column_text(s, 2),
               *executable = (const char *)sqlite3_column_text(s, 3);

    if (f->process[strspn(f->process, "0123456789")] == '\0')
        return strtoll(f->process, NULL, 10) == sqlite3_column_int64(s, by_number ? 0 : 1);
    if (command != NULL && filter_matches(f->process, command))
        return !by_number;
    return !by_number && executable != NULL && filter_path_matches(f->process, executable);
}

static int check_part(const struct report *report, const struct run *run, enum measure by)
{
    if (!run->window.set || measure_sampled(by))
        return EXIT_FINE;
    return report_error(report, EXIT_USAGE,
                        "--by %s is known of a whole run only: between moments, take another measure.",
                        measures[by].by);
}

static int add_processes(struct report *report, struct filter *filter, const struct run *run)
{
    sqlite3_stmt *s;
    int status = EXIT_FINE;
    size_t before = filter->processes.count;

    if (filter->process == NULL)
        return EXIT_FINE;
    s = report_prepare(report, "SELECT id, pid, command, executable FROM process WHERE run = ?");
    if (s == NULL)
        return EXIT_FAILED;
    for (int by_number = 1; by_number >= 0 && filter->processes.count == before; by_number--) {
        sqlite3_bind_int64(s, 1, run->number);
        while (report_step(report, s, &status))
            if (is_process(filter, s, by_number))
                keep(&filter->processes, (struct filter_owner){run->number, sqlite3_column_int64(s, 0), 0});
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
    put_in_order(&filter->processes);
    return status;
}

/* By name or TID (which may have been used again: then all of these). */
static int is_thread(const struct filter *f, sqlite3_stmt *s)
{
    const char *tid = (const char *)sqlite3_column_text(s, 2),
               *name = (const char *)sqlite3_column_text(s, 3);

    return (tid != NULL && filter_matches(f->thread, tid)) ||
           (name != NULL && filter_matches(f->thread, name));
}

static int add_threads(struct report *report, struct filter *filter, const struct run *run)
{
    sqlite3_stmt *s;
    int status = EXIT_FINE;

    if (filter->thread == NULL)
        return EXIT_FINE;
    if (!run->t.by_thread)
        return report_error(
            report, EXIT_FAILED,
            "run %lld counts its threads together, line by line: --thread needs a run that was "
            "recorded with LIBTRACE_THREADS=1 (trace-run --threads).",
            (long long)run->number);
    s = report_prepare(report, "SELECT process, id, tid, name FROM thread WHERE run = ?");
    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, run->number);
    while (report_step(report, s, &status)) {
        const struct filter_owner owner = {run->number, sqlite3_column_int64(s, 0),
                                           sqlite3_column_int64(s, 1)};

        if (filter_process(filter, owner.run, owner.process) && is_thread(filter, s))
            keep(&filter->threads, owner);
    }
    sqlite3_finalize(s);
    put_in_order(&filter->threads);
    return status;
}

static int add_owners(struct report *report, struct filter *filter, const struct run *run)
{
    int status = add_processes(report, filter, run);

    if (status == EXIT_FINE)
        status = add_threads(report, filter, run);
    return status == EXIT_FINE ? filter_stacks_add(report, filter, run) : status;
}

int filter_add_run(struct report *report, struct filter *filter, struct run *run, enum measure by)
{
    int status = add_owners(report, filter, run);

    if (status == EXIT_FINE)
        status = window_resolve(report, run, filter);
    if (status == EXIT_FINE && kind_shown == KIND_MAPPED && run->window.set)
        status =
            report_error(report, EXIT_USAGE,
                         "of what programs map by themselves, parts of a run are not known: --kind mapped "
                         "goes without --from, --to and RUN@MOMENT.");
    return status == EXIT_FINE ? check_part(report, run, by) : status;
}

static int not_found(const struct report *report, const struct run *run, const char *what, const char *name)
{
    return report_error(report, EXIT_FAILED,
                        "run %lld has no %s %s that was traced; see: trace-report sql 'SELECT * FROM %s%s'",
                        (long long)run->number, what, name, what, *what == 'p' ? "es" : "s");
}

int filter_check(const struct report *report, const struct filter *filter, const struct run *run)
{
    if (filter->process != NULL && filter->processes.count == 0)
        return not_found(report, run, "process", filter->process);
    if (filter->thread != NULL && filter->threads.count == 0)
        return not_found(report, run, "thread", filter->thread);
    return EXIT_FINE;
}

int filter_prepare_all(struct report *report, struct filter *filter, const struct run *const *runs, int count)
{
    int status = filter_begin(report, filter);

    for (int i = 0; i < count && status == EXIT_FINE; i++)
        status = add_owners(report, filter, runs[i]);
    return status == EXIT_FINE ? filter_check(report, filter, runs[0]) : status;
}

int filter_prepare(struct report *report, struct filter *filter, struct run *run, enum measure by)
{
    int status = filter_begin(report, filter);

    if (status == EXIT_FINE)
        status = filter_add_run(report, filter, run, by);
    return status == EXIT_FINE ? filter_check(report, filter, run) : status;
}

enum measure filter_measure(const struct filter *filter, const struct run *run, int given,
                            enum measure of_window)
{
    int window = run->window.text != NULL || filter->from != NULL || filter->to != NULL;

    return given >= 0 ? (enum measure)given : window ? of_window : MEASURE_peak_bytes;
}

void filter_free(struct filter *filter)
{
    free(filter->processes.list);
    free(filter->threads.list);
    filter_stacks_free(filter);
    filter->processes = filter->threads = (struct filter_owners){0};
}

/* ---- showing --------------------------------------------------------------------------------- */

struct named {
    const char *name, *value;
};

#define NAMED 9

static void name_all(const struct filter *f, struct named named[NAMED])
{
    const struct named all[NAMED] = {
        {"process", f->process}, {"thread", f->thread},     {"module", f->module},
        {"file", f->file},       {"function", f->function}, {"language", f->language},
        {"below", f->below},     {"type", f->type},         {"skip_wrappers", f->skip_wrappers}};

    memcpy(named, all, sizeof all);
}

char *filter_text(const struct filter *filter)
{
    struct named named[NAMED];
    char *text = NULL;

    if (!filter_is_set(filter))
        return NULL;
    name_all(filter, named);
    for (int i = 0; i < NAMED; i++) {
        char *before = text;

        if (named[i].value == NULL || strcmp(named[i].name, "skip_wrappers") == 0)
            continue;
        text = text_make("%s%s%s %s", before != NULL ? before : "", before != NULL ? ", " : "", named[i].name,
                         named[i].value);
        free(before);
    }
    char *harmless = text != NULL ? text_harmless(text) : NULL;

    free(text);
    return harmless;
}

char *filter_only(const struct filter *filter)
{
    const char *kind = kind_words();
    char *text = filter_text(filter);

    if (kind == NULL)
        return text;
    char *both = text_make("%s%s%s", kind, text != NULL ? ", " : "", text != NULL ? text : "");

    free(text);
    return both;
}

void filter_print(const struct report *report, const struct filter *filter, const struct run *run,
                  const struct store_measures *sums)
{
    char *text = filter_text(filter);

    if (text != NULL)
        printf("%sOnly %s%s\n", report_color(report, "yellow"), text, report_color(report, "reset"));
    free(text);
    filter_stacks_print(report, filter);
    if (run != NULL)
        window_print(report, run, sums);
}

void filter_json(struct json *json, const struct filter *filter, const struct run *run)
{
    struct named named[NAMED];

    json_object(json, "filter");
    if (filter != NULL)
        name_all(filter, named);
    for (int i = 0; filter != NULL && i < NAMED; i++)
        if (named[i].value != NULL)
            json_text(json, named[i].name, named[i].value);
    if (filter != NULL && filter->mine)
        json_true(json, "mine", 1);
    json_close(json);
    if (run != NULL)
        window_json(json, run);
}
