/* changed.c - see changed.h. */
#include "changed.h"
#include "folder.h"

#include <sqlite3.h>
#include <stdlib.h>

static const char *const tables[] = {"run",         "process",     "thread",     "module",     "line",
                                     "frame",       "frame_line",  "node",       "site",       "line_total",
                                     "sample",      "site_sample", "moment",     "mark",       "event",
                                     "page_moment", "page_row",    "stack_type", "stack_part", "block"};
enum { TABLES = sizeof tables / sizeof *tables };

sqlite3 *changed_open(void)
{
    char path[FOLDER_PATH];
    sqlite3 *db;
    if (sqlite3_open_v2(folder_path("trace.db", path), &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        abort();
    sqlite3_exec(db,
                 "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA ignore_check_constraints = ON; "
                 "PRAGMA foreign_keys = OFF",
                 NULL, NULL, NULL);
    return db;
}

/* Runs a statement with one value bound; what it does not allow is left as it is. */
static void run(sqlite3 *db, const char *sql, void (*bind)(sqlite3_stmt *, struct input *), struct input *in,
                int64_t row)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        abort();
    bind(statement, in);
    sqlite3_bind_int64(statement, 2, row);
    sqlite3_step(statement);
    sqlite3_finalize(statement);
}

static void bind_any(sqlite3_stmt *statement, struct input *in)
{
    uint64_t kind = input_number(in, 1);
    size_t size;
    const uint8_t *bytes;
    switch (kind % 8) {
    case 0:
        sqlite3_bind_null(statement, 1);
        break;
    case 1:
    case 2:
        sqlite3_bind_int64(statement, 1, (int64_t)input_number(in, 8));
        break;
    case 3:
    case 4:
        sqlite3_bind_int64(statement, 1, (int64_t)(kind / 8) - 2);
        break;
    case 5:
        sqlite3_bind_double(statement, 1, (double)(int64_t)input_number(in, 8) * 1e6);
        break;
    default:
        bytes = input_bytes(in, 255, &size);
        if (kind % 8 == 6)
            sqlite3_bind_text(statement, 1, (const char *)bytes, (int)size, SQLITE_TRANSIENT);
        else
            sqlite3_bind_blob(statement, 1, bytes, (int)size, SQLITE_TRANSIENT);
    }
}

static void bind_name(sqlite3_stmt *statement, struct input *in)
{
    size_t size;
    const uint8_t *bytes = input_bytes(in, 255, &size);
    sqlite3_bind_text(statement, 1, (const char *)bytes, (int)size, SQLITE_TRANSIENT);
}

/* The name of a table's column; false = it has fewer. */
static int column_of(sqlite3 *db, const char *table, int number, char name[64])
{
    char sql[128];
    sqlite3_stmt *statement;
    int found = 0;
    sqlite3_snprintf(sizeof sql, sql, "SELECT name FROM pragma_table_info('%s') WHERE cid = %d", table,
                     number);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        abort();
    if (sqlite3_step(statement) == SQLITE_ROW) {
        sqlite3_snprintf(64, name, "%s", sqlite3_column_text(statement, 0));
        found = 1;
    }
    sqlite3_finalize(statement);
    return found;
}

void changed_cells(sqlite3 *db, struct input *in, int most)
{
    char column[64], sql[512];
    sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    for (int i = 0; i < most && input_left(in) > 0; i++) {
        const char *table = tables[input_number(in, 1) % TABLES];
        int number = (int)input_number(in, 1);
        int64_t row = (int64_t)input_number(in, 1);
        if (!column_of(db, table, number % 48, column) && !column_of(db, table, number % 8, column))
            break;
        /* Whatever its key is called: the row-th of the table, or all of them. */
        sqlite3_snprintf(sizeof sql, sql,
                         row == 255 ? "UPDATE OR REPLACE %s SET \"%s\" = ?1 WHERE ?2 = ?2"
                                    : "UPDATE OR REPLACE %s SET \"%s\" = ?1 WHERE \"%s\" = (SELECT \"%s\" "
                                      "FROM %s LIMIT 1 OFFSET ?2)",
                         table, column, column, column, table);
        run(db, sql, bind_any, in, row % 16);
    }
    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
}

void changed_names(sqlite3 *db, struct input *in)
{
    static const char *const names[] = {
        "line SET function",   "line SET file",           "line SET module", "module SET path",
        "run SET label",       "run SET command",         "mark SET name",   "process SET command",
        "thread SET name",     "page_row SET name",       "run SET root",    "process SET executable",
        "stack_type SET type", "page_moment SET missing", "run SET why",     "line SET language"};
    char sql[128];
    sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof names / sizeof *names && input_left(in) > 0; i++) {
            sqlite3_snprintf(sizeof sql, sql, "UPDATE OR IGNORE %s = ?1 WHERE id %% 3 = ?2", names[i]);
            if (i >= 9)
                sqlite3_snprintf(sizeof sql, sql, "UPDATE OR IGNORE %s = ?1 WHERE ?2 < 3", names[i]);
            run(db, sql, bind_name, in, round);
        }
    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
}
