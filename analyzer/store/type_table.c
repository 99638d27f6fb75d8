/* type_table.c - the tables of what the blocks of stacks are, created when their first row is written. */
#include "store_private.h"

#include <stdio.h>

static const char *const tables[] = {"stack_type", "stack_part", "object_type", "object_keys", "unreadable"};
#define TABLES (sizeof tables / sizeof tables[0])

enum store_type_how store_type_how(int64_t number)
{
    return number >= 0 && number < STORE_TYPE_HOWS ? (enum store_type_how)number : STORE_TYPE_INFERRED;
}

/* The file's view may be from before it had all its columns. */
int store_types_make(struct store *store)
{
    int64_t sampled = 0;
    int code = store_execute(store, store_types_sql, "write");

    if (code == 0)
        code = store_has_table(store, "site_error", &sampled);
    return code == 0 ? store_views_make(store, store_type_views_sql, sampled != 0) : code;
}

int store_types_show(struct store *store)
{
    static const char *const nothing[TABLES] = {
        "CREATE TEMP VIEW stack_type AS SELECT 0 AS run, 0 AS node, '' AS type, 0 AS how WHERE 0",
        "CREATE TEMP VIEW stack_part AS SELECT 0 AS run, 0 AS node, 0 AS part, 0 AS start, 0 AS seen, 0 AS "
        "looks "
        "WHERE 0",
        "CREATE TEMP VIEW object_type AS SELECT 0 AS run, '' AS type, 0 AS basic_size, 0 AS item_size, 0 AS "
        "has_dict, 0 AS at_run_time, 0 AS line "
        "WHERE 0",
        "CREATE TEMP VIEW object_keys AS SELECT 0 AS run, '' AS type, 0 AS keys WHERE 0",
        "CREATE TEMP VIEW unreadable AS SELECT 0 AS run, 0 AS process WHERE 0",
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

int store_types_delete(struct store *store, int64_t run)
{
    return store_forget_all(store, tables, TABLES, run);
}

/* Creates the tables only if the run has types. */
int store_types_copy(struct store *to, sqlite3 *from, int64_t run, int64_t copy)
{
    int found = store_has_rows(to, from,
                               "SELECT 1 FROM stack_type WHERE run = ?1 UNION ALL "
                               "SELECT 1 FROM unreadable WHERE run = ?1 LIMIT 1",
                               run);
    int code = found > 0 ? store_types_make(to) : found;

    return code == 0 && found > 0 ? store_copy_all(to, from, tables, TABLES, run, copy) : code;
}
