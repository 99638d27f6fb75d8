/* content_table.c - the table of what looks at the contents of blocks found, created when its first row is written. */
#include "store_private.h"

static const char *const tables[] = {"site_content"};

int store_contents_make(struct store *store)
{
    return store_execute(store, store_contents_sql, "write");
}

int store_contents_show(struct store *store)
{
    int64_t there = 0;
    int code = store_has_table(store, tables[0], &there);

    if (code != 0 || there)
        return code;
    return store_execute(store,
                         "CREATE TEMP VIEW site_content AS SELECT 0 AS run, {key: 0 AS #}, 0 AS blocks, 0 AS "
                         "bytes, 0 AS alone, 0 AS alone_bytes, 0 AS contents, 0 AS contents_bytes, 0 AS "
                         "again, 0 AS changed, 0 AS apart_ns WHERE 0",
                         "read");
}

int store_contents_delete(struct store *store, int64_t run)
{
    return store_forget_all(store, tables, 1, run);
}

/* Creates the table only if the run has rows in it. */
int store_contents_copy(struct store *to, sqlite3 *from, int64_t run, int64_t copy)
{
    int found = store_has_rows(to, from, "SELECT 1 FROM site_content WHERE run = ?1 LIMIT 1", run);
    int code = found > 0 ? store_contents_make(to) : found;

    return code == 0 && found > 0 ? store_copy_all(to, from, tables, 1, run, copy) : code;
}
