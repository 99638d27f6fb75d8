/* filter.h - which part of a run a report is about: the options --process, --module, --file ... of all
 * reports.
 *
 * What is looked at is the line that an allocation counts for, in every report alike, so that their numbers
 * agree under the same filter. Several filters narrow: all must pass.
 */
#ifndef LIBTRACE_REPORT_FILTER_H
#define LIBTRACE_REPORT_FILTER_H

#include "args.h"
#include "run.h"

/* A process of a run that passes. */
struct filter_process {
    int64_t run, process;
};

struct filter {
    const char *process, *thread, *module, *file, *function, *language; /* as given, NULL = all */
    struct filter_process *processes;                                   /* what --process means; ours */
    size_t process_count;
};

/* Rows for a subcommand's table of options. */
#define FILTER_OPTIONS(f)                                                                                      \
    {"process", OPTION_TEXT, &(f).process, "P", "processes: number in the run, PID, or a glob (python*)",      \
     NULL},                                                                                                    \
        {"thread", OPTION_TEXT, &(f).thread, "T", "not recorded line by line: says where threads are counted", \
         NULL},                                                                                                \
        {"module", OPTION_TEXT, &(f).module, "GLOB", "modules: a name (libz.so*) or a path", NULL},            \
        {"file", OPTION_TEXT, &(f).file, "GLOB", "source files: a name (*.py) or a path (src/*)", NULL},       \
        {"function", OPTION_TEXT, &(f).function, "GLOB", "functions (std::*)", NULL},                          \
    {                                                                                                          \
        "language", OPTION_TEXT, &(f).language, "NAME", "native or python", NULL                               \
    }

/* Makes the filter known to the open database, and finds its processes in the run. On failure says why. */
int filter_prepare(struct report *report, struct filter *filter, const struct run *run);

int filter_prepare_all(struct report *report, struct filter *filter, const struct run *const *runs,
                       int count);

/* The same in steps, where several runs are read: once, for each run, and the check that a process was found.
 */
int filter_begin(struct report *report, struct filter *filter);
int filter_add_run(struct report *report, struct filter *filter, const struct run *run);
int filter_check(const struct report *report, const struct filter *filter, const struct run *run);
void filter_free(struct filter *filter);

/* True where something may be left out; NULL filters nothing. */
int filter_is_set(const struct filter *filter);
int filter_has_names(const struct filter *filter); /* of a line: module, file, function, language */

/* Whether a line passes, and whether a process does. */
int filter_line(const struct filter *filter, const char *file, const char *function, const char *module,
                const char *language);
int filter_process(const struct filter *filter, int64_t run, int64_t process);

/* The same two as SQL conditions, on columns of these names. */
const char *filter_sql_line(const struct filter *filter);
const char *filter_sql_process(const struct filter *filter);

/* "function read_*, file *.c", malloc'ed and harmless; NULL where nothing is left out. */
char *filter_text(const struct filter *filter);

/* The same as a line for people below the headline, and as an object for programs. */
void filter_print(const struct report *report, const struct filter *filter);
void filter_json(struct json *json, const struct filter *filter);

#endif
