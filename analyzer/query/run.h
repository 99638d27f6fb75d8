/* run.h - which run is meant, and what is known of it as a whole. */
#ifndef LIBTRACE_QUERY_RUN_H
#define LIBTRACE_QUERY_RUN_H

#include "json.h"
#include "report.h"
#include "window.h"
#include "store.h"

enum run_state {
    RUN_COMPLETE,
    RUN_RECORDING,   /* the program runs, see live.h */
    RUN_SYMBOLS,     /* it has ended, its names are being looked up */
    RUN_INTERRUPTED, /* the collector ended before it was done: what was committed is there */
    RUN_INCOMPLETE,  /* it was recorded to its end, but something is missing, see missing.h */
};

struct run {
    int64_t number;
    enum run_state state;
    char *label, *command, *started, *root;
    char *why; /* it was stopped before the program ended, a sentence; NULL = it was not, or nobody knows */
    int ours;  /* recorded here by this user: its paths are to be believed, see source.h */
    int resolved;    /* all sites have their line: line_total is there */
    double progress; /* of RUN_SYMBOLS, 0 to 1 */
    int counting;    /* its collector has not yet taken in all that its processes did */
    struct store_collector collector;
    struct store_run t; /* the totals */
    int64_t processes, threads;
    struct window window; /* which part of it is meant */
};

extern const char *const run_states[]; /* as the view runs calls them */

/* The latest run (text NULL), the one of that number, or the latest of that label. Waits for symbols, with a
 * progress bar where somebody looks; has a collector that still records write what it knows. On failure says
 * why and returns the exit status, else EXIT_FINE. All that is read afterwards is of one moment; runs that
 * were found before may need run_again(). */
int run_find(struct report *report, const char *text, struct run *run);

/* The same for a report that can be narrowed to a time: RUN@..., too, which filter_prepare() or
 * window_resolve_exact() looks at. */
int run_find_window(struct report *report, const char *text, struct run *run);

/* For a look at all runs: those that go on write what is new, and names that are being looked up are waited
 * for. */
int run_settle_all(struct report *report);

/* A run by number. When there is none, the first says so, and the second nothing: EXIT_FAILED both. */
int run_load(struct report *report, int64_t number, struct run *run);
int run_try(struct report *report, int64_t number, struct run *run);
void run_free(struct run *run);

/* Reads a run that was loaded before once more; what part of it is meant stays, but is not worked out yet. */
int run_again(struct report *report, struct run *run);

/* Numbers of runs in a malloc'ed array, latest first: all of them, or those of a label. */
int run_numbers(struct report *report, const char *label, int64_t **numbers, size_t *count);

/* "run 3 list", in bold; returns its columns. */
int run_title(const struct report *report, const struct run *run);

/* "run 3 list: 90,603 allocations, 5.0 MiB; peak ..." and what is missing in it. */
void run_headline(const struct report *report, const struct run *run);

/* Says why there may be nothing to show, when nothing was recorded. */
void run_explain_empty(const struct report *report, const struct run *run);

void run_json(struct json *json, const char *key, const struct run *run);

#endif
