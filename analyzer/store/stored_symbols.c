/* stored_symbols.c - what earlier runs, if recorded to their end, know of a module. */
#include "store_private.h"

static const char sql[] =
    "WITH latest(run, module) AS (SELECT module.run, module.id FROM module JOIN run ON run.id = module.run "
    "WHERE module.build_id = ?1 AND module.path = ?2 AND module.symbols = ?3 AND "
    "run.state IN ('complete', 'incomplete') "
    "ORDER BY module.run DESC LIMIT ?4) "
    "SELECT frame.offset, frame_line.depth, line.file, line.line, line.function FROM latest "
    "CROSS JOIN frame ON frame.run = latest.run AND frame.module = latest.module "
    "CROSS JOIN frame_line ON frame_line.run = frame.run AND frame_line.frame = frame.id "
    "CROSS JOIN line ON line.run = frame_line.run AND line.id = frame_line.line "
    "ORDER BY frame.run DESC, frame.id, frame_line.depth";

int store_earlier_frames(struct store *store, const char *path, const uint8_t *build_id, size_t build_id_size,
                         int symbols, int runs,
                         void (*visit)(void *data, int64_t offset, int depth, const char *file, int64_t line,
                                       const char *function),
                         void *data)
{
    char hex[STORE_BUILD_ID_HEX];
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);

    store_build_id_hex(build_id, build_id_size, hex);
    if (result == SQLITE_OK)
        result = sqlite3_bind_text(statement, 1, hex, -1, SQLITE_STATIC);
    if (result == SQLITE_OK)
        result = store_bind_text(statement, 2, path);
    if (result == SQLITE_OK)
        result = sqlite3_bind_int(statement, 3, symbols);
    if (result == SQLITE_OK)
        result = sqlite3_bind_int(statement, 4, runs);
    if (result == SQLITE_OK) {
        while ((result = sqlite3_step(statement)) == SQLITE_ROW)
            visit(data, sqlite3_column_int64(statement, 0), sqlite3_column_int(statement, 1),
                  (const char *)sqlite3_column_text(statement, 2), sqlite3_column_int64(statement, 3),
                  (const char *)sqlite3_column_text(statement, 4));
    }
    sqlite3_finalize(statement);
    return result == SQLITE_DONE ? 0 : store_check(store, result, "read");
}
