/* source.c - file names come from the database, so from anywhere: only regular files of a sensible size
 * are read, and only those that source_file.c allows. */
#define _GNU_SOURCE
#include "source.h"
#include "source_file.h"
#include "text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LARGEST (16 << 20)
#define LONGEST 1000 /* most bytes of a line that are shown */

static int any_hidden;

/* The file that was read last: rows of the same file often follow each other. */
static struct {
    char *path;
    enum source_state state;
    char *text;
    size_t size;
} last;

static time_t started(const struct run *run)
{
    struct tm tm = {0};

    return strptime(run->started, "%Y-%m-%dT%H:%M:%S", &tm) != NULL ? timegm(&tm) : 0;
}

static enum source_state load(const struct run *run, const char *path)
{
    struct stat status;
    int hidden, fd = source_open(run, path, &hidden);

    any_hidden |= hidden;
    if (fd < 0)
        return hidden ? SOURCE_HIDDEN : SOURCE_MISSING;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > LARGEST) {
        close(fd);
        return SOURCE_MISSING;
    }
    time_t begin = started(run);

    if (begin != 0 && status.st_mtime > begin) {
        close(fd);
        return SOURCE_CHANGED;
    }
    last.text = malloc((size_t)status.st_size + 1);
    ssize_t got = read(fd, last.text, (size_t)status.st_size);

    close(fd);
    last.size = got > 0 ? (size_t)got : 0;
    return got >= 0 ? SOURCE_FINE : SOURCE_MISSING;
}

static void remember(const struct run *run, const char *file)
{
    char *path = text_make("%s%s%s", file[0] == '/' ? "" : run->root, file[0] == '/' ? "" : "/", file);

    if (last.path != NULL && strcmp(last.path, path) == 0) {
        free(path);
        return;
    }
    free(last.path);
    free(last.text);
    last.path = path;
    last.text = NULL;
    last.size = 0;
    last.state = load(run, path);
}

enum source_state source_whole(const struct run *run, const char *file, const char **text, size_t *size)
{
    *text = NULL;
    *size = 0;
    if (file == NULL)
        return SOURCE_MISSING;
    remember(run, file);
    if (last.state != SOURCE_FINE)
        return last.state;
    *text = last.text;
    *size = last.size;
    return SOURCE_FINE;
}

enum source_state source_line(const struct run *run, const char *file, int64_t line, char **text)
{
    const char *p;
    size_t size;
    enum source_state state = source_whole(run, line > 0 ? file : NULL, &p, &size);

    *text = NULL;
    if (state != SOURCE_FINE)
        return state;
    const char *end = p + size;

    for (int64_t i = 1; i < line && p != NULL; i++) {
        p = memchr(p, '\n', (size_t)(end - p));
        p = p != NULL ? p + 1 : NULL;
    }
    if (p == NULL || p >= end)
        return SOURCE_MISSING;
    const char *stop = memchr(p, '\n', (size_t)(end - p));

    stop = stop != NULL ? stop : end;
    while (p < stop && isspace((unsigned char)*p))
        p++;
    while (stop > p && isspace((unsigned char)stop[-1]))
        stop--;
    *text = strndup(p, stop - p > LONGEST ? LONGEST : (size_t)(stop - p));
    return SOURCE_FINE;
}

void source_hint(const struct report *report)
{
    if (any_hidden)
        report_hint(report,
                    "\nSource lines of files elsewhere are left out: this run was not recorded here. With "
                    "--source any they are shown.");
    any_hidden = 0;
}

const char *source_short(const struct run *run, const char *file)
{
    size_t n = strlen(run->root);

    return n > 1 && strncmp(file, run->root, n) == 0 && file[n] == '/' ? file + n + 1 : file;
}
