/* first_column.h - for tests of the store: what a query says, in a file by plain SQLite, or through a report's connection.
 *
 * To be included after cmocka.h. The result is valid until the next call. */
#ifndef LIBTRACE_TESTS_FIRST_COLUMN_H
#define LIBTRACE_TESTS_FIRST_COLUMN_H

#include "store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

/* The first column of all rows. */
static const char *rows_of(sqlite3 *db, const char *sql)
{
    static char out[4096];
    sqlite3_stmt *s;
    size_t n = 0;

    out[0] = '\0';
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        return strcpy(out, sqlite3_errmsg(db));
    while (sqlite3_step(s) == SQLITE_ROW)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s", n > 0 ? "\n" : "", sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    return out;
}

static const char *in_file(const char *file, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    const char *rows = rows_of(db, sql);

    sqlite3_close(db);
    return rows;
}

static const char *in_report(const char *file, const char *sql)
{
    struct store *reader;

    assert_int_equal(store_open_read(file, &reader), 0);
    const char *rows = rows_of(store_handle(reader), sql);

    store_close(reader);
    return rows;
}

#endif
