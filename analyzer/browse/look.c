/* look.c - reads what the views show. */
#define _GNU_SOURCE
#include "browse.h"
#include "fold.h"
#include "live.h"
#include "place_keys.h"
#include "screen.h"
#include "store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS \
    20000 /* instructions of SQLite's virtual machine between two checks whether to end: some milliseconds */

/* ---- messages on stderr ---------------------------------------------------------------------- */

/* Keeps what is printed on stderr, which on a terminal would end up in the middle of the screen. */
struct capture {
    FILE *before, *memory;
    char *text;
    size_t size;
};

static void capture_begin(struct capture *capture)
{
    capture->before = stderr;
    capture->memory = open_memstream(&capture->text, &capture->size);
    stderr = capture->memory;
}

/* Returns its first line, malloc'ed, without the command's name; NULL = nothing was printed. */
static char *capture_end(struct capture *capture)
{
    char *line = NULL;

    stderr = capture->before;
    fclose(capture->memory);
    if (capture->size > 0) {
        static const char who[] = "trace-report browse: ";
        const char *text = capture->text;

        text += strncmp(text, who, sizeof who - 1) == 0 ? sizeof who - 1 : 0;
        line = strndup(text, strcspn(text, "\n"));
    }
    free(capture->text);
    return line;
}

/* Shows that line as the message. */
static void capture_say(struct capture *capture, struct browse *browse)
{
    char *line = capture_end(capture);

    if (line != NULL)
        browse_say(browse, "%s", line);
    free(line);
}

/* ---- the database ---------------------------------------------------------------------------- */

/* For sqlite3_progress_handler(): true stops the query, because the command is to end. */
static int is_over(void *context)
{
    (void)context;
    return screen_ending() != 0;
}

static int open_database(struct browse *browse)
{
    int status = report_open(browse->report);

    if (status == EXIT_FINE)
        sqlite3_progress_handler(browse->report->sql, STEPS, is_over, NULL);
    return status;
}

static int open_run(struct browse *browse)
{
    int status = open_database(browse);

    if (status != EXIT_FINE)
        return status;
    sqlite3_exec(browse->report->sql, "BEGIN", NULL, NULL, NULL);
    status = run_again(browse->report, &browse->run);
    filter_free(browse->filter);
    return status == EXIT_FINE ? filter_prepare(browse->report, browse->filter, &browse->run, browse->by)
                               : status;
}

void look_view(struct browse *browse, struct view *view)
{
    struct capture capture;

    capture_begin(&capture);
    if (open_run(browse) == EXIT_FINE)
        view->kind->read(browse, view);
    report_close(browse->report);
    capture_say(&capture, browse);
    view->age = browse->age;
    view->by = browse->by;
    if (view->selected >= view->rows)
        view->selected = view->rows > 0 ? view->rows - 1 : 0;
}

/* ---- a run that is being recorded ------------------------------------------------------------ */

int look_is_live(const struct browse *browse)
{
    return browse->run.state == RUN_RECORDING || browse->run.state == RUN_SYMBOLS;
}

/* Reads the run as it is now: first asks its collector to write what it has not written yet. */
static int read_run(struct browse *browse, struct run *run)
{
    int64_t number = browse->run.number;
    int status = open_database(browse);

    if (status == EXIT_FINE)
        status = run_load(browse->report, number, run);
    if (status == EXIT_FINE && run->state == RUN_RECORDING) {
        live_ask(browse->report, run, 1);
        run_free(run);
        status = run_load(browse->report, number, run);
    }
    report_close(browse->report);
    return status;
}

/* While names are looked up, nothing new is read, as it would lack these names. Which part of the run is
 * shown is determined again when a view is read. */
void look_again(struct browse *browse)
{
    struct run run = {0}, *old = &browse->run;
    struct capture capture;

    capture_begin(&capture);
    int status = read_run(browse, &run);

    free(browse->stale);
    browse->stale = capture_end(&capture);
    if (status == EXIT_FINE && run.state != RUN_SYMBOLS &&
        (run.collector.taken_ns != old->collector.taken_ns || run.state != old->state)) {
        run.window.text = old->window.text;
        old->window.text = NULL;
        run_free(old);
        *old = run;
        browse->age++;
        return;
    }
    if (status == EXIT_FINE) {
        old->state = run.state;
        old->progress = run.progress;
    }
    run_free(&run);
}

/* ---- stacks ---------------------------------------------------------------------------------- */

static void forget_profile(struct browse *browse)
{
    profile_free(&browse->profile);
    free(browse->keys);
    browse->keys = NULL;
    browse->profile_age = 0;
}

int look_profile(struct browse *browse)
{
    const struct profile_query query = {.run = &browse->run, .filter = browse->filter};

    if (browse->profile_age == browse->age)
        return EXIT_FINE;
    if (browse->profile_age == 0) { /* takes a while for a large run */
        screen_fill(screen_rows() - 1, LOOK_PLAIN);
        screen_put(screen_rows() - 1, 0, screen_columns(), LOOK_DIM, "Reading the stacks ...");
        screen_show();
    }
    forget_profile(browse);
    int status = profile_load(browse->report, &query, &browse->profile);

    if (status != EXIT_FINE) {
        forget_profile(browse);
        return status;
    }
    fold_frames(&browse->profile, 0, browse->filter->below);
    browse->keys = place_keys(&browse->profile, 1);
    browse->profile_age = browse->age;
    return EXIT_FINE;
}

void look_end(struct browse *browse)
{
    forget_profile(browse);
}
