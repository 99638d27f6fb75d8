/* follow.c - see follow.h. */
#define _GNU_SOURCE
#include "follow.h"
#include "wire_attach.h"
#include "guest.h"
#include "process.h"
#include "wire.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PRELOAD "LD_PRELOAD"
#define PRELOAD_MAX 8192
#define COMMAND "LIBTRACE_COMMAND"

/* Becomes part of the environment while the program is attached to. Until trace-attach has written into
 * it, it names no run. */
EXPORT char libtrace_children[ATTACH_CHILDREN_MAX];

static char ours[PRELOAD_MAX];   /* our value of LD_PRELOAD */
static char before[PRELOAD_MAX]; /* the value before */
static bool was_set, on, told_command;

static bool make_value(void)
{
    const char *other = getenv(PRELOAD);
    Dl_info info;
    if (!dladdr(libtrace_children, &info) || !info.dli_fname || info.dli_fname[0] != '/' ||
        strncmp(info.dli_fname, ATTACH_BROUGHT_FROM, sizeof ATTACH_BROUGHT_FROM - 1) == 0)
        return false;
    /* Both characters separate names in LD_PRELOAD. */
    if (strpbrk(info.dli_fname, ": ") ||
        strlen(info.dli_fname) + (other ? strlen(other) : 0) + 2 > PRELOAD_MAX)
        return false;
    was_set = other != NULL;
    guest_format(before, before + sizeof before, other ? other : "");
    char *end = ours + sizeof ours, *at = guest_format(ours, end, info.dli_fname);
    if (other && *other)
        guest_format(guest_format(at, end, ":"), end, other);
    return true;
}

void follow_children(void)
{
    if (on || !make_value() || setenv(PRELOAD, ours, 1) != 0)
        return;
    guest_format(libtrace_children, libtrace_children + sizeof libtrace_children,
                 WIRE_SESSION_VARIABLE "=0:0:0" WIRE_SESSION_ATTACHED);
    on = putenv(libtrace_children) == 0;
    if (!settings.command) /* these read their own environment */
        told_command = setenv(COMMAND, "0", 1) == 0;
}

void unfollow_children(void)
{
    if (!on)
        return;
    on = false;
    unsetenv(WIRE_SESSION_VARIABLE);
    if (told_command)
        unsetenv(COMMAND);
    told_command = false;
    const char *now = getenv(PRELOAD);
    if (!now || strcmp(now, ours) != 0)
        return; /* the program has set it meanwhile */
    if (was_set)
        setenv(PRELOAD, before, 1);
    else
        unsetenv(PRELOAD);
}
