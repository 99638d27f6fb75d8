/* headers.c - see headers.h. */
#define _GNU_SOURCE
#include "headers.h"
#include "resource.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINES_MOST 100
#define LINE_MOST 16384
#define WORD_LEAST 4 /* shorter words of a value are no secret */

/* The characters of a header's name; those of a value are any but control characters. */
static int is_header(const char *line)
{
    size_t name =
        strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~");

    if (name == 0 || line[name] != ':')
        return 0;
    for (const char *c = line; *c != '\0'; c++)
        if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
            return 0;
    return 1;
}

/* Takes the line over. */
static int add(const struct report *report, struct headers *headers, char *line, const char *where)
{
    if (!is_header(line)) {
        free(line);
        return report_error(report, EXIT_USAGE, "%s: header %d is not of the form 'Name: value'.", where,
                            headers->count + 1);
    }
    if (headers->count == LINES_MOST) {
        free(line);
        return report_error(report, EXIT_FAILED, "%s: there are too many headers.", where);
    }
    char **more = realloc(headers->line, (size_t)(headers->count + 1) * sizeof *more);

    headers->line = more;
    more[headers->count++] = line;
    return EXIT_FINE;
}

/* Says why a file must not be believed to hold a secret; NULL = it may. */
static const char *exposed(const struct stat *status)
{
    if (S_ISDIR(status->st_mode))
        return "it is a directory";
    if (status->st_uid != geteuid() && status->st_uid != 0)
        return "it is another user's";
    if ((status->st_mode & S_IRWXO) != 0)
        return "other users have access to it: chmod o-rwx";
    if ((status->st_mode & S_IWGRP) != 0)
        return "its group may change it: chmod g-w";
    return NULL;
}

static int read_lines(const struct report *report, const char *path, FILE *file, struct headers *headers)
{
    char *line = NULL;
    size_t room = 0;
    int status = EXIT_FINE;

    for (ssize_t size; status == EXIT_FINE && (size = getline(&line, &room, file)) >= 0;) {
        while (size > 0 && strchr("\r\n \t", line[size - 1]) != NULL)
            line[--size] = '\0';
        if (size > LINE_MOST)
            status = report_error(report, EXIT_USAGE, "%s: a line of it is too long.", path);
        else if (size > 0 && *line != '#')
            status = add(report, headers, strdup(line), path);
    }
    if (status == EXIT_FINE && ferror(file))
        status = report_error(report, EXIT_FAILED, "cannot read %s: %s", path, strerror(errno));
    if (line != NULL)
        explicit_bzero(line, room);
    free(line);
    return status;
}

int headers_read_file(const struct report *report, const char *path, struct headers *headers)
{
    struct stat about;
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return report_error(report, EXIT_FAILED, "cannot read %s: %s", path, strerror(errno));
    const char *why = fstat(fileno(file), &about) != 0 ? strerror(errno) : exposed(&about);
    int status = why != NULL ? report_error(report, EXIT_FAILED,
                                            "%s is not taken for headers, as they are secret: %s.", path, why)
                             : read_lines(report, path, file, headers);

    fclose(file);
    return status;
}

int headers_read_environment(const struct report *report, const char *variable, struct headers *headers)
{
    const char *list = getenv(variable);
    struct attribute *pairs = NULL;
    int count = 0, status = EXIT_FINE;

    if (list != NULL)
        attributes_read(list, &pairs, &count);
    for (int i = 0; i < count && status == EXIT_FINE; i++)
        status = add(report, headers, text_make("%s: %s", pairs[i].name, pairs[i].value), variable);
    attributes_free(pairs, count);
    return status;
}

int headers_are_in(const struct headers *headers, const char *text)
{
    for (int i = 0; i < headers->count; i++) {
        const char *word = strchr(headers->line[i], ':') + 1;

        while (*word != '\0') {
            word += strspn(word, " \t");
            size_t size = strcspn(word, " \t");

            if (size >= WORD_LEAST && memmem(text, strlen(text), word, size) != NULL)
                return 1;
            word += size;
        }
    }
    return 0;
}

void headers_free(struct headers *headers)
{
    for (int i = 0; i < headers->count; i++) {
        explicit_bzero(headers->line[i], strlen(headers->line[i]));
        free(headers->line[i]);
    }
    free(headers->line);
    *headers = (struct headers){0};
}
