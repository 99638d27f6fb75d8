/* reports.c - see reports.h. All commands but browse, which needs a terminal, and push, which needs a server. */
#define _GNU_SOURCE
#include "reports.h"
#include "folder.h"
#include "pager.h"
#include "rows_run.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct command commands[] = {
    {"top", "", command_top, &manual_top},
    {"tree", "", command_tree, &manual_tree},
    {"function", "", command_function, &manual_function},
    {"leaks", "", command_leaks, &manual_leaks},
    {"advise", "", command_advise, &manual_advise},
    {"annotate", "", command_annotate, &manual_annotate},
    {"rss", "", command_rss, &manual_rss},
    {"timeline", "", command_timeline, &manual_timeline},
    {"histogram", "", command_histogram, &manual_histogram},
    {"temporary", "", command_temporary, &manual_temporary},
    {"compare", "", command_compare, &manual_compare},
    {"check", "", command_check, &manual_check},
    {"summary", "", command_summary, &manual_summary},
    {"runs", "", command_runs, &manual_runs},
    {"merge", "", command_merge, &manual_merge},
    {"prune", "", command_prune, &manual_prune},
    {"rename", "", command_rename, &manual_rename},
    {"sql", "", command_sql, &manual_sql},
    {"export", "", command_export, &manual_export},
    {"html", "", command_html, &manual_html},
    {0},
};

int make_db_main(int argc, char **argv); /* tests/report/make_db.c */

/* ---- options ----------------------------------------------------------------------------------- */

/* What an option sets, as it was before anybody set it. */
struct kept {
    void *target;
    size_t size;
    char value[8];
};
static struct kept kept[512];
static size_t kept_count;

static size_t size_of(const struct option_spec *option)
{
    switch (option->kind) {
    case OPTION_FLAG:
    case OPTION_CHOICE:
    case OPTION_MEASURE:
        return sizeof(int);
    default:
        return 8;
    }
}

static void keep_options(void)
{
    for (const struct command *c = commands; c->name != NULL; c++)
        for (const struct option_spec *o = c->manual->options; o != NULL && o->name != NULL; o++) {
            struct kept *one = &kept[kept_count++];

            if (kept_count == sizeof kept / sizeof kept[0])
                abort();
            *one = (struct kept){.target = o->target, .size = size_of(o)};
            memcpy(one->value, o->target, one->size);
        }
}

/* ---- a database -------------------------------------------------------------------------------- */

static char *database;
static size_t database_size;

static void make_database(void)
{
    char path[FOLDER_PATH];
    char *words[] = {"make_db", folder_path("trace.db", path), "resident", NULL};

    folder_clear();
    if (make_db_main(3, words) != 0 || rows_run_record(path, "/src/demo") != 0)
        abort();
    database = folder_read("trace.db", &database_size);
    keep_options();
}

void reports_database(void)
{
    if (database == NULL)
        make_database();
    folder_clear();
    folder_write("trace.db", database, database_size);
}

/* ---- a call ------------------------------------------------------------------------------------ */

int reports_call(const char *const *words)
{
    struct report report = {.commands = commands};
    char *arguments[32] = {NULL}, path[FOLDER_PATH];
    int count = 0, status = -1;

    for (; words[count] != NULL && count < 31; count++)
        arguments[count] = strdup(words[count]);
    setenv("LIBTRACE_DB", folder_path("trace.db", path), 1);
    for (const struct command *c = commands; c->name != NULL; c++)
        if (strcmp(c->name, words[0]) == 0) {
            char *moved[32]; /* args_parse() moves operands to the front */

            memcpy(moved, arguments, sizeof moved);
            report.command = c->name;
            status = c->run(&report, count, moved);
        }
    report_close(&report);
    pager_end(&report);
    for (int i = 0; i < count; i++)
        free(arguments[i]);
    for (size_t i = 0; i < kept_count; i++)
        memcpy(kept[i].target, kept[i].value, kept[i].size);
    if (status < EXIT_FINE || status > EXIT_LIMIT)
        abort();
    return status;
}

int reports_call_into(const char *file, const char *const *words)
{
    char path[FOLDER_PATH];

    fflush(stdout);
    int before = dup(STDOUT_FILENO),
        fd = open(folder_path(file, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (before < 0 || fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
        abort();
    int status = reports_call(words);

    fflush(stdout);
    dup2(before, STDOUT_FILENO);
    close(before);
    close(fd);
    return status;
}
