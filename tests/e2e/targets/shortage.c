/* shortage.c - see shortage.h: the plan, and memory. */
#include "shortage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

enum shortage shortage_kind;
static unsigned long wanted, first;
static _Atomic unsigned long count;
static bool is_child; /* in which the latest has failed */
static char report[512];

__attribute__((constructor)) static void begin(void)
{
    static const char *const names[] = {"none", "malloc", "mallocs", "ioerr",
                                        "full", "busy",   "short",   "power"};
    const char *plan = getenv("SHORTAGE");
    char name[16];
    enum shortage kind = SHORT_NONE;
    if (!plan || sscanf(plan, "%15s %lu %511s %lu", name, &wanted, report, &first) < 3)
        return;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            kind = (enum shortage)i;
    unsetenv("LD_PRELOAD"); /* what it starts has enough of everything */
    shortage_kind = kind;   /* from here on it is counted */
}

static void say(const char *what, unsigned long number)
{
    char line[128];
    int file = open(report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int size = snprintf(line, sizeof line, "%s %lu\n", what, number);
    if (file >= 0 && write(file, line, (size_t)size) == size)
        close(file);
}

#define CHILD_S 60 /* after which a child is killed */
#define FILES 16   /* descriptors that a report may have */

/* Where files are read or written next, which a child shares. -1: it is none. */
static void note_places(off_t place[FILES])
{
    for (int file = 0; file < FILES; file++)
        place[file] = lseek(file, 0, SEEK_CUR);
}

static void go_back(const off_t place[FILES])
{
    for (int file = 0; file < FILES; file++)
        if (place[file] >= 0)
            lseek(file, place[file], SEEK_SET);
}

/* True if what was written to stderr is one line of trace-report's. */
static bool is_one_line(off_t from)
{
    char text[512];
    ssize_t size = pread(STDERR_FILENO, text, sizeof text, from);
    const char *name = "trace-report";
    return size > (ssize_t)strlen(name) && memcmp(text, name, strlen(name)) == 0 &&
           memchr(text, '\n', (size_t)size) == &text[size - 1];
}

/* True in the child. */
static bool fails_in_child(unsigned long number)
{
    int saved = errno, status = -1;
    off_t place[FILES];
    note_places(place);
    pid_t child = fork();
    if (child == 0) {
        is_child = true;
        alarm(CHILD_S);
        return true;
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 1 ||
        !is_one_line(place[STDERR_FILENO]))
        say("unlike", number);
    go_back(place);
    if (ftruncate(STDOUT_FILENO, place[STDOUT_FILENO]) != 0 ||
        ftruncate(STDERR_FILENO, place[STDERR_FILENO]) != 0)
        say("no file", number);
    errno = saved;
    return false;
}

bool shortage_now(enum shortage kind, const char *what)
{
    if (kind != shortage_kind)
        return false;
    if (is_child)
        return kind == SHORT_MALLOCS;
    unsigned long number = atomic_fetch_add(&count, 1) + 1;
    if (wanted == 0)
        return number >= first && fails_in_child(number);
    if (number == wanted)
        say(what, number);
    return number == wanted || (kind == SHORT_MALLOCS && number > wanted);
}

__attribute__((destructor)) static void end(void)
{
    if (shortage_kind != SHORT_NONE && !is_child)
        say("all", atomic_load(&count));
}

static bool no_memory(void)
{
    if (!shortage_now(SHORT_MALLOC, "malloc") && !shortage_now(SHORT_MALLOCS, "malloc"))
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return no_memory() ? NULL : __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
    return no_memory() ? NULL : __libc_calloc(number, size);
}

void *realloc(void *block, size_t size)
{
    return no_memory() ? NULL : __libc_realloc(block, size);
}
