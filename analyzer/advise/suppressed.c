/* suppressed.c - see suppressed.h. */
#define _GNU_SOURCE
#include "suppressed.h"
#include "advice_rules.h"
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *suppressed_file;

/* ---- the file ------------------------------------------------------------------------------------ */

static int add_line(const struct report *report, char *line, int number, struct suppressed *s)
{
    char ids[RULES_TEXT];

    line += strspn(line, " \t");
    for (size_t n = strlen(line); n > 0 && isspace((unsigned char)line[n - 1]); n--)
        line[n - 1] = '\0';
    if (*line == '\0' || *line == '#')
        return EXIT_FINE;
    size_t length = strcspn(line, ":");
    bool any = length == 1 && *line == '*';
    const struct rule *rule = any ? NULL : rule_find(line, length);

    if (line[length] == '\0' || line[length + 1] == '\0')
        return report_error(report, EXIT_FAILED, "%s:%d: a suppression is written rule:PATTERN, not '%.60s'",
                            s->file, number, line);
    if (rule == NULL && !any)
        return report_error(report, EXIT_FAILED, "%s:%d: there is no rule '%.*s'; * is any, or one of: %s",
                            s->file, number, (int)(length < 40 ? length : 40), line, rules_text(ids));
    struct suppressed_line *one = profile_grow(&s->lines, &s->count, sizeof *one);

    one->pattern = strdup(line + length + 1);
    one->rule = rule;
    return EXIT_FINE;
}

/* The file that was named, which may be a pipe; or the one that lies here. NULL: there is none, or it cannot be read, and
 * *status says which. */
static FILE *open_file(const struct report *report, struct suppressed *s, int *status)
{
    bool named = suppressed_file != NULL;
    const char *path = named ? suppressed_file : SUPPRESSED_DEFAULT;
    struct stat what;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (named ? 0 : O_NONBLOCK));
    FILE *in = NULL;

    *status = EXIT_FINE;
    if (!named &&
        ((fd < 0 && errno == ENOENT) || (fd >= 0 && (fstat(fd, &what) != 0 || !S_ISREG(what.st_mode))))) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    if (fd >= 0 && (in = fdopen(fd, "r")) == NULL)
        close(fd);
    s->file = path;
    if (in == NULL)
        *status = report_error(report, EXIT_FAILED, "cannot read the suppressions in %s: %s", path,
                               strerror(errno));
    return in;
}

int suppressed_read(const struct report *report, struct suppressed *s)
{
    char *line = NULL;
    size_t size = 0;
    int status, number = 0;
    FILE *in = open_file(report, s, &status);

    if (in == NULL)
        return status;
    while (status == EXIT_FINE && getline(&line, &size, in) >= 0)
        status = add_line(report, line, ++number, s);
    if (status == EXIT_FINE && ferror(in))
        status = report_error(report, EXIT_FAILED, "cannot read the suppressions in %s: %s", s->file,
                              strerror(errno));
    free(line);
    fclose(in);
    return status;
}

void suppressed_free(struct suppressed *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->lines[i].pattern);
    free(s->lines);
}

bool suppressed_matches(const struct suppressed *s, const struct rule *rule,
                        const struct profile_place *place)
{
    char *at = s->count > 0 && place->file != NULL ? text_make("%s:%lld", place->file, (long long)place->line)
                                                   : NULL;
    bool found = false;

    for (size_t i = 0; i < s->count && !found; i++) {
        const char *glob = s->lines[i].pattern;

        found = (s->lines[i].rule == NULL || s->lines[i].rule == rule) &&
                (filter_function_matches(glob, place->function) ||
                 (at != NULL && (filter_path_matches(glob, place->file) || filter_path_matches(glob, at))));
    }
    free(at);
    return found;
}

/* ---- comments ------------------------------------------------------------------------------------ */

/* What follows "libtrace: ignore" at the beginning of a comment; NULL = there is no such comment. */
static const char *ignore_comment(const char *line)
{
    static const char words[] = "libtrace:", word[] = "ignore";

    for (const char *p = strstr(line, words); p != NULL; p = strstr(p + 1, words)) {
        const char *before = p, *after = p + sizeof words - 1;

        while (before > line && (before[-1] == ' ' || before[-1] == '\t'))
            before--;
        after += strspn(after, " \t");
        if (before == line || (before[-1] != '#' && !(before - line >= 2 && before[-2] == '/' &&
                                                      (before[-1] == '/' || before[-1] == '*'))))
            continue;
        if (strncmp(after, word, sizeof word - 1) == 0 && !isalnum((unsigned char)after[sizeof word - 1]))
            return after + sizeof word - 1;
    }
    return NULL;
}

/* Names of rules, with spaces or commas between; what is no name ends them, and is a reason. But the first one, and one
 * behind a comma, are meant as names. */
enum ignored ignored_in_line(const char *line, const struct rule *rule)
{
    const char *p = ignore_comment(line);
    bool meant = true;
    size_t count = 0;

    if (p == NULL)
        return IGNORED_NOT;
    for (;; count++) {
        size_t space = strspn(p, " \t,"), length = 0;

        meant |= memchr(p, ',', space) != NULL;
        p += space;
        while (isalnum((unsigned char)p[length]) || (length > 0 && p[length] == '-'))
            length++;
        const struct rule *named = rule_find(p, length);

        if (length == 0 || (named == NULL && !meant))
            return count == 0 ? IGNORED : IGNORED_NOT;
        if (named == NULL)
            return IGNORED_WHAT;
        if (named == rule)
            return IGNORED;
        meant = false;
        p += length;
    }
}
