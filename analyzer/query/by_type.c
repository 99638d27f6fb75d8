/* by_type.c - see by_type.h. A stack's type comes from the innermost of its library frames that names one.
 * The program's own functions are not considered: their template arguments need not be what they allocate. */
#define _GNU_SOURCE
#include "by_type.h"
#include "block_types.h"
#include "profile.h"
#include "texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNTYPED 0

struct types {
    const struct lines_query *query;
    struct profile profile;
    struct texts names; /* of types; UNTYPED is "" */
    uint32_t *of_place; /* by place: the type that its function names; UNTYPED = none */
    struct texts keys;  /* of rows */
    struct row {
        uint32_t type, place;
        struct store_measures m;
    } * rows; /* by index of the key */
};

/* ---- types of stacks --------------------------------------------------------------------------- */

static int read_names(struct types *t)
{
    t->of_place = calloc(t->profile.place_count + 1, sizeof *t->of_place);
    texts_number(&t->names, "");
    for (size_t i = 0; t->of_place != NULL && i < t->profile.place_count; i++) {
        const struct profile_place *place = &t->profile.places[i];
        char *type = place->library_code ? block_type(place->function) : NULL;

        if (type != NULL)
            t->of_place[i] = texts_number(&t->names, type);
        free(type);
    }
    return t->of_place != NULL && !t->names.failed;
}

/* The characters of a string are the string's: an outer function of its class says so. */
static int is_string_of(const struct types *t, uint32_t outer, uint32_t inner)
{
    const char *whole = t->names.text[outer], *element = t->names.text[inner];

    return (strcmp(element, "char") == 0 && strcmp(whole, "std::string") == 0) ||
           (strcmp(element, "u8") == 0 && strcmp(whole, "String") == 0);
}

/* Looks at the frames from the innermost one out to the program's first. */
static uint32_t type_of_stack(struct types *t, uint32_t node)
{
    const struct profile *p = &t->profile;
    uint32_t type = UNTYPED;

    for (; node != PROFILE_NONE; node = p->nodes[node].parent) {
        const struct profile_frame *frame = &p->frames[p->nodes[node].frame];

        for (uint32_t i = 0; i < frame->count; i++) {
            uint32_t place = p->frame_places[frame->first + i];

            if (!p->places[place].library_code)
                return type;
            if (type == UNTYPED)
                type = t->of_place[place];
            else if (is_string_of(t, t->of_place[place], type))
                type = t->of_place[place];
        }
    }
    return type;
}

/* ---- rows -------------------------------------------------------------------------------------- */

static int add_site(struct types *t, const struct profile_site *site, uint32_t type)
{
    const struct profile_place *place = &t->profile.places[site->place];
    char *key = NULL;

    if (asprintf(&key, "%u\n%s\n%lld\n%s\n%s", type, place->file != NULL ? place->file : "",
                 (long long)place->line, place->function, place->module) < 0)
        return 0;
    size_t known = t->keys.count;
    uint32_t row = texts_number(&t->keys, key);

    free(key);
    if (t->keys.failed)
        return 0;
    if (t->keys.count > known)
        t->rows[row] = (struct row){.type = type, .place = site->place};
    measures_add(&t->rows[row].m, &site->m);
    return 1;
}

static int add_sites(struct types *t)
{
    t->rows = calloc(t->profile.site_count + 1, sizeof *t->rows);
    for (size_t i = 0; t->rows != NULL && i < t->profile.site_count; i++) {
        uint32_t type = type_of_stack(t, t->profile.sites[i].node);

        if (t->query->type != NULL && !filter_matches(t->query->type, t->names.text[type]))
            continue;
        if (!add_site(t, &t->profile.sites[i], type))
            return 0;
    }
    return t->rows != NULL;
}

/* Largest first. */
static int by_value(const void *a, const void *b, void *context)
{
    const struct row *x = a, *y = b;
    enum measure by = *(const enum measure *)context;
    int64_t v = measure_value(&x->m, by), w = measure_value(&y->m, by);

    if (v != w)
        return v < w ? 1 : -1;
    if (x->m.bytes != y->m.bytes)
        return x->m.bytes < y->m.bytes ? 1 : -1;
    return x->place != y->place ? (x->place > y->place) - (x->place < y->place)
                                : (x->type > y->type) - (x->type < y->type);
}

static int keep_rows(struct types *t, struct lines *lines)
{
    enum measure by = t->query->by;
    size_t limit = t->query->limit;
    int fine = 1;

    qsort_r(t->rows, t->keys.count, sizeof *t->rows, by_value, &by);
    lines->all = t->keys.count;
    lines->rows = calloc(lines->all + 1, sizeof *lines->rows);
    for (size_t i = 0; lines->rows != NULL && i < lines->all && fine; i++) {
        const struct row *row = &t->rows[i];
        const struct profile_place *place = &t->profile.places[row->place];

        measures_add(&lines->sum, &row->m);
        if (limit > 0 && lines->count == limit)
            continue;
        struct line_row *to = &lines->rows[lines->count++];

        *to = (struct line_row){.file = place->file != NULL ? strdup(place->file) : NULL,
                                .line = place->line,
                                .function = strdup(place->function),
                                .module = strdup(place->module),
                                .language = strdup(place->language),
                                .type = row->type != UNTYPED ? strdup(t->names.text[row->type]) : NULL,
                                .m = row->m};
        fine = to->function != NULL && to->module != NULL && to->language != NULL;
    }
    return lines->rows != NULL && fine;
}

int types_read(const struct report *report, const struct lines_query *query, struct lines *lines)
{
    const struct profile_query all = {.run = query->run, .filter = query->filter};
    struct types t = {.query = query};
    int status = profile_load(report, &all, &t.profile);

    *lines = (struct lines){0};
    if (status == EXIT_FINE && !(read_names(&t) && add_sites(&t) && keep_rows(&t, lines)))
        status = report_error(report, EXIT_FAILED, "out of memory");
    texts_free(&t.names);
    texts_free(&t.keys);
    free(t.of_place);
    free(t.rows);
    profile_free(&t.profile);
    return status;
}
