/* type_table.c - the table of what the blocks of stacks are, created when its first row is written. */
#include "store_private.h"

#define TABLE "stack_type"

enum store_type_how store_type_how(int64_t number)
{
    return number >= 0 && number < STORE_TYPE_HOWS ? (enum store_type_how)number : STORE_TYPE_INFERRED;
}

int store_types_make(struct store *store)
{
    int code = store_execute(store, store_types_sql, "write");

    return code == 0 ? store_execute(store, store_type_views_sql, "write") : code;
}

int store_types_show(struct store *store)
{
    static const char nothing[] =
        "CREATE TEMP VIEW " TABLE " AS SELECT 0 AS run, 0 AS node, '' AS type, 0 AS how WHERE 0";
    int64_t there = 0;
    int code = store_execute(store, "DROP VIEW IF EXISTS temp." TABLE, "read");

    if (code == 0)
        code = store_has_table(store, TABLE, &there);
    return code == 0 && !there ? store_execute(store, nothing, "read") : code;
}

int store_types_delete(struct store *store, int64_t run)
{
    return store_forget(store, TABLE, run);
}

int store_types_copy(struct store *to, sqlite3 *from, int64_t run, int64_t copy)
{
    int found = store_has_rows(to, from, "SELECT 1 FROM " TABLE " WHERE run = ?1 LIMIT 1", run);
    int code = found > 0 ? store_types_make(to) : found;

    return code == 0 && found > 0 ? store_copy_table(to, from, TABLE, "run", run, copy) : code;
}
