/* older.c - reads files of older formats: for each table that looks different today, a temporary view of
 * the same name hides it and shows today's columns, so that the readers need not know. */
#include "store_private.h"

/* Columns that were added later, and their values for rows of older formats. */
static const struct later {
    const char *table, *column, *before;
} later[] = {
    {"run", "pid_namespace", "NULL"},
    {"run", "taken_ns", "0"},
    {"run", "lap_peak_allocations", "0"},
    {"run", "lap_peak_bytes", "0"},
    {"run", "damaged", "0"},
    {"run", "by_thread", "0"},
    {"run", "why", "NULL"},
    {"run", "stopped", "0"},
    {"run", "untraced", "0"},
    {"run", "stacks_lost", "0"},
    {"run", "end_allocations", "live_allocations"},
    {"run", "end_bytes", "live_bytes"},
    {"site", "thread", "0"},
    {"site_sample", "thread", "0"},
    {"mark", "sampled", "0"},
    {"mark", "lap_peak_allocations", "0"},
    {"mark", "lap_peak_bytes", "0"},
};
#define LATER (sizeof later / sizeof later[0])

static bool has_column(struct store *store, const char *table, const char *column)
{
    return sqlite3_table_column_metadata(store->db, "main", table, column, NULL, NULL, NULL, NULL, NULL) ==
           SQLITE_OK;
}

/* The same for measures of sites, whose value is in measures.def. */
static unsigned add_measures(struct store *store, sqlite3_str *sql)
{
    unsigned added = 0;

    for (int i = 0; i < MEASURES; i++)
        if (!has_column(store, "site", measures[i].name)) {
            sqlite3_str_appendf(sql, ", %s AS %s", measures[i].before != NULL ? measures[i].before : "0",
                                measures[i].name);
            added++;
        }
    return added;
}

static int show_table(struct store *store, const char *table)
{
    sqlite3_str *sql = sqlite3_str_new(store->db);
    unsigned added = 0;

    sqlite3_str_appendf(sql, "CREATE TEMP VIEW %s AS SELECT *", table);
    for (size_t i = 0; i < LATER; i++)
        if (sqlite3_stricmp(later[i].table, table) == 0 && !has_column(store, table, later[i].column)) {
            sqlite3_str_appendf(sql, ", %s AS %s", later[i].before, later[i].column);
            added++;
        }
    if (sqlite3_stricmp(table, "site") == 0)
        added += add_measures(store, sql);
    sqlite3_str_appendf(sql, " FROM main.%s", table);
    char *text = sqlite3_str_finish(sql);
    int code = text == NULL ? store_check(store, SQLITE_NOMEM, "read")
               : added > 0  ? store_execute(store, text, "read")
                            : 0;

    sqlite3_free(text);
    return code;
}

/* In format 1 the rows of site_sample were totals, not changes, and of some sites only: they are of no use
 * today. */
static int show_samples(struct store *store)
{
    static const char none[] = "CREATE TEMP VIEW site_sample AS SELECT *, 0 AS thread, 0 AS temporary FROM "
                               "main.site_sample WHERE 0";

    return has_column(store, "site_sample", "temporary") ? show_table(store, "site_sample")
                                                         : store_execute(store, none, "read");
}

int store_show_older(struct store *store, int version)
{
    static const char moments[] =
        "CREATE TEMP VIEW moment AS SELECT DISTINCT run, t_ns, t_ns AS until_ns FROM "
        "site_sample";
    static const char totals[] =
        "CREATE TEMP VIEW line_total AS SELECT run, process, coalesce(line, 0) AS line, "
        "{measures: add(#) AS #} FROM site GROUP BY 1, 2, 3";
    if (version == STORE_VERSION)
        return 0;
    int code = show_table(store, "run");
    if (code == 0)
        code = show_table(store, "site");
    if (code == 0)
        code = show_samples(store);
    if (code == 0)
        code = show_table(store, "mark");
    if (code == 0 && version < STORE_MOMENTS)
        code = store_execute(store, moments, "read");
    return code == 0 ? store_execute(store, totals, "read") : code;
}
