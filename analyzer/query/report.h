/* report.h - what all subcommands share: the database, errors, hints, colours.
 *
 * This folder, analyzer/query, holds what reports, exports and the page have in common; it depends on none of them.
 *
 * args.c    command lines: one table of options drives the parsing, the errors and --help
 * run.c     choosing a run, and waiting for one whose symbols are still being looked up
 * live.c    having the collector of a run that is being recorded write what is new
 * window.c  a part of a run's time: --from, --to, RUN@MOMENT
 * filter.c  --process, --module, --file ... of all reports
 * by_line.c reading what top, compare and summary show, by line, function, file, module or stack
 * by_stack.c the same for single stacks
 * profile.c all stacks of a run in memory; call_tree.c, branches.c   the same as a tree
 * compared.c, match.c   what is compared, line by line
 * heap_times.c, chart.c   the heap over time
 * resident.c   where the resident bytes were; resident_moments.c   at which moment; resident_lines.c   what lines keep
 * missing.c what a recording lacks, in sentences
 * change.c  the few that write: merge, prune, rename
 * pager.c   output that is longer than the terminal
 * output.c  files that are written as a whole or not at all
 * names.c   shortened function names
 * text.c    names made harmless      units.c   numbers for people      json.c    for programs
 * source.c  the text of source lines
 */
#ifndef LIBTRACE_REPORT_H
#define LIBTRACE_REPORT_H

#include <stddef.h>
#include <stdint.h>

struct command;
struct store;
struct sqlite3;
struct sqlite3_stmt;

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_LIMIT = 3 };

#define REPORT_GIVEN 32

/* An option as it was given; value: NULL = it takes none. */
struct report_given {
    const char *name, *value;
};

/* One per process; main makes it, args.c fills in what the common options say. */
struct report {
    const char *command;                     /* name of the subcommand */
    const struct command *commands;          /* all subcommands, see commands.h */
    struct report_given given[REPORT_GIVEN]; /* for hints, which repeat them */
    int given_count;
    const char *db;  /* file: --db, LIBTRACE_DB or trace.db */
    int db_given;    /* --db was there: repeated in hints */
    const char *run; /* the RUN operand, for hints too; NULL = the latest */
    int json;        /* --json */
    int bytes;       /* --bytes: plain numbers, no units */
    int color;       /* colours on stdout, after --color, NO_COLOR and what stdout is */
    int terminal;    /* stdout is a terminal */
    int width;       /* columns that a line may take, 0 = any number: nothing is cut */
    int ascii;       /* the locale is not UTF-8: trees and charts are drawn with ASCII */
    int hints;       /* stdout and stderr are terminals */
    int paged;       /* stdout is kept until the report's end, see pager.h */
    int fresh_pages; /* have the collector of a run that is being recorded look at its resident pages now */
    int watching;    /* see watch.h: do not show progress */
    struct store *store; /* open database, NULL before report_open() */
    struct sqlite3 *sql; /* its handle */
};

/* Once, before all else: the report is what report_no_memory() speaks of. */
void report_begin(const struct report *report);

/* Ends the program with exit status 1 and one line, as half a report is none. Undoes what is half done: the terminal, an
 * unfinished file; a change of the database is undone by SQLite. What this program allocates itself is not checked for,
 * neither here nor in the folders that use this one: for lack of memory it ends there, see analyzer/report/no_memory.c. */
_Noreturn void report_no_memory(void);

/* Opens the database; on failure says why and returns EXIT_FAILED. */
int report_open(struct report *report);
void report_close(struct report *report);

/* "trace-report top: ..." on stderr, made harmless; returns status. */
int report_error(const struct report *report, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* True once it was called with EXIT_FAILED: the output lacks something, whoever has noticed. */
int report_has_failed(void);

/* Prints a line on stderr, if it is a terminal. */
void report_hint(const struct report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A command about the same run and database that repeats those options that it takes, too: "trace-report
 * leaks 3 --db other.db"; malloc'ed. */
char *report_command(const struct report *report, const char *command, const char *options);

/* Prints the last line of a report: the next useful command, about the same run and database. */
void report_next(const struct report *report, const char *command, const char *options, const char *what);

/* Prepares a statement of ours, with its lists of measures written out (see measures.h); NULL after an
 * error message. */
struct sqlite3_stmt *report_prepare(const struct report *report, const char *sql);

/* The same for a text of sqlite3_mprintf(), which is freed. */
struct sqlite3_stmt *report_prepare_text(const struct report *report, char *sql);

/* True for another row; false at the end. If the file is damaged, prints that and sets *status to
 * EXIT_FAILED. */
int report_step(const struct report *report, struct sqlite3_stmt *statement, int *status);

/* Escape sequences, "" if there is no colour. */
const char *report_color(const struct report *report,
                         const char *name); /* bold, dim, red, green, yellow, reset */

#endif
