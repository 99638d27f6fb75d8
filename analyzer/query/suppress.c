/* suppress.c - each place is matched once; each node inherits what its callers matched. */
#define _GNU_SOURCE
#include "suppress.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the file -------------------------------------------------------------------------------- */

static char *glob_of(const char *pattern)
{
    size_t length = strlen(pattern);
    char *glob = malloc(3 * length + 3), *out = glob;
    int from_start = *pattern == '^', to_end = length > 0 && pattern[length - 1] == '$';

    if (!from_start)
        *out++ = '*';
    for (const char *p = pattern + from_start; p < pattern + length - to_end; p++)
        if (*p == '?' || *p == '[')
            out += sprintf(out, "[%c]", *p);
        else
            *out++ = *p;
    if (!to_end)
        *out++ = '*';
    *out = '\0';
    return glob;
}

static char *trim(char *line)
{
    static const char space[] = " \t\r\n";
    size_t length;

    line += strspn(line, space);
    length = strlen(line);
    while (length > 0 && strchr(space, line[length - 1]) != NULL)
        length--;
    line[length] = '\0';
    return line;
}

static int add_line(const struct report *report, const char *file, int number, const char *line,
                    struct suppressions *s)
{
    static const char type[] = "leak:";

    if (*line == '\0' || *line == '#')
        return EXIT_FINE;
    if (strncmp(line, type, sizeof type - 1) != 0 || line[sizeof type - 1] == '\0')
        return report_error(report, EXIT_FAILED, "%s:%d: a suppression is written leak:PATTERN, not '%.60s'",
                            file, number, line);
    struct suppression *one = profile_grow(&s->list, &s->count, sizeof *one);

    one->pattern = strdup(line + sizeof type - 1);
    one->glob = glob_of(one->pattern);
    return EXIT_FINE;
}

static int read_file(const struct report *report, const char *file, struct suppressions *s)
{
    FILE *in = fopen(file, "re");
    char *line = NULL;
    size_t size = 0;
    int status = EXIT_FINE, number = 0;

    if (in == NULL)
        return report_error(report, EXIT_FAILED, "cannot read the suppressions in %s: %s", file,
                            strerror(errno));
    while (status == EXIT_FINE && getline(&line, &size, in) >= 0)
        status = add_line(report, file, ++number, trim(line), s);
    if (status == EXIT_FINE && ferror(in))
        status = report_error(report, EXIT_FAILED, "cannot read the suppressions in %s: %s", file,
                              strerror(errno));
    free(line);
    fclose(in);
    return status;
}

/* ---- matching -------------------------------------------------------------------------------- */

static uint32_t match_place(const struct suppressions *s, const struct profile_place *place)
{
    const char *const names[] = {place->function, place->file, place->module};

    for (uint32_t i = 0; i < s->count; i++)
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
            if (names[k] != NULL && *names[k] != '\0' && sqlite3_strglob(s->list[i].glob, names[k]) == 0)
                return i;
    return (uint32_t)s->count;
}

static void match_nodes(struct suppressions *s)
{
    const struct profile *p = &s->profile;
    uint32_t none = (uint32_t)s->count, *of_place = malloc((p->place_count + 1) * sizeof *of_place);

    s->of_node = malloc((p->node_count + 1) * sizeof *s->of_node);
    for (size_t i = 0; i < p->place_count; i++)
        of_place[i] = match_place(s, &p->places[i]);
    for (size_t i = 0; i < p->node_count; i++) {
        const struct profile_frame *frame = &p->frames[p->nodes[i].frame];
        uint32_t first = p->nodes[i].parent != PROFILE_NONE ? s->of_node[p->nodes[i].parent] : none;

        for (uint32_t k = 0; k < frame->count; k++) {
            uint32_t found = of_place[p->frame_places[frame->first + k]];

            first = found < first ? found : first;
        }
        s->of_node[i] = first;
    }
    free(of_place);
}

int suppressions_load(const struct report *report, const char *file, const struct run *run,
                      struct suppressions *s)
{
    const struct profile_query query = {.run = run};
    int status = read_file(report, file, s);

    if (status == EXIT_FINE)
        status = profile_load(report, &query, &s->profile);
    if (status == EXIT_FINE)
        match_nodes(s);
    return status;
}

int suppressions_match(struct suppressions *s, int64_t stack, const struct store_measures *m)
{
    uint32_t found = s->of_node[profile_node_index(&s->profile, stack)];

    if (found == s->count)
        return 0;
    s->list[found].sites++;
    measures_add(&s->list[found].m, m);
    return 1;
}

void suppressions_free(struct suppressions *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->list[i].pattern);
        free(s->list[i].glob);
    }
    free(s->list);
    free(s->of_node);
    profile_free(&s->profile);
}
