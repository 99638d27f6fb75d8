/* shortage.c - see shortage.h: the plan, and memory. */
#include "shortage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

enum shortage shortage_kind;
static unsigned long wanted;
static _Atomic unsigned long count;
static char report[512];

__attribute__((constructor)) static void begin(void)
{
    static const char *const names[] = {"none", "malloc", "mallocs", "ioerr",
                                        "full", "busy",   "short",   "power"};
    const char *plan = getenv("SHORTAGE");
    char name[16];
    enum shortage kind = SHORT_NONE;
    if (!plan || sscanf(plan, "%15s %lu %511s", name, &wanted, report) != 3)
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

bool shortage_now(enum shortage kind, const char *what)
{
    if (kind != shortage_kind)
        return false;
    unsigned long number = atomic_fetch_add(&count, 1) + 1;
    if (number == wanted)
        say(what, number);
    return number == wanted || (kind == SHORT_MALLOCS && number > wanted);
}

__attribute__((destructor)) static void end(void)
{
    if (shortage_kind != SHORT_NONE)
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
