/* main.c - trace-report: the table of subcommands. */
#define _GNU_SOURCE
#include "args.h"
#include "commands.h"
#include "pager.h"
#include "store.h"
#include "text.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct command commands[] = {
    {"top", "the lines that allocate most", command_top, &manual_top},
    {"browse", "a run on a screen to walk in: lines, callers, source, time", command_browse, &manual_browse},
    {"tree", "who calls what allocates, as a tree", command_tree, &manual_tree},
    {"function", "one function: its callers, and what it calls", command_function, &manual_function},
    {"leaks", "what is live at the end, with its stacks", command_leaks, &manual_leaks},
    {"advise", "what could be done: lines, evidence, remedies, and what they save", command_advise,
     &manual_advise},
    {"annotate", "a source file with what its lines allocate, and findings", command_annotate,
     &manual_annotate},
    {"rss", "why a process is as large as it is: its resident memory by part and line", command_rss,
     &manual_rss},
    {"timeline", "the heap over time, as a chart", command_timeline, &manual_timeline},
    {"histogram", "sizes and lifetimes of blocks", command_histogram, &manual_histogram},
    {"temporary", "lines whose blocks live but for a moment", command_temporary, &manual_temporary},
    {"compare", "what changed between runs", command_compare, &manual_compare},
    {"diff", "another name for compare", command_compare, &manual_compare},
    {"check", "limits for CI: exit status 3 where one is exceeded", command_check, &manual_check},
    {"summary", "a run on one page, with what is missing in it", command_summary, &manual_summary},
    {"runs", "the runs in the database", command_runs, &manual_runs},
    {"merge", "runs of another database into this one", command_merge, &manual_merge},
    {"prune", "remove runs", command_prune, &manual_prune},
    {"rename", "give a run another label", command_rename, &manual_rename},
    {"sql", "your own SQL on the public views", command_sql, &manual_sql},
    {"export", "a run for other tools: pprof, flame graphs, valgrind's viewers", command_export,
     &manual_export},
    {"push", "a run, or what is new in it, to a server: Pyroscope, OpenTelemetry", command_push,
     &manual_push},
    {"html", "a run, or two, as a page for a browser", command_html, &manual_html},
    {"help", "this list, or the help of a subcommand", command_help, &manual_help},
    {0},
};

/* ---- main ------------------------------------------------------------------------------------ */

/* Names in the database are UTF-8. If no locale is set (in containers), terminals mostly are UTF-8 as
 * well; if the user chose another encoding, our own drawings are in ASCII. */
static void set_locale(struct report *report)
{
    static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
        return;
    setlocale(LC_CTYPE, "C.UTF-8");
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *value = getenv(variables[i]);

        report->ascii |= value != NULL && *value != '\0';
    }
}

static int unknown_command(const struct report *report, const char *name)
{
    const char *names[32];
    size_t count = 0;

    while (commands[count].name != NULL) {
        names[count] = commands[count].name;
        count++;
    }
    const char *nearest = args_nearest(name, names, count);

    if (nearest != NULL)
        return report_error(report, EXIT_USAGE, "there is no subcommand '%s'; did you mean '%s'?", name,
                            nearest);
    return report_error(report, EXIT_USAGE, "there is no subcommand '%s'; see: trace-report help", name);
}

/* Moves options that come before the subcommand behind it. False if there is no subcommand. */
static int command_first(const struct report *report, int argc, char **argv)
{
    int at = 1;

    while (at < argc && argv[at][0] == '-' && strcmp(argv[at], "--") != 0)
        at += 1 + args_value_follows(report, argv[at]);
    if (at >= argc)
        return 0;
    char *command = argv[at];

    memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof *argv);
    argv[1] = command;
    return 1;
}

static int dispatch(struct report *report, int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        char *help[] = {"help", NULL};

        report->command = "help";
        command_help(report, 1, help);
        return argc < 2 ? EXIT_USAGE : EXIT_FINE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("trace-report (libtrace) " LIBTRACE_VERSION "\ndatabase format %d, SQLite %s\n", STORE_VERSION,
               sqlite3_libversion());
        return EXIT_FINE;
    }
    if (!command_first(report, argc, argv))
        return report_error(report, EXIT_USAGE, "there is no subcommand behind %s; see: trace-report help",
                            argv[1]);
    for (const struct command *command = commands; command->name != NULL; command++)
        if (strcmp(command->name, argv[1]) == 0) {
            report->command = command->name;
            return command->run(report, argc - 1, argv + 1);
        }
    return unknown_command(report, argv[1]);
}

int main(int argc, char **argv)
{
    struct report report = {.commands = commands};

    report_begin(&report);
    set_locale(&report);
    int status = dispatch(&report, argc, argv);

    report_close(&report);
    pager_end(&report);
    if (status == EXIT_FINE && report_has_failed())
        status = EXIT_FAILED;
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == EXIT_FINE)
        status = errno == EPIPE
                     ? EXIT_FAILED
                     : report_error(&report, EXIT_FAILED, "cannot write the output: %s", strerror(errno));
    return status;
}
