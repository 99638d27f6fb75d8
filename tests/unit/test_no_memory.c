/* test_no_memory.c - what no_memory.c stands before: it returns what it does usually, or the report ends, whichever allocation
 * fails in the C library or in SQLite. */
#define _GNU_SOURCE
#include "each_allocation.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after the headers that it needs */
#include <cmocka.h>

static const struct report report = {.command = "top"};

static void print_blocks(const struct report *unused)
{
    char *block = malloc(10), *zeros = calloc(3, 10), *more = realloc(malloc(10), 1000);
    (void)unused;
    printf("%d %d %d\n", block != NULL, zeros[29], more != NULL);
    free(block);
    free(zeros);
    free(more);
}

static void print_strings(const struct report *unused)
{
    char *one = strdup("one"), *two = strndup("two and more", 3), *three = NULL;
    (void)unused;
    if (asprintf(&three, "%s, %s, %0200d", one, two, 3) > 0)
        puts(three);
    free(one);
    free(two);
    free(three);
}

/* It grows some times, and is made smaller at its end. */
static void print_stream(const struct report *unused)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    (void)unused;
    for (int i = 0; i < 300; i++)
        fprintf(out, "%d ", i);
    if (fclose(out) == 0)
        fwrite(text, 1, size, stdout);
    printf("%zu\n", size);
    free(text);
}

static void print_file(const struct report *unused)
{
    FILE *file = fopen("/proc/self/stat", "re"), *lines = fopen("/proc/self/maps", "re");
    char *line = NULL;
    size_t room = 0;
    (void)unused;
    printf("%d %d\n", getline(&line, &room, file) > 0, getline(&line, &room, lines) > 0);
    free(line);
    fclose(file);
    fclose(lines);
}

static void print_folders(const struct report *unused)
{
    DIR *folder = opendir("/");
    char *path = realpath("/proc/../", NULL), *here = getcwd(NULL, 0);
    (void)unused;
    printf("%d %s %s\n", folder != NULL, path, here);
    closedir(folder);
    free(path);
    free(here);
}

static void print_query(const struct report *of)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK)
        report_no_memory(); /* as report_open() does */
    sqlite3_str *text = sqlite3_str_new(db);
    sqlite3_str_appendf(text, "%s",
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)");
    sqlite3_str_appendf(
        text, "%s", " SELECT group_concat(i), printf('%200s', 'x') FROM n GROUP BY i % 3 ORDER BY sum(i)");
    char *sql = sqlite3_str_finish(text), *with = sqlite3_mprintf("%s -- %200s", sql, "");
    if (sqlite3_prepare_v2(db, with, -1, &statement, NULL) != SQLITE_OK)
        report_error(of, 1, "%s", sqlite3_errmsg(db));
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *first = (const char *)sqlite3_column_text(statement, 0);
        const char *second = (const char *)sqlite3_column_text(statement, 1);
        printf("%s %s\n", first ? first : "", second ? second : "");
    }
    sqlite3_finalize(statement);
    sqlite3_free(sql);
    sqlite3_free(with);
    sqlite3_close(db);
}

struct piece {
    void (*print)(const struct report *);
    unsigned long least; /* allocations */
};

static void is_whole_or_not_there(void **state)
{
    const struct piece *piece = *state;
    assert_true(each_allocation(&report, piece->print) >= piece->least);
}

int main(void)
{
    static struct piece blocks = {print_blocks, 4}, strings = {print_strings, 3}, stream = {print_stream, 3},
                        files = {print_file, 3}, folders = {print_folders, 3}, query = {print_query, 100};
    const struct CMUnitTest tests[] = {
        {"blocks", is_whole_or_not_there, NULL, NULL, &blocks},
        {"strings", is_whole_or_not_there, NULL, NULL, &strings},
        {"a stream in memory", is_whole_or_not_there, NULL, NULL, &stream},
        {"lines of files", is_whole_or_not_there, NULL, NULL, &files},
        {"folders", is_whole_or_not_there, NULL, NULL, &folders},
        {"a query", is_whole_or_not_there, NULL, NULL, &query},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
