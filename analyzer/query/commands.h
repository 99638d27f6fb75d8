/* commands.h - the subcommands of trace-report.
 *
 * A subcommand is a file of the same name with its function, and a row in main's table. It returns its exit
 * status: 0 fine, 1 failed, 2 wrong usage (3: a limit was exceeded). Results go to stdout; report_error() prints
 * one sentence on stderr, and hints go there too, on a terminal only.
 */
#ifndef LIBTRACE_QUERY_COMMANDS_H
#define LIBTRACE_QUERY_COMMANDS_H

#include "args.h"

/* A row of main's table. */
struct command {
    const char *name, *help;
    int (*run)(struct report *report, int argc, char **argv); /* argv[0] is the name */
    const struct manual *manual;
};
extern const struct command commands[]; /* ends with a NULL name */

int command_function(struct report *report, int argc, char **argv);
int command_tree(struct report *report, int argc, char **argv);
int command_rss(struct report *report, int argc, char **argv);
int command_advise(struct report *report, int argc, char **argv);
int command_annotate(struct report *report, int argc, char **argv);
int command_leaks(struct report *report, int argc, char **argv);
int command_timeline(struct report *report, int argc, char **argv);
int command_check(struct report *report, int argc, char **argv);
int command_histogram(struct report *report, int argc, char **argv);
int command_temporary(struct report *report, int argc, char **argv);
int command_top(struct report *report, int argc, char **argv);
int command_compare(struct report *report, int argc, char **argv);
int command_summary(struct report *report, int argc, char **argv);
int command_runs(struct report *report, int argc, char **argv);
int command_merge(struct report *report, int argc, char **argv);
int command_prune(struct report *report, int argc, char **argv);
int command_rename(struct report *report, int argc, char **argv);
int command_sql(struct report *report, int argc, char **argv);
int command_export(struct report *report, int argc, char **argv);
int command_browse(struct report *report, int argc, char **argv);
int command_push(struct report *report, int argc, char **argv);
int command_html(struct report *report, int argc, char **argv);
int command_help(struct report *report, int argc, char **argv);

extern const struct manual manual_function;
extern const struct manual manual_tree;
extern const struct manual manual_rss;
extern const struct manual manual_advise;
extern const struct manual manual_annotate;
extern const struct manual manual_leaks;
extern const struct manual manual_timeline;
extern const struct manual manual_check;
extern const struct manual manual_histogram;
extern const struct manual manual_temporary;
extern const struct manual manual_top;
extern const struct manual manual_compare;
extern const struct manual manual_summary;
extern const struct manual manual_runs;
extern const struct manual manual_merge;
extern const struct manual manual_prune;
extern const struct manual manual_rename;
extern const struct manual manual_sql;
extern const struct manual manual_export;
extern const struct manual manual_browse;
extern const struct manual manual_push;
extern const struct manual manual_html;
extern const struct manual manual_help;

#endif
