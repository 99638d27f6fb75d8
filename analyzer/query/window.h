/* window.h - a part of a run's time: --from and --to of all reports, and RUN@MOMENT.
 *
 * A moment is a mark (trace.h), by name, or a time since the start or (negative) before the end; a time means the last moment up to it
 * at which every site was sampled. Reports show the difference of the counters between two moments: what was
 * allocated after the first and up to the second, and how much more (or less) was live at the second. How high the
 * heap was in between is known between marks, but not which lines made up that peak. Reports that read no sites
 * take a time exactly as given.
 */
#ifndef LIBTRACE_QUERY_WINDOW_H
#define LIBTRACE_QUERY_WINDOW_H

#include "json.h"
#include "report.h"

struct run;
struct filter;
struct store_measures;

struct moment {
    int64_t t_ns; /* since the start of the run; WINDOW_START, WINDOW_END; of what is counted: when sites were
                     looked at */
    char *mark;   /* its name; NULL = a time, or an end of the run */
    /* Of a time: */
    int64_t wanted_ns; /* as it was given */
    int64_t shown_ns;  /* what is shown held up to it: that time, or the latest before it that is known of */
};
#define WINDOW_START (-1)
#define WINDOW_END INT64_MAX

struct window {
    char *text; /* what RUN@ was followed by, NULL = nothing */
    int set;    /* 0: the whole run, and the rest means nothing */
    int exact;  /* 1: any moment will do, and there are no sites */
    struct moment from, to;
    char sites[32]; /* the table that stands for `site` */
    int peak_known;
    int64_t peak_allocations, peak_bytes; /* the highest heap in it */
};

/* Works out what is meant, by RUN@ or else by the filter, and makes the table of its sites. On failure says
 * why. */
int window_resolve(struct report *report, struct run *run, const struct filter *filter);

/* The same for a report that reads no sites: any moment will do, be it sampled or not. */
int window_resolve_exact(struct report *report, struct run *run, const struct filter *filter);
void window_free(struct window *window);

/* False, with the reason, if nothing is known of what lies between the ends of two parts of a run, which
 * would be compared as if they were the same. */
int window_differs(struct report *report, const struct run *a, const struct run *b);

/* The table to read sites from: of the same columns as `site`, for this run. Those that are known of whole
 * runs only (peak, sizes, lifetimes) are 0 or NULL. */
const char *window_sites(const struct run *run);

/* Has the table that was made for a part of a run divided as `site` is, where stacks have blocks of several types. */
int window_divide(const struct report *report, struct run *run);

/* "From loaded (12 ms) to the end (80 ms): ..." below the headline; sums: of what is shown, NULL = they are
 * not told. And a member of the open object. Nothing for a whole run. */
void window_print(const struct report *report, const struct run *run, const struct store_measures *sums);
void window_json(struct json *json, const struct run *run);

/* True for a time: "1.5" seconds, "2h30m"; negative, and be it -0, for one that is told from the end: "-1h". */
int window_time(const char *text, double *seconds);

/* The same in nanoseconds since the run's start; of one that goes on, the end is now. */
int64_t window_since_start(const struct run *run, double seconds);

/* "list@loaded": what tells runs apart in a comparison; malloc'ed. */
char *window_name(const struct run *run, const char *name);

#endif
