/* origin.c - whether a run was recorded by us, here, into this very file. Only then are the paths in it our
 * own; those in a file from elsewhere may name anything that we can read.
 *
 * For each run, the collector notes the inode and the time of birth of the database file. Nobody who
 * prepares a database elsewhere can know what these will be here, and a copy has others.
 */
#define _GNU_SOURCE
#include "store_private.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char create_table[] =
    "CREATE TABLE IF NOT EXISTS origin (run INTEGER PRIMARY KEY, inode INTEGER NOT "
    "NULL, born_ns INTEGER NOT NULL) STRICT";

struct origin {
    int64_t inode, born_ns;
};

/* False if the file system has no time of birth, or the file is another user's. */
static int look(const struct store *store, struct origin *origin)
{
    struct statx status;

    if (statx(AT_FDCWD, store->file, 0, STATX_INO | STATX_UID | STATX_BTIME, &status) != 0 ||
        !(status.stx_mask & STATX_BTIME) || status.stx_uid != geteuid())
        return 0;
    origin->inode = (int64_t)status.stx_ino;
    origin->born_ns = status.stx_btime.tv_sec * 1000000000 + status.stx_btime.tv_nsec;
    return 1;
}

void store_foreign(struct store *store)
{
    store->foreign = 1;
}

int store_origin_add(struct store *store, int64_t run)
{
    struct origin origin;
    char sql[160];

    if (store->foreign || !look(store, &origin))
        return 0;
    int code = store_execute(store, create_table, "write");

    snprintf(sql, sizeof sql, "REPLACE INTO origin VALUES (%lld, %lld, %lld)", (long long)run,
             (long long)origin.inode, (long long)origin.born_ns);
    return code == 0 ? store_execute(store, sql, "write") : code;
}

/* The stored values are compared in C, not in SQL: a view in the table's place could answer anything. */
int store_run_is_ours(struct store *store, int64_t run)
{
    sqlite3_stmt *s = NULL;
    struct origin origin;
    int ours = 0;

    if (!look(store, &origin))
        return 0;
    int result =
        sqlite3_prepare_v2(store->db, "SELECT inode, born_ns FROM main.origin WHERE run = ?1", -1, &s, NULL);

    if ((result & 0xff) == SQLITE_ERROR) /* there is no such table */
        return 0;
    if (result == SQLITE_OK)
        result = sqlite3_bind_int64(s, 1, run);
    if (result == SQLITE_OK)
        result = sqlite3_step(s);
    if (result == SQLITE_ROW)
        ours = sqlite3_column_int64(s, 0) == origin.inode && sqlite3_column_int64(s, 1) == origin.born_ns;
    sqlite3_finalize(s);
    return result == SQLITE_ROW || result == SQLITE_DONE ? ours : store_check(store, result, "read");
}

int store_forget(struct store *store, const char *table, int64_t run)
{
    char sql[128];
    int64_t tables;

    snprintf(sql, sizeof sql, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '%s'",
             table);
    int code = store_number(store, sql, "read", &tables);

    snprintf(sql, sizeof sql, "DELETE FROM %s WHERE run = %lld", table, (long long)run);
    return code == 0 && tables > 0 ? store_execute(store, sql, "remove a run from") : code;
}

int store_forget_all(struct store *store, const char *const tables[], size_t count, int64_t run)
{
    int code = 0;

    for (size_t i = 0; i < count && code == 0; i++)
        code = store_forget(store, tables[i], run);
    return code;
}

int store_origin_delete(struct store *store, int64_t run)
{
    return store_forget(store, "origin", run);
}
