/* test_report_table.c - whichever allocation fails, libsmartcols's own included, a table is printed whole or not at all. */
#define _GNU_SOURCE
#include "table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after the headers that it needs */
#include <cmocka.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

static unsigned long count, first, last; /* those that fail; 0: none */

static int fails(void)
{
    count++;
    if (count < first || count > last)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
    return fails() ? NULL : __libc_calloc(number, size);
}

void *realloc(void *block, size_t size)
{
    return fails() ? NULL : __libc_realloc(block, size);
}

/* The names of some columns are parts of others', as in most reports. */
static void print(const struct report *report)
{
    static const char *const names[] = {"PEAK", "%", "LIVE", "OWN PEAK", "LINE", "FUNCTION"};
    struct table *table = table_new(report);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        table_column(table, names[i], i < 4 ? TABLE_RIGHT : i == 4 ? TABLE_PATH : TABLE_NAME);
    for (int row = 0; row < 3; row++) {
        table_row(table, NULL);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            table_cell(table, i < 4 ? "1,000" : "a text of some length");
    }
    table_print(table);
    table_free(table);
}

struct output {
    char text[4096];
    int status;
};

/* What a process prints some of whose allocations fail. true: it came to that. */
static int printed(const struct report *report, unsigned long from, unsigned long to, struct output *output)
{
    int file = memfd_create("table", 0);
    assert_true(file >= 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (dup2(file, STDOUT_FILENO) < 0 || dup2(file, STDERR_FILENO) < 0)
            _exit(99);
        report_begin(report);
        static char room[BUFSIZ];
        setvbuf(stdout, room, _IOFBF, sizeof room);
        count = 0;
        first = from;
        last = to;
        print(report);
        fflush(stdout);
        _exit(count >= first ? 2 : 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    output->status = WEXITSTATUS(status);
    ssize_t size = pread(file, output->text, sizeof output->text - 1, 0);
    assert_true(size >= 0);
    output->text[size] = '\0';
    close(file);
    return output->status != 0;
}

static void is_whole_or_not_there(int width, int all_that_follow)
{
    struct report report = {.command = "top", .width = width};
    static struct output usual, output;
    assert_false(printed(&report, 1000000, 1000000, &usual));
    assert_non_null(strstr(usual.text, "OWN PEAK"));
    for (unsigned long nth = 1; printed(&report, nth, all_that_follow ? 1000000 : nth, &output); nth++) {
        if (output.status == 2) /* it was not needed */
            assert_string_equal(output.text, usual.text);
        else
            assert_string_equal(output.text, "trace-report top: out of memory\n");
    }
}

static void to_a_file(void **state)
{
    (void)state;
    is_whole_or_not_there(0, 0);
    is_whole_or_not_there(0, 1);
}

static void on_a_terminal(void **state)
{
    (void)state;
    is_whole_or_not_there(60, 0);
    is_whole_or_not_there(60, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(to_a_file), cmocka_unit_test(on_a_terminal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
