/* environment.c - see environment.h. */
#define _GNU_SOURCE
#include "environment.h"
#include "arena.h"
#include "process.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

char environment_session[WIRE_SESSION_SIZE];

extern void *__libc_stack_end; /* the kernel's arguments and environment begin there */

/* Overwrites the variable in the kernel's copy of the environment, if it is there and has room: some
 * programs pass on that copy. */
static bool export_in_place(void)
{
    char *value = (char *)guest_variable(WIRE_SESSION_VARIABLE);
    size_t size = strlen(environment_session), room = value ? strlen(value) : 0;
    if (room < size || (uintptr_t)value < (uintptr_t)__libc_stack_end)
        return false;
    if (strncmp(value, environment_session, size) != 0 || value[size] != WIRE_SESSION_DATABASE) {
        memcpy(value, environment_session, size);
        memset(value + size, ' ', room - size);
    }
    exported_session = value;
    return true;
}

#define DATABASE "LIBTRACE_DB="

/* The entry of the kernel's environment that holds the variable DATABASE; NULL = none. */
static char **kernels_database(void)
{
    char **words = __libc_stack_end;
    for (char **at = words ? words + (uintptr_t)words[0] + 2 : NULL; at && *at; at++)
        if (strncmp(*at, DATABASE, sizeof DATABASE - 1) == 0)
            return at;
    return NULL;
}

/* Programs that pass on the kernel's environment (Go's) have no room in it for another variable: so ours
 * takes the place of another one, and includes its value. The program itself asks the C library, which has
 * both. */
static void export_to_kernels(char *text, const char *end)
{
    char **place = kernels_database();
    size_t used = strlen(text);
    const char *database = place ? *place + sizeof DATABASE - 1 : "";
    if (!place || !*database || used + strlen(database) + 2 > (size_t)(end - text))
        return;
    text[used] = WIRE_SESSION_DATABASE;
    memcpy(text + used + 1, database, strlen(database) + 1);
    *place = text;
}

/* Gives the program an environment with our variable; setenv() would allocate. The static array is large
 * enough for most if memory is short. */
void environment_export(void)
{
    static char *usual[512], text[sizeof environment_session + 32 + PATH_MAX];
    if (export_in_place())
        return;
    size_t count = 0;
    while (environ && environ[count])
        count++;
    bool fits = count + 2 <= sizeof usual / sizeof usual[0];
    char **copy = fits ? usual : guest_pages((count + 2) * sizeof(char *));
    if (!copy)
        return;
    guest_format(guest_format(text, text + sizeof text, WIRE_SESSION_VARIABLE "="), text + sizeof text,
                 environment_session);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (strncmp(environ[i], WIRE_SESSION_VARIABLE "=", sizeof WIRE_SESSION_VARIABLE) != 0)
            copy[used++] = environ[i];
    }
    copy[used] = text;
    environ = copy;
    exported_session = text + sizeof WIRE_SESSION_VARIABLE;
    export_to_kernels(text, text + sizeof text);
}

/* What the process executes is under the same filter. Joining a run means opening files, mapping memory
 * and more: so it must not. */
void environment_confine(bool confined)
{
    static char first;
    uint32_t flags = process->flags & ~(uint32_t)WIRE_PROCESS_CONFINED;
    __atomic_store_n(&process->flags, flags | (confined ? WIRE_PROCESS_CONFINED : 0), __ATOMIC_RELAXED);
    if (exported_session) {
        first = confined ? *exported_session : first;
        *exported_session = confined ? ENVIRONMENT_CONFINED : first;
    }
    if (confined)
        arena_wake_collector(); /* nobody will wake it any more: it has to look by itself */
}
