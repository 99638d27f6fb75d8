/* source_lines.c - see source_lines.h. */
#include "source_lines.h"

#include <stdlib.h>
#include <string.h>

#define TAB 4
#define LONGEST 1000 /* bytes shown of a line */

void source_lines_split(struct source_lines *lines, const char *text, size_t size)
{
    size_t room = 2;

    *lines = (struct source_lines){.text = malloc(size + 1)};
    for (size_t i = 0; i < size; i++)
        room += text[i] == '\n';
    lines->begins = malloc(room * sizeof *lines->begins);
    if (size > 0)
        memcpy(lines->text, text, size);
    lines->text[size] = '\0';
    for (size_t at = 0; at < size; lines->count++) {
        const char *end = memchr(text + at, '\n', size - at);

        lines->begins[lines->count] = at;
        at = end != NULL ? (size_t)(end - text) + 1 : size;
    }
    lines->begins[lines->count] = size;
}

void source_lines_free(struct source_lines *lines)
{
    free(lines->text);
    free(lines->begins);
    *lines = (struct source_lines){0};
}

char *source_lines_text(const struct source_lines *lines, size_t at)
{
    const char *text = lines->text + lines->begins[at];
    size_t size = lines->begins[at + 1] - lines->begins[at];

    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r'))
        size--;
    size = size < LONGEST ? size : LONGEST;
    char *line = malloc(size * TAB + 1), *out = line;

    for (size_t i = 0; i < size; i++) {
        if (text[i] != '\t') {
            *out++ = text[i] != '\0' ? text[i] : ' ';
            continue;
        }
        do
            *out++ = ' ';
        while ((out - line) % TAB != 0);
    }
    *out = '\0';
    return line;
}
