/* sampling_table.c - the tables of runs of which a sample was taken, created when their first row is written. */
#include "store_private.h"

#include <stdio.h>

static const char *const tables[] = {"sampling", "site_error"};
#define TABLES (sizeof tables / sizeof tables[0])

/* Is called with every row of sampling, and does nothing then if the tables are there. */
int store_sampling_make(struct store *store)
{
    int64_t there = 0;
    int code = store_has_table(store, tables[TABLES - 1], &there);

    return code == 0 && !there ? store_execute(store, store_sampling_sql, "write") : code;
}

int store_sampling_show(struct store *store)
{
    static const char *const nothing[TABLES] = {
        "CREATE TEMP VIEW sampling AS SELECT 0 AS run, 0 AS interval, 0 AS samples, 0 AS allocations, 0 AS "
        "bytes WHERE 0",
        "CREATE TEMP VIEW site_error AS SELECT 0 AS run, {key: 0 AS #}, {estimated: 0.0 AS #} WHERE 0",
    };
    int code = 0;

    for (size_t i = 0; i < TABLES && code == 0; i++) {
        char sql[80];
        int64_t there = 0;

        snprintf(sql, sizeof sql, "DROP VIEW IF EXISTS temp.%s", tables[i]);
        code = store_execute(store, sql, "read");
        if (code == 0)
            code = store_has_table(store, tables[i], &there);
        if (code == 0 && !there)
            code = store_execute(store, nothing[i], "read");
    }
    return code;
}

int store_sampling_delete(struct store *store, int64_t run)
{
    int code = 0;

    for (size_t i = 0; i < TABLES && code == 0; i++)
        code = store_forget(store, tables[i], run);
    return code;
}

/* Creates the tables only if a sample was taken of the run. */
int store_sampling_copy(struct store *to, sqlite3 *from, int64_t run, int64_t copy)
{
    int found = store_has_rows(to, from, "SELECT 1 FROM sampling WHERE run = ?1", run);
    int code = found > 0 ? store_sampling_make(to) : found;

    for (size_t i = 0; i < TABLES && code == 0 && found > 0; i++)
        code = store_copy_table(to, from, tables[i], "run", run, copy);
    return code;
}
