/* by_type.c - see by_type.h. */
#define _GNU_SOURCE
#include "by_type.h"
#include "profile.h"
#include "text.h"
#include "texts.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct types {
    const struct lines_query *query;
    struct profile profile;
    struct texts keys; /* of rows */
    struct row {
        uint32_t type, place;    /* in the profile */
        enum store_type_how how; /* of its stacks, the least certain */
        int64_t seen, looks;     /* of those where blocks were looked at */
        struct store_measures m;
        struct variances v;
    } * rows; /* by index of the key */
};

/* ---- rows -------------------------------------------------------------------------------------- */

static void add_site(struct types *t, size_t which, const struct profile_node *node)
{
    const struct profile_site *site = &t->profile.sites[which];
    const struct profile_place *place = &t->profile.places[site->place];
    char *key = text_make("%u\n%s\n%lld\n%s\n%s", node->type, place->file != NULL ? place->file : "",
                          (long long)place->line, place->function, place->module);
    size_t known = t->keys.count;
    uint32_t row = texts_number(&t->keys, key);

    free(key);
    if (t->keys.count > known)
        t->rows[row] = (struct row){.type = node->type, .place = site->place, .how = node->how};
    if (node->how < t->rows[row].how)
        t->rows[row].how = node->how;
    if (node->how == STORE_TYPE_SAMPLED) {
        t->rows[row].seen = (int64_t)((uint64_t)t->rows[row].seen + (uint64_t)node->seen);
        t->rows[row].looks = (int64_t)((uint64_t)t->rows[row].looks + (uint64_t)node->looks);
    }
    measures_add(&t->rows[row].m, &site->m);
    if (t->profile.variances != NULL)
        variances_add(&t->rows[row].v, &t->profile.variances[which]);
}

static void add_sites(struct types *t)
{
    t->rows = calloc(t->profile.site_count + 1, sizeof *t->rows);
    for (size_t i = 0; i < t->profile.site_count; i++)
        add_site(t, i, &t->profile.nodes[t->profile.sites[i].node]);
}

/* Largest first. */
static int by_value(const void *a, const void *b, void *context)
{
    const struct row *x = a, *y = b;
    int c = measures_compare(&x->m, &y->m, *(const enum measure *)context);

    if (c == 0)
        c = (x->place > y->place) - (x->place < y->place);
    return c != 0 ? c : (x->type > y->type) - (x->type < y->type);
}

static void keep_rows(struct types *t, struct lines *lines)
{
    enum measure by = t->query->by;
    size_t limit = t->query->limit;

    qsort_r(t->rows, t->keys.count, sizeof *t->rows, by_value, &by);
    lines->all = t->keys.count;
    lines->sum_v = t->profile.sum_v;
    lines->rows = calloc(lines->all + 1, sizeof *lines->rows);
    for (size_t i = 0; i < lines->all; i++) {
        const struct row *row = &t->rows[i];
        const struct profile_place *place = &t->profile.places[row->place];

        measures_add(&lines->sum, &row->m);
        lines->typed += row->type != 0 ? measure_value(&row->m, by) : 0;
        if (limit > 0 && lines->count == limit)
            continue;
        struct line_row *to = &lines->rows[lines->count++];

        *to = (struct line_row){.file = place->file != NULL ? strdup(place->file) : NULL,
                                .line = place->line,
                                .function = strdup(place->function),
                                .module = strdup(place->module),
                                .language = strdup(place->language),
                                .type = row->type != 0 ? strdup(t->profile.types.text[row->type]) : NULL,
                                .how = row->how,
                                .seen = row->seen,
                                .looks = row->looks,
                                .m = row->m,
                                .v = row->v};
    }
}

int types_read(const struct report *report, const struct lines_query *query, struct lines *lines)
{
    const struct profile_query all = {.run = query->run, .filter = query->filter};
    struct types t = {.query = query};
    int status = profile_load(report, &all, &t.profile);

    *lines = (struct lines){0};
    if (status == EXIT_FINE) {
        add_sites(&t);
        keep_rows(&t, lines);
    }
    texts_free(&t.keys);
    free(t.rows);
    profile_free(&t.profile);
    return status;
}

/* ---- of stacks ---------------------------------------------------------------------------------- */

int types_of_stacks(const struct report *report, const struct run *run, struct lines *lines)
{
    sqlite3_stmt *s = report_prepare(report, "SELECT type, how FROM stack_type WHERE run = ?1 AND node = ?2");
    int status = s != NULL ? EXIT_FINE : EXIT_FAILED;

    for (size_t i = 0; i < lines->count && status == EXIT_FINE; i++) {
        struct line_row *row = &lines->rows[i];

        sqlite3_reset(s);
        sqlite3_bind_int64(s, 1, run->number);
        sqlite3_bind_int64(s, 2, row->stack);
        if (!report_step(report, s, &status))
            continue;
        const char *type = (const char *)sqlite3_column_text(s, 0);

        row->how = store_type_how(sqlite3_column_int64(s, 1));
        row->type = strdup(type != NULL ? type : "");
    }
    sqlite3_finalize(s);
    return status;
}
