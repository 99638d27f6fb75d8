/* statements.c - the statements that write a run, one for each kind of row. {...} is filled in by measures_sql.c, feed.c and
 * batch.c. */
#include "store_private.h"

static const char *const sql[STORE_STATEMENTS] = {
    [STORE_RUN_ADD] =
        "INSERT INTO run(label, command, started, root, collector_pid, collector_start, pid_namespace, "
        "taken_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [STORE_RUN_TOTALS] =
        "UPDATE run SET {totals: # = ?}, wall_ns = ?, cpu_ns = ?, exit_status = ?, frees = ?, freed_bytes = "
        "?, "
        "peak_ns = ?, peak_rss_bytes = ?, foreign_frees = ?, events_lost = ?, stacks_checked = ?, "
        "stacks_different = ?, stacks_slow = ?, waits = ?, waited_ns = ?, collector_cpu_ns = ?, taken_ns = "
        "?, "
        "lap_peak_allocations = ?, lap_peak_bytes = ?, by_thread = ?, damaged = ?, stopped = ?, untraced = "
        "?, "
        "stacks_lost = ?, end_allocations = ?, end_bytes = ? WHERE id = ?",
    [STORE_RUN_LABEL] = "UPDATE run SET label = ?2 WHERE id = ?1",
    [STORE_RUN_PHASE] = "UPDATE run SET phase = ?2, progress = ?3 WHERE id = ?1",
    [STORE_RUN_STATE] =
        "UPDATE run SET state = ?2, phase = CASE WHEN ?2 <> 'recording' THEN 'done' ELSE phase END, "
        "progress = CASE WHEN ?2 <> 'recording' THEN 1 ELSE progress END WHERE id = ?1",
    [STORE_RUN_WHY] = "UPDATE run SET why = ?2 WHERE id = ?1",
    [STORE_PROCESS] =
        "REPLACE INTO process(run, id, pid, parent_pid, command, executable, started_ns, ended_ns, "
        "exit_status, frees, freed_bytes, {totals: #}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {totals: ?})",
    [STORE_THREAD] = "REPLACE INTO thread VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [STORE_MODULE] = "REPLACE INTO module VALUES (?1, ?2, ?3, ?4, ?5)",
    [STORE_LINE] = "REPLACE INTO line {feed}",
    [STORE_FRAME] = "REPLACE INTO frame {feed}",
    [STORE_FRAME_LINE] = "REPLACE INTO frame_line {feed}",
    [STORE_NODE] = "REPLACE INTO node(run, id, parent, frame) {feed}",
    [STORE_SITE] = "REPLACE INTO site(run, {key: #}, line, leaf, smallest, largest, sizes, "
                   "lifetimes, {measures: #}) {feed}",
    [STORE_MAPPED_SITE] = "REPLACE INTO mapped_site(run, {key: #}, line, leaf, smallest, largest, sizes, "
                          "lifetimes, {measures: #}) {feed}",
    [STORE_BLOCK] = "REPLACE INTO block {feed}",
    [STORE_SAMPLE] = "REPLACE INTO sample VALUES (?1, ?2, ?3, ?4, ?5)",
    [STORE_SITE_SAMPLE] = "INSERT INTO site_sample(run, t_ns, {key: #}, {sampled: #}) {feed} "
                          "ON CONFLICT DO UPDATE SET {sampled: # = # + excluded.#}",
    [STORE_MARK] = "REPLACE INTO mark VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [STORE_MOMENT] = "REPLACE INTO moment VALUES (?1, ?2, ?3)",
    [STORE_EVENT] = "REPLACE INTO event {feed}",
    [STORE_PAGE_MOMENT] = "REPLACE INTO page_moment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [STORE_PAGE_ROW] = "INSERT INTO page_row {feed} ON CONFLICT DO UPDATE SET "
                       "bytes = bytes + excluded.bytes, blocks = blocks + excluded.blocks",
    [STORE_STACK_TYPE] = "REPLACE INTO stack_type {feed}",
    [STORE_STACK_PART] = "REPLACE INTO stack_part VALUES (?, ?, ?, ?, ?, ?)",
    [STORE_OBJECT_TYPE] = "REPLACE INTO object_type VALUES (?, ?, ?, ?, ?, ?, nullif(?, 0))",
    [STORE_OBJECT_KEYS] = "REPLACE INTO object_keys VALUES (?, ?, ?)",
    [STORE_UNREADABLE] = "REPLACE INTO unreadable VALUES (?, ?)",
    [STORE_SAMPLING] = "REPLACE INTO sampling VALUES (?, ?, ?, ?, ?)",
    [STORE_SITE_ERROR] =
        "REPLACE INTO site_error(run, {key: #}, allocations, bytes, live_allocations, live_bytes, "
        "peak_allocations, peak_bytes) VALUES (?, {key: ?}, ?, ?, ?, ?, ?, ?)",
    [STORE_SITE_FATE] = "REPLACE INTO site_fate(run, {key: #}, freed_elsewhere, moves, moved_bytes) "
                        "VALUES (?, {key: ?}, ?, ?, ?)",
    [STORE_PEAK_COPY] =
        "REPLACE INTO peak_copy(run, kind, {key: #}, old_bytes, new_bytes, height, next_height) "
        "VALUES (?, ?, {key: ?}, ?, ?, ?, ?)",
    [STORE_SITE_CONTENT] =
        "REPLACE INTO site_content(run, {key: #}, blocks, bytes, alone, alone_bytes, contents, "
        "contents_bytes, again, changed, apart_ns) VALUES (?, {key: ?}, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
};

const char *store_statement_sql(enum store_statement which)
{
    return sql[which];
}
