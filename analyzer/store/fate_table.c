/* fate_table.c - the tables of what became of blocks: a new file has them, an older one gets them with the first run. */
#include "store_private.h"

#include <stdio.h>

static const char *const tables[] = {"site_fate", "peak_copy"};
#define TABLES (sizeof tables / sizeof tables[0])

int store_fates_make(struct store *store)
{
    return store_execute(store, store_fates_sql, "write");
}

int store_fates_show(struct store *store)
{
    static const char *const nothing[TABLES] = {
        "CREATE TEMP VIEW site_fate AS SELECT 0 AS run, {key: 0 AS #}, 0 AS freed_elsewhere, 0 AS moves, 0 "
        "AS "
        "moved_bytes WHERE 0",
        "CREATE TEMP VIEW peak_copy AS SELECT 0 AS run, 0 AS kind, {key: 0 AS #}, 0 AS old_bytes, 0 AS "
        "new_bytes, 0 AS height, 0 AS next_height WHERE 0",
    };
    int code = 0;

    for (size_t i = 0; i < TABLES && code == 0; i++) {
        int64_t there = 0;

        code = store_has_table(store, tables[i], &there);
        if (code == 0 && !there)
            code = store_execute(store, nothing[i], "read");
    }
    return code;
}

int store_fates_delete(struct store *store, int64_t run)
{
    return store_forget_all(store, tables, TABLES, run);
}

/* Creates the tables only if the run has rows in them. */
int store_fates_copy(struct store *to, sqlite3 *from, int64_t run, int64_t copy)
{
    int found = store_has_rows(to, from, "SELECT 1 FROM peak_copy WHERE run = ?1 LIMIT 1", run);
    int code = found > 0 ? store_fates_make(to) : found;

    return code == 0 && found > 0 ? store_copy_all(to, from, tables, TABLES, run, copy) : code;
}
