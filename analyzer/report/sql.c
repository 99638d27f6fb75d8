/* sql.c - trace-report sql: runs the user's own SQL on the public views. The database is open read-only. */
#define _GNU_SOURCE
#include "args.h"
#include "commands.h"
#include "run.h"
#include "json.h"
#include "table.h"
#include "text.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONGEST_STATEMENT (1 << 20)

static int csv;

static const struct option_spec options[] = {
    {"csv", OPTION_FLAG, &csv, NULL, "comma-separated values (RFC 4180) with a header", NULL},
    {0},
};

const struct manual manual_sql = {
    .operands = "[STATEMENT]",
    .about =
        "Runs one SQL statement, read-only, and shows its rows. Without a STATEMENT it is read from "
        "standard input.\n"
        "Views: runs, processes, threads, sites, lines, functions, stacks, leaks, timeline, marks, resident.",
    .options = options,
    .examples = {{"'SELECT file, line, bytes FROM lines WHERE run = 1 ORDER BY bytes DESC LIMIT 5'",
                  "the five lines of run 1 that allocate most"},
                 {"--csv 'SELECT t_s, live_bytes FROM timeline WHERE run = 1' > curve.csv",
                  "the heap over time, for a plot"}},
    .most = 1,
};

/* ---- reading a statement --------------------------------------------------------------------- */

static char *read_all(FILE *in)
{
    char *text = malloc(LONGEST_STATEMENT + 1);
    size_t size = fread(text, 1, LONGEST_STATEMENT, in);

    text[size] = '\0';
    return text;
}

static int prepare(struct report *report, const char *text, sqlite3_stmt **statement)
{
    const char *rest = text;

    *statement = NULL;
    if (sqlite3_prepare_v2(report->sql, text, -1, statement, &rest) != SQLITE_OK) {
        int at = sqlite3_error_offset(report->sql);
        int length = at >= 0 ? (int)strcspn(text + at, "\n") : 0;

        if (at < 0 || length == 0)
            return report_error(report, EXIT_FAILED, "%s", sqlite3_errmsg(report->sql));
        return report_error(report, EXIT_FAILED, "%s, at: %.*s", sqlite3_errmsg(report->sql),
                            length > 60 ? 60 : length, text + at);
    }
    if (*statement == NULL)
        return report_error(report, EXIT_USAGE, "there is no statement; see: trace-report sql --help");
    sqlite3_stmt *second = NULL;

    sqlite3_prepare_v2(report->sql, rest, -1, &second, NULL);
    sqlite3_finalize(second);
    if (second != NULL || rest[strspn(rest, " \t\r\n;")] != '\0')
        return report_error(report, EXIT_USAGE,
                            "one statement at a time, please: what follows the first ';' is not run");
    if (!sqlite3_stmt_readonly(*statement))
        return report_error(report, EXIT_FAILED,
                            "the database is open for reading only; use sqlite3 to change one");
    return EXIT_FINE;
}

/* ---- writing rows ---------------------------------------------------------------------------- */

static void csv_field(const char *text, int terminal)
{
    char *harmless = terminal ? text_harmless(text) : NULL;

    if (harmless != NULL)
        text = harmless;
    if (text[strcspn(text, ",\"\r\n")] == '\0') {
        fputs(text, stdout);
    } else {
        putchar('"');
        for (; *text != '\0'; text++) {
            if (*text == '"')
                putchar('"');
            putchar(*text);
        }
        putchar('"');
    }
    free(harmless);
}

static int rows_csv(struct report *report, sqlite3_stmt *s)
{
    int status = EXIT_FINE, n = sqlite3_column_count(s), terminal = isatty(STDOUT_FILENO);

    for (int i = 0; i < n; i++) {
        csv_field(sqlite3_column_name(s, i), terminal);
        putchar(i + 1 < n ? ',' : '\n');
    }
    while (report_step(report, s, &status))
        for (int i = 0; i < n; i++) {
            const char *text = (const char *)sqlite3_column_text(s, i);

            csv_field(text != NULL ? text : "", terminal);
            putchar(i + 1 < n ? ',' : '\n');
        }
    return status;
}

static int rows_json(struct report *report, sqlite3_stmt *s)
{
    int status = EXIT_FINE, n = sqlite3_column_count(s);
    struct json json;

    json_begin(&json, stdout, "libtrace.sql/1");
    json_array(&json, "columns");
    for (int i = 0; i < n; i++)
        json_text(&json, NULL, sqlite3_column_name(s, i));
    json_close(&json);
    json_array(&json, "rows");
    while (report_step(report, s, &status)) {
        json_array(&json, NULL);
        for (int i = 0; i < n; i++) {
            int type = sqlite3_column_type(s, i);

            if (type == SQLITE_INTEGER)
                json_number(&json, NULL, sqlite3_column_int64(s, i));
            else if (type == SQLITE_FLOAT)
                json_real(&json, NULL, sqlite3_column_double(s, i));
            else
                json_text(&json, NULL, (const char *)sqlite3_column_text(s, i));
        }
        json_close(&json);
    }
    json_end(&json);
    return status;
}

static int rows_table(struct report *report, sqlite3_stmt *s)
{
    int status = EXIT_FINE, n = sqlite3_column_count(s), more = report_step(report, s, &status);
    struct table *table = table_new(report);

    /* Columns with numbers are right-aligned; the first row decides. */
    for (int i = 0; i < n; i++) {
        int type = more ? sqlite3_column_type(s, i) : SQLITE_TEXT;

        table_column(table, sqlite3_column_name(s, i),
                     type == SQLITE_INTEGER || type == SQLITE_FLOAT ? TABLE_RIGHT : TABLE_SHRINK);
    }
    for (; more; more = report_step(report, s, &status)) {
        table_row(table, NULL);
        for (int i = 0; i < n; i++)
            table_cell(table, (const char *)sqlite3_column_text(s, i));
    }
    if (n > 0 && status == EXIT_FINE)
        table_print(table);
    table_free(table);
    return status;
}

int command_sql(struct report *report, int argc, char **argv)
{
    char *text = NULL;
    sqlite3_stmt *statement = NULL;
    int operands, status = args_parse(report, &manual_sql, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    if (csv && report->json)
        return report_error(report, EXIT_USAGE, "--csv or --json, not both.");
    if (operands == 0 && isatty(STDIN_FILENO))
        return report_error(report, EXIT_USAGE,
                            "give a statement as an argument or on standard input; see: trace-report "
                            "sql --help");
    status = report_open(report);
    if (status == EXIT_FINE) {
        status = run_settle_all(report);
    }
    if (status == EXIT_FINE) {
        text = operands > 0 && strcmp(argv[1], "-") != 0 ? strdup(argv[1]) : read_all(stdin);
        status = prepare(report, text, &statement);
    }
    if (status == EXIT_FINE)
        status = report->json ? rows_json(report, statement)
                 : csv        ? rows_csv(report, statement)
                              : rows_table(report, statement);
    sqlite3_finalize(statement);
    free(text);
    return status;
}
