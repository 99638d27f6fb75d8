/* texts.c - a balanced tree of texts (glibc's tsearch). */
#define _GNU_SOURCE
#include "texts.h"
#include "profile.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct numbered {
    const char *text; /* belongs to texts->text[number] */
    uint32_t number;
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct numbered *)a)->text, ((const struct numbered *)b)->text);
}

uint32_t texts_number(struct texts *texts, const char *text)
{
    struct numbered key = {text, 0}, **found = tfind(&key, &texts->numbers, compare);

    if (found != NULL)
        return (*found)->number;
    struct numbered *known = malloc(sizeof *known);
    char *copy = strdup(text), **to = profile_grow(&texts->text, &texts->count, sizeof *to);

    *to = copy;
    *known = (struct numbered){copy, (uint32_t)texts->count - 1};
    if (tsearch(known, &texts->numbers, compare) == NULL) /* it allocates, too */
        report_no_memory();
    return known->number;
}

void texts_free(struct texts *texts)
{
    tdestroy(texts->numbers, free);
    for (size_t i = 0; i < texts->count; i++)
        free(texts->text[i]);
    free(texts->text);
    *texts = (struct texts){0};
}
