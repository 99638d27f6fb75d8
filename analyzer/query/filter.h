/* filter.h - which part of a run a report is about: the options --process, --module, --file ... that all
 * reports have.
 *
 * Filters look at the line that an allocation counts for, in every report alike, so that the numbers of
 * reports agree under the same filter; --function and --below look at all functions of the stack, --type at
 * what its blocks are. An allocation must pass all filters given. --from and --to narrow the report to a time, see window.h.
 * --skip-wrappers and --mine change which line an allocation counts for, before the filters look at it;
 * see filter_stacks.c.
 */
#ifndef LIBTRACE_QUERY_FILTER_H
#define LIBTRACE_QUERY_FILTER_H

#include "args.h"
#include "run.h"

/* A process of a run that passes, or a thread of it. */
struct filter_owner {
    int64_t run, process;
    int64_t thread; /* 0 = the process */
};

struct filter_owners {
    struct filter_owner *list; /* in order */
    size_t count;
};

struct filter_stacks;

struct filter {
    const char *process, *thread, *module, *file, *function, *language; /* as given, NULL = all */
    const char *below;                                                  /* a function that is in the stack */
    const char *type;                                                   /* of the blocks */
    const char *skip_wrappers;    /* functions that charge their caller, with commas between; NULL = none */
    int mine;                     /* the innermost line below the run's root directory is charged */
    struct filter_stacks *stacks; /* of each run, where one of these three or function is given; ours */
    const char *from, *to;        /* moments, likewise */
    struct filter_owners processes, threads; /* what the first two mean; ours */
};

/* Rows for a subcommand's table of options. */
#define FILTER_OPTIONS(f)                                                                                    \
    {"process", OPTION_TEXT, &(f).process, "P", "processes: number in the run, PID, or a glob (python*)",    \
     NULL},                                                                                                  \
        {"thread",                                                                                           \
         OPTION_TEXT,                                                                                        \
         &(f).thread,                                                                                        \
         "T",                                                                                                \
         "threads: TID, or a glob (worker*); of runs that were recorded with LIBTRACE_THREADS=1",            \
         NULL},                                                                                              \
        {"module", OPTION_TEXT, &(f).module, "GLOB", "modules: a name (libz.so*) or a path", NULL},          \
        {"file", OPTION_TEXT, &(f).file, "GLOB", "source files: a name (*.py) or a path (src/*)", NULL},     \
        {"function", OPTION_TEXT, &(f).function, "GLOB", "stacks with a function in them (std::*)", NULL},   \
        {"below", OPTION_TEXT, &(f).below, "GLOB", "what is allocated under a function: stacks begin at it", \
         NULL},                                                                                              \
        {"skip-wrappers",                                                                                    \
         OPTION_TEXT,                                                                                        \
         &(f).skip_wrappers,                                                                                 \
         "LIST",                                                                                             \
         "charge who calls these functions (xmalloc,my_alloc*), or 'auto' (LIBTRACE_SKIP_WRAPPERS)",         \
         NULL},                                                                                              \
        {"mine", OPTION_FLAG, &(f).mine, NULL, "charge the innermost line below the run's directory", NULL}, \
        {"type", OPTION_TEXT, &(f).type, "GLOB", "types of blocks (std::string)", NULL},                     \
    {                                                                                                        \
        "language", OPTION_TEXT, &(f).language, "NAME", "native or python", NULL                             \
    }

/* More of them, for reports on what is known of a part of a run, too. */
#define FILTER_MOMENTS(f)                                                                                    \
    {"from",                                                                                                 \
     OPTION_TEXT,                                                                                            \
     &(f).from,                                                                                              \
     "MOMENT",                                                                                               \
     "what was counted after it: a mark (trace.h), or a time: 90, 2h30m, -1h",                               \
     NULL},                                                                                                  \
    {                                                                                                        \
        "to", OPTION_TEXT, &(f).to, "MOMENT", "and up to it; the first mark of that name after --from", NULL \
    }

/* Whether a text is the pattern itself, or matches it as a glob. */
int filter_matches(const char *glob, const char *text);

/* A glob without a slash is matched with the last part of a path; one with a slash may begin at any folder. */
int filter_path_matches(const char *glob, const char *path);

/* Makes the filter known to the open database, finds its processes and threads in the run, and works out what
 * part of it is meant; by: enum measure that the report is about, which a part may not have. On failure says
 * why. */
int filter_prepare(struct report *report, struct filter *filter, struct run *run, enum measure by);

/* For a report that cannot be narrowed to a time; of several runs. */
int filter_prepare_all(struct report *report, struct filter *filter, const struct run *const *runs,
                       int count);

/* The same in steps, where several runs are read: once, for each run, and the check that what is named was
 * found.
 */
int filter_begin(struct report *report, struct filter *filter);
int filter_add_run(struct report *report, struct filter *filter, struct run *run, enum measure by);
int filter_check(const struct report *report, const struct filter *filter, const struct run *run);
void filter_free(struct filter *filter);

/* What a report is about where --by says nothing: the peak; of_window where a part of a run is meant, of which the peak
 * of lines is not known. */
enum measure filter_measure(const struct filter *filter, const struct run *run, int given,
                            enum measure of_window);

/* True where something may be left out; NULL filters nothing. */
int filter_is_set(const struct filter *filter);
int filter_has_names(const struct filter *filter);  /* of a line: module, file, language */
int filter_has_stacks(const struct filter *filter); /* something takes whole stacks: sites have to be read */

/* Whether a line passes, whether a process does, and whether one of its sites does by its owners. */
int filter_line(const struct filter *filter, const char *file, const char *module, const char *language);
int filter_process(const struct filter *filter, int64_t run, int64_t process);
int filter_site(const struct filter *filter, int64_t run, int64_t process, int64_t thread, int64_t node);

/* A function goes by its whole name, or by that without what it takes: f for f(int). */
int filter_function_matches(const char *glob, const char *name);

/* The first and the last as SQL conditions, on columns of these names. */
const char *filter_sql_line(const struct filter *filter);
const char *filter_sql_site(const struct filter *filter);

/* The line that a site counts for, as SQL on columns run, node and line. */
const char *filter_sql_charge(const struct filter *filter);

/* "function read_*, file *.c", malloc'ed and harmless; NULL where nothing is left out. */
char *filter_text(const struct filter *filter);

/* The same, after the kind of memory that is meant, where that is not the heap. */
char *filter_only(const struct filter *filter);

/* The same as a line for people below the headline, and as an object for programs; and what part of the run
 * it is, with the sums of what is shown. run: NULL = that is said elsewhere. */
void filter_print(const struct report *report, const struct filter *filter, const struct run *run,
                  const struct store_measures *sums);
void filter_json(struct json *json, const struct filter *filter, const struct run *run);

#endif
