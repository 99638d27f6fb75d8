/* read.c - opens a database for reading. The file may come from a stranger: nothing in it is trusted. */
#include "store_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 10000
#define CACHE_KIB 65536

/* These must really be tables: a view or a virtual table in their place could do anything. */
static const char count_tables[] = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND sql LIKE "
                                   "'CREATE TABLE %' AND name IN ('run', "
                                   "'process', 'thread', 'module', 'line', 'frame', 'frame_line', 'node', "
                                   "'site', 'line_total', 'block', 'sample', "
                                   "'site_sample', 'mark', 'event', 'moment')";
#define TABLES 16

/* Enough for our reports and users' SQL on them, but a crafted file cannot exhaust the machine's memory or
 * time. */
static const struct {
    int id, value;
} limits[] = {
    {SQLITE_LIMIT_LENGTH, 256 << 20},
    {SQLITE_LIMIT_SQL_LENGTH, 1 << 20},
    {SQLITE_LIMIT_COLUMN, 500},
    {SQLITE_LIMIT_EXPR_DEPTH, 200},
    {SQLITE_LIMIT_COMPOUND_SELECT, 50},
    {SQLITE_LIMIT_ATTACHED, 0},
    {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000},
    {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
};

static void harden(sqlite3 *db)
{
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, BUSY_MS);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        sqlite3_limit(db, limits[i].id, limits[i].value);
    sqlite3_exec(db,
                 "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; "
                 "PRAGMA temp_store = MEMORY",
                 NULL, NULL, NULL);
}

static int connect_with_our_rights(struct store *store, const char *file, int flags)
{
    sqlite3_close(store->db);
    store->db = NULL;
    int result =
        sqlite3_open_v2(file, &store->db,
                        SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | flags, NULL);

    if (store->db != NULL)
        harden(store->db);
    return result == SQLITE_OK
               ? sqlite3_exec(store->db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL)
               : result;
}

/* As the owner of the file, if he can reach it: its directory may be one that he may not enter. */
static int connect(struct store *store, const char *file, int flags)
{
    if (store_act_as_owner(store)) {
        int result = connect_with_our_rights(store, file, flags);

        store_act_as_ourselves();
        if (result == SQLITE_OK)
            return result;
    }
    return connect_with_our_rights(store, file, flags);
}

/* A database in WAL mode needs a file for its readers' locks beside it, which cannot be created in a
 * directory that we may not write to. If no WAL is waiting either, the database file alone is complete and
 * can be read as it is. */
static int connect_immutable(struct store *store)
{
    char wal[4200], uri[3 * 4200 + 32];
    struct stat status;
    size_t n = 0;

    if (snprintf(wal, sizeof wal, "%s-wal", store->file) >= (int)sizeof wal)
        return SQLITE_CANTOPEN;
    if (stat(wal, &status) == 0 && status.st_size > 0)
        return SQLITE_CANTOPEN;
    n += (size_t)sprintf(uri, "file:");
    for (const char *p = store->file; *p != '\0'; p++)
        n += (size_t)sprintf(uri + n, strchr("%?#", *p) != NULL ? "%%%02x" : "%c", (unsigned char)*p);
    sprintf(uri + n, "?immutable=1");
    return connect(store, uri, SQLITE_OPEN_URI);
}

int store_views_show_all(struct store *store, int again)
{
    int code = store_views_show(store, store_views_sql, again);

    store->shown = 1;
    if (code == 0)
        code = store_views_show(store, store_page_views_sql, again);
    if (code == 0)
        code = store_views_show(store, store_type_views_sql, again);
    return code == 0 && store->sampled ? store_views_show(store, store_sampling_views_sql, again) : code;
}

int store_has_table(struct store *store, const char *table, int64_t *there)
{
    char sql[160];

    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM main.sqlite_schema WHERE type = 'table' AND name = '%s' AND sql LIKE "
             "'CREATE TABLE %%'",
             table);
    return store_number(store, sql, "read", there);
}

static int show_missing(struct store *store)
{
    int code = store_pages_show(store);

    if (code == 0)
        code = store_types_show(store);
    if (code == 0)
        code = store_fates_show(store);
    if (code == 0)
        code = store_contents_show(store);
    if (code == 0)
        code = store_sampling_show(store);
    return code == 0 ? store_thinning_show(store) : code;
}

static int open_read(struct store *store)
{
    int64_t tables = 0;
    int code = store_look(store);

    if (code < 0)
        return code;
    if (code == 1)
        return store_fail(
            store, -ENOENT,
            "%s %s: record a run with trace-run PROGRAM (or LD_PRELOAD=libtrace.so PROGRAM), or name "
            "the database of another directory with --db; statically linked and setuid programs leave "
            "none.",
            access(store->file, F_OK) == 0 ? "nothing was recorded yet in" : "there is no database",
            store->path);
    int result = connect(store, store->file, 0);

    if ((result & 0xff) == SQLITE_CANTOPEN || (result & 0xff) == SQLITE_READONLY) {
        if (access(store->file, R_OK) == 0 && connect_immutable(store) == SQLITE_OK)
            result = SQLITE_OK;
        else
            return store_fail(store, -EACCES,
                              "cannot read %s: it was left in the middle of a recording, and its "
                              "directory is read-only. Copy it, with %s-wal, to a directory of yours.",
                              store->path, store->path);
    }
    code = store_check(store, result, "read");
    int version = code == 0 ? store_identify(store, STORE_OLDEST) : code;

    if (version == 0)
        return store_fail(store, -ENOENT,
                          "nothing was recorded yet in %s: record a run with trace-run PROGRAM.",
                          store->path);
    code = version < 0 ? version : store_number(store, count_tables, "read", &tables);
    if (code == 0 && tables < (version < STORE_MOMENTS ? TABLES - 1 : TABLES))
        code = store_fail(store, -EINVAL,
                          "%s is damaged: tables of libtrace are missing in it. Restore it from a copy.",
                          store->path);
    if (code == 0)
        code = store_show_older(store, version);
    if (code == 0)
        code = show_missing(store);
    return code == 0 ? store_views_show_all(store, 0) : code;
}

int store_open_again(const struct store *writer, struct store **store)
{
    *store = store_new(writer->file);
    if (*store == NULL)
        return -ENOMEM;
    int code = store_check(*store, connect(*store, writer->file, 0), "read");

    return code == 0 ? show_missing(*store) : code;
}

int store_open_read(const char *path, struct store **store)
{
    *store = store_new(path);
    return *store != NULL ? open_read(*store) : -ENOMEM;
}
