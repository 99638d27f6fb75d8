/* manage.c - whole runs: copied from another database, renamed, removed. */
#include "store_private.h"

#include <errno.h>
#include <stdio.h>

/* All tables whose rows belong to a run by their column `run`; the table run itself is handled apart. */
static const char *const tables[] = {
    "process",    "thread", "module", "line",        "frame",  "frame_line", "node",  "site",
    "line_total", "block",  "sample", "site_sample", "moment", "mark",       "event",
};
#define TABLES (sizeof tables / sizeof tables[0])

/* Runs a statement that takes a run's number, and a text unless it is NULL. */
static int on_run(struct store *store, const char *sql, int64_t run, const char *text, const char *what)
{
    sqlite3_stmt *s;
    int result = sqlite3_prepare_v2(store->db, sql, -1, &s, NULL);

    if (result == SQLITE_OK)
        result = sqlite3_bind_int64(s, 1, run);
    if (result == SQLITE_OK && text != NULL)
        result = store_bind_text(s, 2, text);
    if (result == SQLITE_OK)
        result = sqlite3_step(s);
    int code = store_check(store, result, what);

    sqlite3_finalize(s);
    return code;
}

int store_run_rename(struct store *store, int64_t run, const char *label)
{
    int code = on_run(store, "UPDATE run SET label = ?2 WHERE id = ?1", run, label, "rename a run in");

    if (code == 0 && sqlite3_changes(store->db) != 1)
        return store_fail(store, -ENOENT, "%s has no run %lld any more.", store->path, (long long)run);
    return code;
}

int store_run_delete(struct store *store, int64_t run)
{
    char sql[96];
    int code = on_run(store, "DELETE FROM run WHERE id = ?1", run, NULL, "remove a run from");

    for (size_t i = 0; i < TABLES && code == 0; i++) {
        snprintf(sql, sizeof sql, "DELETE FROM %s WHERE run = ?1", tables[i]);
        code = on_run(store, sql, run, NULL, "remove a run from");
    }
    if (code == 0)
        code = store_lock_forget(store, run);
    if (code == 0)
        code = store_pages_delete(store, run);
    if (code == 0)
        code = store_types_delete(store, run);
    if (code == 0)
        code = store_sampling_delete(store, run);
    if (code == 0)
        code = store_fates_delete(store, run);
    if (code == 0)
        code = store_contents_delete(store, run);
    if (code == 0)
        code = store_thinning_delete(store, run);
    return code == 0 ? store_origin_delete(store, run) : code;
}

int store_vacuum(struct store *store)
{
    return store_execute(store, "VACUUM", "make smaller");
}

/* ---- copying --------------------------------------------------------------------------------- */

/* Lists the table's columns after the first, as "a, b, c" and "?2, ?3, ?4". The table is our own, so the
 * names can be trusted. */
static int list_columns(struct store *store, const char *table, char *names, char *places, size_t size)
{
    sqlite3_stmt *s;
    size_t n = 0, m = 0;
    int result = sqlite3_prepare_v2(
        store->db, "SELECT name FROM pragma_table_info(?1) WHERE cid > 0 ORDER BY cid", -1, &s, NULL);

    if (result == SQLITE_OK)
        result = sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
    for (int i = 2; result == SQLITE_OK && (result = sqlite3_step(s)) == SQLITE_ROW;
         i++, result = SQLITE_OK) {
        const char *separator = i > 2 ? ", " : "";

        n += (size_t)snprintf(names + n, size - n, "%s\"%s\"", separator,
                              (const char *)sqlite3_column_text(s, 0));
        m += (size_t)snprintf(places + m, size - m, "%s?%d", separator, i);
        if (n >= size || m >= size)
            result = SQLITE_TOOBIG;
    }
    int code = store_check(store, result, "read");

    sqlite3_finalize(s);
    return code;
}

int store_unreadable(struct store *to, sqlite3 *from)
{
    return store_fail(to, -EIO, "cannot read the other database: %s.", sqlite3_errmsg(from));
}

int store_has_rows(struct store *to, sqlite3 *from, const char *sql, int64_t run)
{
    sqlite3_stmt *s = NULL;
    int result = sqlite3_prepare_v2(from, sql, -1, &s, NULL);

    if (result == SQLITE_OK)
        result = sqlite3_bind_int64(s, 1, run);
    if (result == SQLITE_OK)
        result = sqlite3_step(s);
    int found = result == SQLITE_ROW ? 1 : result == SQLITE_DONE ? 0 : store_unreadable(to, from);

    sqlite3_finalize(s);
    return found;
}

/* Copies values as they are: our tables' column types and checks refuse what is wrong. */
static int copy_rows(struct store *to, sqlite3_stmt *in, sqlite3_stmt *out)
{
    int columns = sqlite3_column_count(in), result;

    while ((result = sqlite3_step(in)) == SQLITE_ROW) {
        for (int i = 0; i < columns; i++)
            sqlite3_bind_value(out, i + 2, sqlite3_column_value(in, i));
        int code = store_check(to, sqlite3_step(out), "write");

        sqlite3_reset(out);
        if (code != 0)
            return code;
    }
    if (result != SQLITE_DONE)
        return store_unreadable(to, sqlite3_db_handle(in));
    return 0;
}

int store_copy_table(struct store *to, sqlite3 *from, const char *table, const char *key, int64_t run,
                     int64_t copy)
{
    char names[1024], places[1024], sql[2304];
    sqlite3_stmt *in = NULL, *out = NULL;
    int code = list_columns(to, table, names, places, sizeof names);

    if (code != 0)
        return code;
    snprintf(sql, sizeof sql, "SELECT %s FROM %s WHERE %s = ?1", names, table, key);
    if (sqlite3_prepare_v2(from, sql, -1, &in, NULL) != SQLITE_OK)
        return store_unreadable(to, from);
    snprintf(sql, sizeof sql, "INSERT INTO %s(%s, %s) VALUES (?1, %s)", table, key, names, places);
    code = store_check(to, sqlite3_prepare_v2(to->db, sql, -1, &out, NULL), "write");
    sqlite3_bind_int64(in, 1, run);
    if (code == 0 && copy > 0)
        sqlite3_bind_int64(out, 1, copy);
    if (code == 0)
        code = copy_rows(to, in, out);
    sqlite3_finalize(in);
    sqlite3_finalize(out);
    return code;
}

int store_copy_all(struct store *to, sqlite3 *from, const char *const names[], size_t count, int64_t run,
                   int64_t copy)
{
    int code = 0;

    for (size_t i = 0; i < count && code == 0; i++)
        code = store_copy_table(to, from, names[i], "run", run, copy);
    return code;
}

int store_run_copy(struct store *to, struct sqlite3 *from, int64_t run, int64_t *copy)
{
    int code = store_copy_table(to, from, "run", "id", run, 0);

    *copy = sqlite3_last_insert_rowid(to->db);
    if (code == 0)
        code = store_copy_all(to, from, tables, TABLES, run, *copy);
    if (code == 0)
        code = store_pages_copy(to, from, run, *copy);
    if (code == 0)
        code = store_types_copy(to, from, run, *copy);
    if (code == 0)
        code = store_sampling_copy(to, from, run, *copy);
    if (code == 0)
        code = store_thinning_copy(to, from, run, *copy);
    if (code == 0)
        code = store_fates_copy(to, from, run, *copy);
    return code == 0 ? store_contents_copy(to, from, run, *copy) : code;
}
