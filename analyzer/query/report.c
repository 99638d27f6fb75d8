/* report.c - what all subcommands need: the database, errors, hints, colours. */
#define _GNU_SOURCE
#include "report.h"
#include "commands.h"
#include "kind.h"
#include "starting.h"
#include "store.h"
#include "text.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int report_open(struct report *report)
{
    starting_wait(report->db);
    if (store_open_read(report->db, &report->store) != 0) {
        report_error(report, EXIT_FAILED, "%s", store_error(report->store));
        report_close(report);
        return EXIT_FAILED;
    }
    report->sql = store_handle(report->store);
    return kind_show(report);
}

void report_close(struct report *report)
{
    store_close(report->store);
    report->store = NULL;
    report->sql = NULL;
}

static int failed;                 /* an error was printed */
static int short_of_memory;        /* and one of them was that */
static int ending;                 /* for lack of memory */
static const struct report *begun; /* for what cannot be handed it */
static FILE *messages;             /* stderr, whatever --watch and browse put in its place for a while */

static void say(FILE *out, const struct report *report, const char *text)
{
    fprintf(out, "trace-report%s%s: %s\n", report->command != NULL ? " " : "",
            report->command != NULL ? report->command : "", text);
}

static void say_no_memory(const struct report *report)
{
    if (!short_of_memory) /* what follows from that is not said again */
        say(stderr, report, "out of memory");
    short_of_memory = messages == NULL || stderr == messages;
}

static void at_end(void)
{
    if (ending && !short_of_memory)
        say(messages, begun, "out of memory");
}

void report_begin(const struct report *report)
{
    begun = report;
    messages = stderr;
    atexit(at_end); /* the first of these, so that it comes last: when the terminal is what it was */
}

void report_no_memory(void)
{
    if (ending)
        _exit(EXIT_FAILED);
    ending = 1;
    exit(EXIT_FAILED);
}

int report_has_failed(void)
{
    return failed;
}

int report_error(const struct report *report, int status, const char *format, ...)
{
    va_list arguments;

    failed |= status == EXIT_FAILED;
    va_start(arguments, format);
    char *text = text_format(format, arguments);

    va_end(arguments);
    char *harmless = text_harmless(text);

    fflush(stdout);
    if (strcmp(harmless, "out of memory") == 0)
        say_no_memory(report);
    else
        say(stderr, report, harmless);
    free(harmless);
    free(text);
    return status;
}

void report_hint(const struct report *report, const char *format, ...)
{
    va_list arguments;

    if (!report->hints)
        return;
    FILE *out = report->paged ? stdout : stderr; /* both go to the terminal */

    fflush(stdout);
    va_start(arguments, format);
    vfprintf(out, format, arguments);
    va_end(arguments);
    putc('\n', out);
}

/* The quotation marks that a shell needs around a word, "" = none; NULL if quotation marks are not enough. */
static const char *quotes(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.,+@%/:=-";

    if (word[strspn(word, plain)] == '\0' && *word != '\0')
        return "";
    return strchr(word, '\'') == NULL ? "'" : NULL;
}

/* Options that a hint repeats. The others (number of rows, colours) are not about what was asked. */
static const char *const kept[] = {"by",    "kind",          "group",    "process",   "thread",    "module",
                                   "file",  "function",      "language", "from",      "to",        "source",
                                   "below", "skip-wrappers", "mine",     "inclusive", "all-frames"};

/* The subcommand's option of that name. */
static const struct option_spec *option_of(const struct report *report, const char *command, const char *name)
{
    for (const struct command *c = report->commands; c != NULL && c->name != NULL; c++)
        for (const struct option_spec *o = c->manual->options;
             strcmp(c->name, command) == 0 && o != NULL && o->name != NULL; o++)
            if (strcmp(o->name, name) == 0)
                return o;
    return NULL;
}

/* True if the next command takes the option, and the hint does not set it itself. */
static int is_kept(const struct report *report, const char *command, const char *options,
                   const struct report_given *given)
{
    const struct option_spec *o = option_of(report, command, given->name);
    const char *said = strstr(options, given->name);
    int known = 0;

    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        known |= strcmp(kept[i], given->name) == 0;
    if (!known || o == NULL || (said != NULL && said - options >= 2 && said[-1] == '-'))
        return 0;
    for (int i = 0; o->kind == OPTION_CHOICE; i++) {
        if (o->choices[i] == NULL)
            return 0;
        if (given->value != NULL && strcmp(o->choices[i], given->value) == 0)
            return 1;
    }
    return 1;
}

/* Appends " OPTION WORD", quoted for a shell; nothing if quotation marks are not enough for that. */
static char *add_word(char *line, const char *option, const char *word)
{
    const char *quote = word != NULL ? quotes(word) : "";

    if (quote == NULL)
        return line;
    char *longer = text_make("%s%s%s%s%s%s%s", line, *option != '\0' ? " " : "", option,
                             word != NULL ? " " : "", quote, word != NULL ? word : "", quote);

    free(line);
    return longer;
}

char *report_command(const struct report *report, const char *command, const char *options)
{
    char *next = text_make("trace-report %s", command), name[64];

    if (report->run != NULL)
        next = add_word(next, "", report->run);
    for (int i = 0; i < report->given_count; i++)
        if (is_kept(report, command, options, &report->given[i])) {
            snprintf(name, sizeof name, "--%s", report->given[i].name);
            next = add_word(next, name, report->given[i].value);
        }
    if (*options != '\0')
        next = add_word(next, options, NULL);
    if (report->db_given)
        next = add_word(next, "--db", report->db);
    return next;
}

void report_next(const struct report *report, const char *command, const char *options, const char *what)
{
    const char *dim = report_color(report, "dim"), *reset = report_color(report, "reset");
    char *next = report_command(report, command, options);
    char *harmless = text_harmless(next);

    /* On a narrow terminal, leave out the whole hint rather than cut the command. */
    if (text_width(harmless) + strlen(what) + sizeof "Next:     ()" <= (size_t)report->width)
        report_hint(report, "\n%sNext: %s    (%s)%s", dim, harmless, what, reset);
    else
        report_hint(report, "\n%sNext: %s%s", dim, harmless, reset);
    free(harmless);
    free(next);
}

static int cannot_read(const struct report *report)
{
    return report_error(report, EXIT_FAILED,
                        "cannot read %s: %s. Is it damaged? Try: sqlite3 '%s' 'PRAGMA integrity_check'",
                        report->db, sqlite3_errmsg(report->sql), report->db);
}

sqlite3_stmt *report_prepare(const struct report *report, const char *sql)
{
    sqlite3_stmt *statement = NULL;

    if (store_prepare(report->sql, sql, 0, &statement) != SQLITE_OK)
        cannot_read(report);
    return statement;
}

sqlite3_stmt *report_prepare_text(const struct report *report, char *sql)
{
    sqlite3_stmt *statement = report_prepare(report, sql);

    sqlite3_free(sql);
    return statement;
}

int report_step(const struct report *report, sqlite3_stmt *statement, int *status)
{
    int result = sqlite3_step(statement);

    if (result == SQLITE_ROW)
        return 1;
    if (result != SQLITE_DONE)
        *status = cannot_read(report);
    return 0;
}

const char *report_color(const struct report *report, const char *name)
{
    static const char *const sequences[][2] = {
        {"bold", "\033[1m"},   {"dim", "\033[2m"},     {"red", "\033[31m"},
        {"green", "\033[32m"}, {"yellow", "\033[33m"}, {"reset", "\033[0m"},
    };

    for (size_t i = 0; report->color && i < sizeof sequences / sizeof sequences[0]; i++)
        if (strcmp(sequences[i][0], name) == 0)
            return sequences[i][1];
    return "";
}
