/* run.h - choosing a run, and what is known of it as a whole. */
#ifndef LIBTRACE_QUERY_RUN_H
#define LIBTRACE_QUERY_RUN_H

#include "json.h"
#include "report.h"
#include "thinned.h"
#include "variances.h"
#include "window.h"
#include "store.h"

enum run_state {
    RUN_COMPLETE,
    RUN_RECORDING,   /* the program is running, see live.h */
    RUN_SYMBOLS,     /* the program has ended; names are being looked up */
    RUN_INTERRUPTED, /* the collector died: what it had committed is there */
    RUN_INCOMPLETE,  /* recorded to its end, but something is missing, see missing.h */
};

struct run {
    int64_t number;
    enum run_state state;
    char *label, *command, *started, *root;
    char *why;          /* why recording stopped early, as a sentence; NULL = it did not, or not known */
    int ours;           /* recorded here by this user: its paths can be trusted, see source.h */
    int resolved;       /* all sites have their lines, and line_total is complete */
    double progress;    /* of RUN_SYMBOLS, 0 to 1 */
    int64_t unreadable; /* processes whose blocks could not be looked at */
    int divided;        /* stacks have blocks of several types, and are divided: see site_by_type */
    int counting;       /* its collector has not yet read all that its processes did */
    struct store_collector collector;
    struct store_run t;             /* the totals */
    struct store_sampling sampling; /* interval 0 = every block was taken: see sampling.h */
    struct thinned thinned;         /* see thinned.h */
    struct variances v;             /* of t.m, where totals are compared; else 0 */
    int64_t processes, threads;
    struct window window; /* the part of it that was chosen */
};

extern const char *const run_states[]; /* as in the view runs */

/* Finds the latest run (text NULL), the one with that number, or the latest with that label. Waits until
 * its names are looked up, with a progress bar on a terminal; has a collector that still records write
 * what it knows. On failure prints why and returns the exit status, else EXIT_FINE. Everything read
 * afterwards is of one moment; runs that were found before may need run_again(). */
int run_find(struct report *report, const char *text, struct run *run);

/* The same for a report that can be narrowed to a time: text may be RUN@..., too, which filter_prepare()
 * or window_resolve_exact() then resolves. */
int run_find_window(struct report *report, const char *text, struct run *run);

/* For a report about all runs: those being recorded write what is new, and waits until names are looked
 * up. */
int run_settle_all(struct report *report);

/* Loads a run by number. If there is none, run_load() prints that, run_try() prints nothing; both return
 * EXIT_FAILED. */
int run_load(struct report *report, int64_t number, struct run *run);
int run_try(struct report *report, int64_t number, struct run *run);
void run_free(struct run *run);

/* Reads a run that was loaded before once more; the chosen part stays, but has to be resolved again. */
int run_again(struct report *report, struct run *run);

/* Numbers of runs in a malloc'ed array, latest first: of all, or of those with a label. */
int run_numbers(struct report *report, const char *label, int64_t **numbers, size_t *count);

/* Prints "run 3 list" in bold; returns its width in columns. */
int run_title(const struct report *report, const struct run *run);

/* Prints "run 3 list: 90,603 allocations, 5.0 MiB; peak ...", that it is sampled, and what is missing in it. */
void run_headline(const struct report *report, const struct run *run);

/* Says why nothing may have been recorded, if nothing was. */
void run_explain_empty(const struct report *report, const struct run *run);

void run_json(struct json *json, const char *key, const struct run *run);

#endif
