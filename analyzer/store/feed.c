/* feed.c - inserts many rows with one statement that selects from a virtual table, which takes them from
 * the caller. Running a prepared statement once for each row takes two to three times as long. */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

struct feed_table {
    sqlite3_vtab base; /* SQLite's part; must be first */
    struct store *store;
};

/* SQLite's part is enough: only one cursor is open at a time, and its position is in the feed. */
struct feed_cursor {
    sqlite3_vtab_cursor base; /* must be first */
};

static struct feed *feed_of(sqlite3_vtab_cursor *cursor)
{
    return ((struct feed_table *)cursor->pVtab)->store->feed;
}

/* feed(c0, c1, ...) */
static int declare(sqlite3 *db)
{
    sqlite3_str *sql = sqlite3_str_new(db);

    for (unsigned i = 0; i < FEED_COLUMNS; i++)
        sqlite3_str_appendf(sql, "%sc%u", i == 0 ? "CREATE TABLE feed(" : ", ", i);
    sqlite3_str_appendall(sql, ")");
    char *text = sqlite3_str_finish(sql);
    int result = text != NULL ? sqlite3_declare_vtab(db, text) : SQLITE_NOMEM;

    sqlite3_free(text);
    return result;
}

static int feed_connect(sqlite3 *db, void *store, int argc, const char *const *argv, sqlite3_vtab **table,
                        char **error)
{
    struct feed_table *made = sqlite3_malloc(sizeof *made);
    int result = declare(db);

    (void)argc, (void)argv, (void)error;
    if (made == NULL || result != SQLITE_OK) {
        sqlite3_free(made);
        return made == NULL ? SQLITE_NOMEM : result;
    }
    memset(made, 0, sizeof *made);
    made->store = store;
    *table = &made->base;
    return SQLITE_OK;
}

static int feed_disconnect(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

static int feed_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table, (void)info; /* there is only one way to read it: front to back */
    return SQLITE_OK;
}

static int feed_open(sqlite3_vtab *table, sqlite3_vtab_cursor **cursor)
{
    struct feed_cursor *made = sqlite3_malloc(sizeof *made);

    (void)table;
    if (made == NULL)
        return SQLITE_NOMEM;
    memset(made, 0, sizeof *made);
    *cursor = &made->base;
    return SQLITE_OK;
}

static int feed_close(sqlite3_vtab_cursor *cursor)
{
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int feed_next(sqlite3_vtab_cursor *cursor)
{
    struct feed *feed = feed_of(cursor);

    feed->over = !feed->next(feed);
    return SQLITE_OK;
}

static int feed_filter(sqlite3_vtab_cursor *cursor, int number, const char *text, int argc,
                       sqlite3_value **argv)
{
    (void)number, (void)text, (void)argc, (void)argv;
    return feed_next(cursor);
}

static int feed_eof(sqlite3_vtab_cursor *cursor)
{
    return feed_of(cursor)->over;
}

static int feed_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column)
{
    const struct feed_value *value = &feed_of(cursor)->value[column];

    if (value->kind == FEED_NUMBER)
        sqlite3_result_int64(context, value->number);
    else if (value->kind == FEED_BLOB)
        sqlite3_result_blob64(context, value->blob, (sqlite3_uint64)value->number, SQLITE_STATIC);
    else if (value->kind == FEED_TEXT)
        sqlite3_result_text(context, value->blob, -1, SQLITE_STATIC);
    return SQLITE_OK;
}

static int feed_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid)
{
    (void)cursor;
    *rowid = 0; /* never used */
    return SQLITE_OK;
}

static const sqlite3_module module = {
    .xConnect = feed_connect, /* no xCreate: the table exists without CREATE VIRTUAL TABLE */
    .xBestIndex = feed_best_index,
    .xDisconnect = feed_disconnect,
    .xOpen = feed_open,
    .xClose = feed_close,
    .xFilter = feed_filter,
    .xNext = feed_next,
    .xEof = feed_eof,
    .xColumn = feed_column,
    .xRowid = feed_rowid,
};

int store_feed_open(struct store *store)
{
    return store_check(store, sqlite3_create_module(store->db, "feed", &module, store), "open");
}

/* Writes "SELECT c0, c1 ... FROM feed" where a statement has {feed}. WHERE: without it ON CONFLICT would be taken for
 * a join's. */
static char *with_feed(const char *sql, unsigned width)
{
    const char *place = strstr(sql, "{feed}");
    sqlite3_str *out = sqlite3_str_new(NULL);

    sqlite3_str_append(out, sql, (int)(place - sql));
    for (unsigned i = 0; i < width; i++)
        sqlite3_str_appendf(out, "%s c%u", i == 0 ? "SELECT" : ",", i);
    sqlite3_str_appendf(out, " FROM feed WHERE true%s", place + strlen("{feed}"));
    return sqlite3_str_finish(out);
}

static int prepare(struct store *store, enum store_statement which, unsigned width)
{
    if (store->statement[which] != NULL)
        return SQLITE_OK;
    char *sql = with_feed(store_statement_sql(which), width);
    int result = sql != NULL
                     ? store_prepare(store->db, sql, SQLITE_PREPARE_PERSISTENT, &store->statement[which])
                     : SQLITE_NOMEM;

    sqlite3_free(sql);
    return result;
}

int store_feed_run(struct store *store, enum store_statement which, struct feed *feed)
{
    int result = prepare(store, which, feed->width);

    store->feed = feed;
    if (result == SQLITE_OK) {
        result = sqlite3_step(store->statement[which]);
        sqlite3_reset(store->statement[which]);
    }
    store->feed = NULL;
    return result == SQLITE_DONE ? 0 : store_check(store, result, "write");
}
