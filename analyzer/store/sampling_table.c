/* sampling_table.c - the tables of runs of which a sample was taken, created when their first row is written. */
#include "store_private.h"

#include <stdio.h>

static const char *const tables[] = {"sampling", "site_error"};
#define TABLES (sizeof tables / sizeof tables[0])

/* The file's views are made anew, in the form that has errors. */
static int make(struct store *store)
{
    int64_t types = 0;
    int code = store_execute(store, store_sampling_sql, "write");

    if (code == 0)
        code = store_views_make(store, store_sampling_views_sql, 1);
    if (code == 0)
        code = store_views_make(store, store_views_sql, 1);
    if (code == 0)
        code = store_has_table(store, "stack_type", &types);
    return code == 0 && types ? store_views_make(store, store_type_views_sql, 1) : code;
}

/* Is called with every row of sampling, and does nothing then if the tables are there. */
int store_sampling_make(struct store *store)
{
    int64_t there = 0;
    int code = store_has_table(store, tables[TABLES - 1], &there);

    return code == 0 && !there ? make(store) : code;
}

/* Both, and as tables: a view in their place could do anything. */
static const char count_tables[] = "SELECT count(*) FROM main.sqlite_schema WHERE type = 'table' AND name IN "
                                   "('sampling', 'site_error') AND sql LIKE "
                                   "'CREATE TABLE %'";

int store_sampling_show(struct store *store)
{
    int64_t there = 0;
    int code = store_number(store, count_tables, "read", &there), before = store->sampled;

    store->sampled = there == TABLES;
    return code == 0 && store->shown && store->sampled != before ? store_views_show_all(store, 1) : code;
}

int store_is_sampled(const struct store *store)
{
    return store->sampled;
}

int store_sampling_delete(struct store *store, int64_t run)
{
    return store_forget_all(store, tables, TABLES, run);
}

/* Creates the tables only if a sample was taken of the run. */
int store_sampling_copy(struct store *to, sqlite3 *from, int64_t run, int64_t copy)
{
    int found = store_has_rows(
        to, from,
        "SELECT 1 FROM (SELECT count(*) AS n FROM main.sqlite_schema WHERE type = 'table' AND "
        "name IN ('sampling', 'site_error') AND sql LIKE 'CREATE TABLE %') WHERE n = 2 AND ?1 > 0",
        run);

    if (found > 0)
        found = store_has_rows(to, from, "SELECT 1 FROM sampling WHERE run = ?1", run);
    int code = found > 0 ? store_sampling_make(to) : found;

    return code == 0 && found > 0 ? store_copy_all(to, from, tables, TABLES, run, copy) : code;
}
