/* report.h - what all reports share.
 *
 * main.c    the table of subcommands
 * report.c  the database, errors, hints, colours
 * NAME.c    the subcommand of that name: options, one query or two, text or JSON
 * args.c    command lines: one table of options drives the parsing, the errors and --help
 * run.c     which run is meant, and waiting for one whose symbols are still being looked up
 * live.c    having the collector of a run that still records write what is new
 * contenders.c, totals.c, match.c   who is compared, as a whole, line by line
 * lines.c   reading what top, compare and summary show, by line, function, file, module or stack
 * stacks.c  the same for single stacks
 * part.c    a part of a run's time: --from, --to, RUN@MOMENT
 * filter.c  --process, --module, --file ... of all reports
 * change.c  the few that write: merge, prune, rename
 * output.c  files that are written whole or not at all
 * show.c    rows as a table and as JSON
 * watch.c   a report shown again and again in place
 * names.c   function names as short as need be
 * table.c   tables cut to the terminal's width    units.c   numbers for people
 * text.c    names made harmless                   json.c    the other kind of output
 * source.c  the text of source lines
 *
 * A subcommand returns its exit status: 0 fine, 1 failed, 2 usage (3: a limit was exceeded). It prints
 * results on stdout; report_error() prints the one sentence on stderr; hints go there too, on a terminal
 * only.
 */
#ifndef LIBTRACE_REPORT_H
#define LIBTRACE_REPORT_H

#include <stddef.h>
#include <stdint.h>

struct store;
struct sqlite3;
struct sqlite3_stmt;

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_LIMIT = 3 };

/* One per process; main makes it, args.c fills in what the common options say. */
struct report {
    const char *command; /* name of the subcommand */
    const char *db;      /* file: --db, LIBTRACE_DB or trace.db */
    int db_given;        /* --db was there: repeated in hints */
    const char *run;     /* the RUN that was named, for hints too; NULL = the latest */
    int json;            /* --json */
    int bytes;           /* --bytes: plain numbers, no units */
    int color;           /* colours on stdout, after --color, NO_COLOR and what stdout is */
    int width;           /* columns of stdout, 0 = no terminal: nothing is cut */
    int ascii;           /* the locale is not UTF-8: trees and charts are drawn with ASCII */
    int hints;           /* stdout and stderr are terminals */
    int watching;        /* see watch.h: no progress is shown */
    struct store *store; /* open database, NULL before report_open() */
    struct sqlite3 *sql; /* its handle */
};

/* A row of main's table. */
struct command {
    const char *name, *help;
    int (*run)(struct report *report, int argc, char **argv); /* argv[0] is the name */
};
extern const struct command commands[]; /* ends with a NULL name */

int command_tree(struct report *report, int argc, char **argv);
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
int command_html(struct report *report, int argc, char **argv);
int command_help(struct report *report, int argc, char **argv);

/* Opens the database; on failure says why and returns EXIT_FAILED. */
int report_open(struct report *report);
void report_close(struct report *report);

/* "trace-report top: ..." on stderr, made harmless; returns status. */
int report_error(const struct report *report, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A line on stderr where a person looks at a terminal. */
void report_hint(const struct report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The last line of a report: the next useful command, about the same run and database. */
void report_next(const struct report *report, const char *command, const char *options, const char *what);

/* Prepares a statement; NULL after saying what is wrong. */
struct sqlite3_stmt *report_prepare(const struct report *report, const char *sql);

/* True for another row; false at the end. A damaged file is said, and *status becomes EXIT_FAILED. */
int report_step(const struct report *report, struct sqlite3_stmt *statement, int *status);

/* Escape sequences, "" where there is no colour. */
const char *report_color(const struct report *report,
                         const char *name); /* bold, dim, red, green, yellow, reset */

#endif
