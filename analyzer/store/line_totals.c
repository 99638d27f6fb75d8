/* line_totals.c - adds up the sites of a run by line. GROUP BY would sort them first, which takes three
 * times as long as reading them. */
#include "store_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>

struct line_total {
    struct line_key {
        int64_t process, line;
    } key;
    struct store_measures m;
    UT_hash_handle hh;
};

static const char select_sites[] =
    "SELECT process, coalesce(line, 0), {measures: #} FROM site WHERE run = ?1";

static const char insert_total[] =
    "INSERT INTO line_total(run, process, line, {measures: #}) VALUES (?, ?, ?, {measures: ?})";

/* Returns SQLITE_OK or SQLITE_NOMEM. */
static int add_site(struct line_total **totals, sqlite3_stmt *site)
{
    const struct line_key key = {sqlite3_column_int64(site, 0), sqlite3_column_int64(site, 1)};
    struct line_total *total;
    struct store_measures m;

    HASH_FIND(hh, *totals, &key, sizeof key, total);
    if (total == NULL) {
        total = calloc(1, sizeof *total);
        if (total == NULL)
            return SQLITE_NOMEM;
        total->key = key;
        HASH_ADD(hh, *totals, key, sizeof total->key, total);
    }
    for (int i = 0; i < MEASURES; i++)
        measures_values(&m)[i] = sqlite3_column_int64(site, 2 + i);
    measures_add(&total->m, &m);
    return SQLITE_OK;
}

static int add_sites(struct store *store, struct line_total **totals)
{
    sqlite3_stmt *select = NULL;
    int result = store_prepare(store->db, select_sites, 0, &select);

    if (result == SQLITE_OK)
        result = sqlite3_bind_int64(select, 1, store->run);
    while (result == SQLITE_OK && (result = sqlite3_step(select)) == SQLITE_ROW)
        result = add_site(totals, select);
    sqlite3_finalize(select);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

static int write_totals(struct store *store, const struct line_total *totals)
{
    sqlite3_stmt *insert = NULL;
    int result = totals != NULL ? store_prepare(store->db, insert_total, 0, &insert) : SQLITE_OK;

    for (; result == SQLITE_OK && totals != NULL; totals = totals->hh.next) {
        sqlite3_bind_int64(insert, 1, store->run);
        sqlite3_bind_int64(insert, 2, totals->key.process);
        sqlite3_bind_int64(insert, 3, totals->key.line);
        for (int i = 0; i < MEASURES; i++)
            sqlite3_bind_int64(insert, 4 + i, measure_value(&totals->m, i));
        result = sqlite3_step(insert);
        sqlite3_reset(insert);
        result = result == SQLITE_DONE ? SQLITE_OK : result;
    }
    sqlite3_finalize(insert);
    return result;
}

static int by_key(const struct line_total *a, const struct line_total *b)
{
    if (a->key.process != b->key.process)
        return a->key.process < b->key.process ? -1 : 1;
    return (a->key.line > b->key.line) - (a->key.line < b->key.line);
}

/* Sites without a line count for line 0, which the views call '[unknown]', so that the lines add up to the
 * run. */
int store_line_totals(struct store *store)
{
    struct line_total *totals = NULL, *total, *next;
    char sql[80];

    snprintf(sql, sizeof sql, "DELETE FROM line_total WHERE run = %lld", (long long)store->run);
    int code = store_execute(store, sql, "write");
    int result = code == 0 ? add_sites(store, &totals) : SQLITE_OK;

    HASH_SORT(totals, by_key);
    if (result == SQLITE_OK && code == 0)
        result = write_totals(store, totals);
    HASH_ITER(hh, totals, total, next)
    {
        HASH_DEL(totals, total);
        free(total);
    }
    return code != 0 ? code : store_check(store, result, "write");
}
