/* database.c - see database.h. */
#include "database.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM (256u << 10) /* a new database with a small run, and its write-ahead log */

/* The directory of a path, written to text; NULL if it is too long. */
static const char *folder_of(const char *path, char text[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;

    if (length >= PATH_MAX)
        return NULL;
    memcpy(text, path, length);
    text[length] = 0;
    return length ? text : slash ? "/" : ".";
}

/* Opens a file in the directory that nobody else can see; -1 and errno on failure. */
static int nameless(const char *folder)
{
    char name[PATH_MAX + 32];
    int file = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

    if (file >= 0 || errno == EMFILE || errno == ENFILE)
        return file;
    snprintf(name, sizeof name, "%s/.libtrace-XXXXXX", folder); /* not every file system has O_TMPFILE */
    file = mkostemp(name, O_CLOEXEC);
    if (file >= 0)
        unlink(name);
    return file;
}

/* Tries to write as much as a tiny run takes; returns what prevents it, or NULL. */
static const char *try_to_write(const char *folder)
{
    static const char zeros[4096];
    int file = nameless(folder), error = 0;

    if (file < 0)
        return errno == EMFILE || errno == ENFILE ? NULL : "no file can be made in its directory";
    errno = 0;
    for (size_t done = 0; done < ROOM && !error; done += sizeof zeros)
        if (write(file, zeros, sizeof zeros) != sizeof zeros)
            error = errno ? errno : ENOSPC;
    close(file);
    return error == ENOSPC || error == EDQUOT ? "there is no space left on its file system" : NULL;
}

/* An empty file can become one. */
static int is_database(const char *path)
{
    char head[16] = "";
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t size = file >= 0 ? read(file, head, sizeof head) : 0;

    if (file >= 0)
        close(file);
    return size <= 0 || memcmp(head, "SQLite format 3", sizeof head) == 0;
}

const char *database_trouble(const char *path, char *text, size_t size)
{
    char memory[PATH_MAX];
    const char *folder = folder_of(path, memory);
    struct stat facts;
    int there = stat(path, &facts) == 0, error = there ? 0 : errno;

    if (there && S_ISDIR(facts.st_mode))
        return "it is a directory";
    if (error == ENOENT && folder && access(folder, F_OK) != 0)
        return "there is no such directory";
    if (!there && error != ENOENT) {
        snprintf(text, size, "%s", strerror(error));
        return text;
    }
    if (!folder)
        return "its path is too long";
    if (there && access(path, W_OK) != 0)
        return "it is read-only";
    if (there && !is_database(path))
        return "it is no SQLite database";
    if (access(folder, W_OK | X_OK) != 0)
        return "its directory cannot be written to";
    return try_to_write(folder);
}

static int is_newer(const char *path, const struct timespec *moment)
{
    struct stat facts;

    if (stat(path, &facts) != 0)
        return 0;
    return facts.st_mtim.tv_sec != moment->tv_sec ? facts.st_mtim.tv_sec > moment->tv_sec
                                                  : facts.st_mtim.tv_nsec >= moment->tv_nsec;
}

int database_written_since(const char *path, const struct timespec *moment)
{
    char log[PATH_MAX + 8];

    snprintf(log, sizeof log, "%s-wal", path);
    return is_newer(path, moment) || is_newer(log, moment);
}
