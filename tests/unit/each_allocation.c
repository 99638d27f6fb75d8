/* each_allocation.c - see each_allocation.h. */
#define _GNU_SOURCE
#include "each_allocation.h"

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

#define MANY 1000000 /* more than there are */

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

struct output {
    char text[4096];
    int status;
};

/* What a process prints some of whose allocations fail. true: it came to that. */
static int printed(const struct report *report, void (*print)(const struct report *), unsigned long from,
                   unsigned long to, struct output *output)
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

static unsigned long each(const struct report *report, void (*print)(const struct report *),
                          int and_all_that_follow)
{
    static struct output usual, output;
    char message[64];
    unsigned long nth = 1;
    snprintf(message, sizeof message, "trace-report %s: out of memory\n", report->command);
    assert_false(printed(report, print, MANY, MANY, &usual));
    for (; printed(report, print, nth, and_all_that_follow ? MANY : nth, &output); nth++)
        /* 2: it was not needed */
        assert_string_equal(output.text, output.status == 2 ? usual.text : message);
    return nth - 1;
}

unsigned long each_allocation(const struct report *report, void (*print)(const struct report *))
{
    each(report, print, 1);
    return each(report, print, 0);
}
