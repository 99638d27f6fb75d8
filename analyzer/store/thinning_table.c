/* thinning_table.c - the table of what was thinned of runs, created when its first row is written. */
#include "store_private.h"

static const char *const tables[] = {"thinning"};
#define TABLES (sizeof tables / sizeof tables[0])

int store_thinning_make(struct store *store)
{
    return store_execute(store, store_thinning_sql, "write");
}

/* A view in its place could do anything. */
int store_thinning_show(struct store *store)
{
    int64_t there = 0;
    int code = store_execute(store, "DROP VIEW IF EXISTS temp.thinning", "read");

    if (code == 0)
        code = store_has_table(store, tables[0], &there);
    if (code == 0 && !there)
        code =
            store_execute(store,
                          "CREATE TEMP VIEW thinning AS SELECT 0 AS run, 0 AS keep_ns, 0 AS most_bytes, 0 AS "
                          "coarse_ns, 0 AS grain_ns, 0 AS events, 0 AS short WHERE 0",
                          "read");
    return code;
}

int store_thinning_delete(struct store *store, int64_t run)
{
    return store_forget_all(store, tables, TABLES, run);
}

/* Creates the table only if the run was thinned. */
int store_thinning_copy(struct store *to, sqlite3 *from, int64_t run, int64_t copy)
{
    int found =
        store_has_rows(to, from,
                       "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'thinning' AND "
                       "?1 > 0",
                       run);

    if (found > 0)
        found = store_has_rows(to, from, "SELECT 1 FROM thinning WHERE run = ?1", run);
    int code = found > 0 ? store_thinning_make(to) : found;

    return code == 0 && found > 0 ? store_copy_all(to, from, tables, TABLES, run, copy) : code;
}
