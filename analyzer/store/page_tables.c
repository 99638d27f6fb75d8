/* page_tables.c - the tables of resident bytes and of mappings, created when their first row is written:
 * creating tables would cost time at the end of each traced program, and most files do without these. See
 * page_rows.h. */
#include "store_private.h"

#include <stdio.h>

static const char *const tables[] = {"page_moment", "page_row", "mapped_site"};
#define TABLES (sizeof tables / sizeof tables[0])

int store_pages_make(struct store *store)
{
    int code = store_execute(store, store_pages_sql, "write");

    if (code == 0)
        code = store_execute(store, store_mapped_sql, "write");
    return code == 0 ? store_execute(store, store_page_views_sql, "write") : code;
}

int store_pages_show(struct store *store)
{
    static const char *const nothing[TABLES] = {
        "CREATE TEMP VIEW page_moment AS SELECT 0 AS run, 0 AS id, 0 AS process, 0 AS t_ns, 0 AS took_ns, "
        "0 AS kind, 0 AS mark, 0 AS resident, 0 AS pss, 0 AS untouched, 0 AS swapped, NULL AS missing WHERE "
        "0",
        "CREATE TEMP VIEW page_row AS SELECT 0 AS run, 0 AS moment, 0 AS process, 0 AS part, 0 AS node, 0 AS "
        "line, '' AS name, 0 AS bytes, 0 AS blocks WHERE 0",
        "CREATE TEMP VIEW mapped_site AS SELECT 0 AS run, {key: 0 AS #}, 0 AS line, 0 AS leaf, {measures: 0 "
        "AS "
        "#}, 0 AS smallest, 0 AS largest, NULL AS sizes, NULL AS lifetimes WHERE 0",
    };
    int64_t there[TABLES] = {0};
    char sql[80];
    int code = 0;

    for (size_t i = 0; i < TABLES && code == 0; i++) {
        snprintf(sql, sizeof sql, "DROP VIEW IF EXISTS temp.%s", tables[i]);
        code = store_execute(store, sql, "read");
        if (code == 0)
            code = store_has_table(store, tables[i], &there[i]);
    }
    there[0] = there[1] = there[0] && there[1]; /* rows are of use only together with their moments */
    for (size_t i = 0; i < TABLES && code == 0; i++)
        if (!there[i])
            code = store_execute(store, nothing[i], "read");
    return code;
}

int store_pages_asked(struct store *store, int64_t run, int64_t *looks)
{
    char sql[128];
    int64_t there = 0;
    int code = store_has_table(store, tables[0], &there);

    *looks = 0;
    if (code != 0 || there == 0)
        return code;
    snprintf(sql, sizeof sql,
             "SELECT coalesce(max(id), 0) FROM main.page_moment WHERE run = %lld AND kind = %d",
             (long long)run, STORE_PAGES_ASKED);
    return store_number(store, sql, "read", looks);
}

int store_show_mapped(struct store *store)
{
    static const char sql[] =
        "DROP VIEW IF EXISTS temp.site; DROP VIEW IF EXISTS temp.line_total; DROP VIEW IF EXISTS "
        "temp.site_sample; CREATE TEMP VIEW site AS SELECT * FROM mapped_site; "
        "CREATE TEMP VIEW line_total AS SELECT run, process, coalesce(line, 0) AS line, {measures: add(#) AS "
        "#} "
        "FROM mapped_site GROUP BY 1, 2, 3; "
        "CREATE TEMP VIEW site_sample AS SELECT 0 AS run, 0 AS t_ns, {key: 0 AS #}, {sampled: 0 AS #} WHERE "
        "0";

    return store_execute(store, sql, "read");
}

int store_page_forget(struct store *store, int64_t moment)
{
    char sql[192];
    int64_t there = 0;
    int code = store_has_table(store, tables[0], &there);

    if (code != 0 || there == 0)
        return code;
    snprintf(sql, sizeof sql,
             "DELETE FROM page_row WHERE run = %lld AND moment = %lld; "
             "DELETE FROM page_moment WHERE run = %lld AND id = %lld",
             (long long)store->run, (long long)moment, (long long)store->run, (long long)moment);
    return store_execute(store, sql, "write");
}

int store_pages_delete(struct store *store, int64_t run)
{
    return store_forget_all(store, tables, TABLES, run);
}

/* Creates the tables only if the run has rows in them. */
int store_pages_copy(struct store *to, sqlite3 *from, int64_t run, int64_t copy)
{
    int found = store_has_rows(to, from,
                               "SELECT 1 FROM page_moment WHERE run = ?1 UNION ALL "
                               "SELECT 1 FROM mapped_site WHERE run = ?1 LIMIT 1",
                               run);
    int code = found > 0 ? store_pages_make(to) : found;

    return code == 0 && found > 0 ? store_copy_all(to, from, tables, TABLES, run, copy) : code;
}
