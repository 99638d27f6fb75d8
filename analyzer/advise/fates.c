/* fates.c - what became of blocks beyond being freed: how many another thread freed, what realloc copied, and whether the
 * peak was a copy. */
#include "facts.h"

#include <sqlite3.h>
#include <stdlib.h>

static void add(int64_t *sum, int64_t value)
{
    *sum = (int64_t)((uint64_t)*sum + (uint64_t)value); /* sums in a stranger's file may wrap */
}

/* The facts that a row's site is part of; PROFILE_NONE = a filter keeps it back. Columns: node, process, thread. */
static uint32_t facts_of_row(const struct advice *advice, const uint32_t *of, sqlite3_stmt *s)
{
    int64_t node = sqlite3_column_int64(s, 0);

    if (!filter_site(advice->filter, advice->run->number, sqlite3_column_int64(s, 1),
                     sqlite3_column_int64(s, 2), node))
        return PROFILE_NONE;
    return of[profile_node_index(&advice->profile, node)];
}

static int read_fates(struct advice *advice, const uint32_t *of)
{
    sqlite3_stmt *s = report_prepare(
        advice->report, "SELECT {key: #}, freed_elsewhere, moves, moved_bytes FROM site_fate WHERE run = ?1");
    int status = s != NULL ? EXIT_FINE : EXIT_FAILED;

    if (s != NULL)
        sqlite3_bind_int64(s, 1, advice->run->number);
    while (s != NULL && report_step(advice->report, s, &status)) {
        uint32_t index = facts_of_row(advice, of, s);

        if (index == PROFILE_NONE)
            continue;
        struct facts_fate *fate = &advice->facts[index].fate;

        add(&fate->freed_elsewhere, sqlite3_column_int64(s, 3));
        add(&fate->moves, sqlite3_column_int64(s, 4));
        add(&fate->moved_bytes, sqlite3_column_int64(s, 5));
    }
    sqlite3_finalize(s);
    return status;
}

static int read_copies(struct advice *advice, const uint32_t *of)
{
    sqlite3_stmt *s =
        report_prepare(advice->report, "SELECT {key: #}, kind, old_bytes, new_bytes, height, next_height "
                                       "FROM peak_copy WHERE run = ?1");
    int status = s != NULL ? EXIT_FINE : EXIT_FAILED;

    for (size_t i = 0; i < STORE_COPY_KINDS; i++)
        advice->copies[i].facts = PROFILE_NONE;
    if (s != NULL)
        sqlite3_bind_int64(s, 1, advice->run->number);
    while (s != NULL && report_step(advice->report, s, &status)) {
        int64_t kind = sqlite3_column_int64(s, 3), new_bytes = sqlite3_column_int64(s, 5);

        advice->fates_known = true;
        if (kind < 0 || kind >= STORE_COPY_KINDS || new_bytes <= 0)
            continue;
        advice->copies[kind] =
            (struct peak_copy){.facts = facts_of_row(advice, of, s),
                               .node = profile_node_index(&advice->profile, sqlite3_column_int64(s, 0)),
                               .old_bytes = sqlite3_column_int64(s, 4),
                               .new_bytes = new_bytes,
                               .height = sqlite3_column_int64(s, 6),
                               .next_height = sqlite3_column_int64(s, 7)};
    }
    sqlite3_finalize(s);
    return status;
}

int fates_read(struct advice *advice)
{
    uint32_t *of = facts_by_node(advice);
    int status = read_fates(advice, of);

    if (status == EXIT_FINE)
        status = read_copies(advice, of);
    free(of);
    return status;
}
