/* launch.c - see launch.h. */
#define _GNU_SOURCE
#include "launch.h"
#include "collector.h"
#include "guest.h"
#include "join.h"
#include "ours.h"
#include "process.h"
#include "spawn.h"
#include "wire.h"
#include "wire_door.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Appends a part to a path; NULL = it does not fit. */
static char *append(char *at, char *end, const char *text)
{
    return at && strlen(text) < (size_t)(end - at) ? guest_format(at, end, text) : NULL;
}

/* Writes the absolute path of the database: LIBTRACE_DB or trace.db. Returns NULL, or why that is not
 * possible. */
static const char *database_path(char *path, size_t size)
{
    char *at = path, *end = path + size;
    const char *name = guest_variable("LIBTRACE_DB");
    if (!name)
        name = join_database(guest_variable(WIRE_SESSION_VARIABLE));
    if (!name || !*name)
        name = "trace.db";
    if (name[0] != '/') {
        if (syscall(SYS_getcwd, path, size) < 0 || path[0] != '/')
            return "the working directory is gone; set LIBTRACE_DB; the program runs untraced";
        at = append(path + strlen(path), end, "/");
    }
    return append(at, end, name) ? NULL : "the database's path is too long; the program runs untraced";
}

static char database[PATH_MAX]; /* static, as the program's stack may be small */

uint32_t launch_place(void)
{
    struct stat folder;
    int saved = errno;
    if (database_path(database, sizeof database))
        return 0;
    char *name = strrchr(database, '/') + 1;
    char first = *name;
    *name = '\0';
    bool known = stat(database, &folder) == 0;
    *name = first;
    errno = saved;
    return known ? wire_door_place(folder.st_dev, folder.st_ino, name) : 0;
}

static const char *why_not(int error)
{
    switch (error) {
    case EAGAIN:
        return "the limit of processes leaves no room for the collector; the program runs untraced";
    case EMFILE:
        return "the limit of open files is too tight for the collector; the program runs untraced";
    default:
        return "cannot start the collector, the program runs untraced (is libtrace installed whole?): ";
    }
}

/* Writes a descriptor as an argument; 0 = none, as it cannot be a standard stream. */
static void write_number(char number[24], int descriptor)
{
    guest_format_number(number, number + 24, descriptor >= 3 ? (uint64_t)descriptor : 0);
}

static void write_setting(char setting[40], const char *word, uint64_t value)
{
    guest_format_number(guest_format(setting, setting + 40, word), setting + 40, value);
}

const char *launch_collector(const struct settings *settings, struct launch *launch)
{
    static char path[PATH_MAX];
    char numbers[3][24], sample[40], keep[40], most[40], rotate[40], rotations[40];
    char *arguments[COLLECTOR_ARGUMENTS] = {path, numbers[0], numbers[1], "0", numbers[2], database};
    const int kept[SPAWN_KEPT] = {launch->memory, launch->self, launch->door};
    unsigned count = COLLECTOR_FIXED;
    const struct {
        bool on;
        const char *word;
    } words[COLLECTOR_SETTINGS] = {
        {settings->follow, COLLECTOR_FOLLOW}, {settings->threads, COLLECTOR_THREADS},
        {settings->events, COLLECTOR_EVENTS}, {settings->blocks, COLLECTOR_BLOCKS},
        {settings->types, COLLECTOR_TYPES},   {settings->sample != 0, sample},
        {settings->keep_ns != 0, keep},       {settings->max_size != 0, most},
        {settings->rotate_ns != 0, rotate},   {settings->rotate_ns != 0, rotations},
    };
    const char *why = database_path(database, sizeof database);
    if (why)
        return why;
    for (int i = 0; i < SPAWN_KEPT; i++)
        write_number(numbers[i], kept[i]);
    write_setting(sample, COLLECTOR_SAMPLE, settings->sample);
    write_setting(keep, COLLECTOR_KEEP, settings->keep_ns);
    write_setting(most, COLLECTOR_MOST, settings->max_size);
    write_setting(rotate, COLLECTOR_ROTATE, settings->rotate_ns);
    write_setting(rotations, COLLECTOR_ROTATIONS, settings->rotations);
    for (unsigned i = 0; i < COLLECTOR_SETTINGS; i++)
        if (words[i].on)
            arguments[count++] = (char *)words[i].word;
    int error = ours_path(LIBTRACE_COLLECTOR_FROM_LIB, path) ? spawn_collector(arguments, kept, &launch->pid)
                                                             : ENOENT;
    if (error != EAGAIN && error != EMFILE)
        launch->detail = path;
    return error ? why_not(error) : NULL;
}
