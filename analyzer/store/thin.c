/* thin.c - bounds what grows with the time that a run takes. thinning.h says how much is kept.
 *
 * What grows: site_sample and moment, sample, page_moment and page_row, event, and the rows of ended threads. All else
 * grows with what the program is, not with how long it runs, except for processes and marks, which are never thinned.
 *
 * Rows of site_sample are differences from one moment to the next, so moments are merged by adding rows up: what remains
 * is what would have been recorded, had nobody looked in between. A moment that a mark refers to stays.
 *
 * The pages of what is deleted are free, and used again by what comes next. The file is never rewritten for that, as VACUUM
 * does, nor are its last pages moved to free ones (auto_vacuum): it would cost more writing than the recording itself, and
 * the file is as large again a moment later.
 */
#define _GNU_SOURCE
#include "store_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define EVERY_NS 10000000000ll /* between two passes, unless the file fills */
#define MERGED_AT_ONCE 8       /* moments: a transaction should not need much more room than a snapshot */
#define ROWS_AT_ONCE 20000     /* rows that are changed in one transaction */
#define EVENTS_AT_ONCE 4000
#define EVENTS_LEAST 1000 /* of the log stay, where there is no room for more */
#define CACHE_KIB "16384" /* while a run is thinned: weeks of a server's life would fill any */
#define THREADS_KEPT 1000 /* of a process, and those that live */
#define MARKS_FORCE 12    /* from here on, marks lose what sites had counted by then */

/* Of the file, in sixteenths of its limit: when it is thinned by force, until what remains, or so much more came. */
#define FULL 12
#define EMPTIED 8
#define MORE 1
#define RELAXED 4 /* below this, a little less force does */

struct pass {
    struct store *store;
    struct thinning_span spans[THINNING_SPANS];
    int count;
    int64_t changes; /* sqlite3_total_changes64() when the transaction began */
    int64_t merged;  /* moments that are no more */
    int64_t events;
    int code; /* the first failure; 0 = none */
};

/* ---- statements ------------------------------------------------------------------------------ */

static sqlite3_stmt *prepare(struct pass *pass, const char *sql)
{
    sqlite3_stmt *s = NULL;

    if (pass->code == 0)
        pass->code = store_check(pass->store, store_prepare(pass->store->db, sql, 0, &s), "write");
    return s;
}

static void bind(sqlite3_stmt *s, int count, const int64_t values[])
{
    for (int i = 0; i < count; i++)
        sqlite3_bind_int64(s, i + 1, values[i]);
}

/* Runs a statement whose first parameter is the run; returns the rows that it has changed. */
static int64_t apply(struct pass *pass, const char *sql, int64_t a, int64_t b, int64_t c)
{
    sqlite3_stmt *s = prepare(pass, sql);

    if (s == NULL)
        return 0;
    const int64_t values[] = {pass->store->run, a, b, c};
    int count = sqlite3_bind_parameter_count(s);

    bind(s, count < 4 ? count : 4, values);
    pass->code = store_check(pass->store, sqlite3_step(s), "write");
    sqlite3_finalize(s);
    return pass->code == 0 ? sqlite3_changes64(pass->store->db) : 0;
}

/* The first column of the first row of such a statement; otherwise if there is none. */
static int64_t ask(struct pass *pass, const char *sql, int64_t a, int64_t b, int64_t otherwise)
{
    sqlite3_stmt *s = prepare(pass, sql);

    if (s == NULL)
        return otherwise;
    const int64_t values[] = {pass->store->run, a, b};
    int count = sqlite3_bind_parameter_count(s);

    bind(s, count < 3 ? count : 3, values);
    int result = sqlite3_step(s);

    if (result == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL)
        otherwise = sqlite3_column_int64(s, 0);
    pass->code = store_check(pass->store, result, "read");
    sqlite3_finalize(s);
    return otherwise;
}

/* ---- room ------------------------------------------------------------------------------------ */

static void give_back_wal(struct store *store)
{
    struct stat status;
    char *path = NULL;

    if (store->thinning.room > 0 && asprintf(&path, "%s-wal", store->file) > 0 && stat(path, &status) == 0 &&
        status.st_size > store->thinning.room / 2)
        store_checkpoint(store);
    free(path);
}

static void begin(struct pass *pass)
{
    if (pass->code == 0)
        pass->code = store_begin(pass->store);
    pass->changes = sqlite3_total_changes64(pass->store->db);
}

static void commit(struct pass *pass)
{
    if (pass->code == 0)
        pass->code = store_commit(pass->store);
    give_back_wal(pass->store);
}

/* Between two steps that may stand alone: a transaction of all of them would take as much room in the WAL again. */
static void pause_if_many(struct pass *pass)
{
    int64_t most = pass->store->thinning.room / 256,
            changed = sqlite3_total_changes64(pass->store->db) - pass->changes;

    if (changed > (most > 0 && most < ROWS_AT_ONCE ? most : ROWS_AT_ONCE)) {
        commit(pass);
        begin(pass);
    }
}

/* Bytes of the file's pages that hold something. */
static int64_t used_bytes(struct store *store, int *code)
{
    int64_t pages = 0, free_pages = 0, size = 0;

    *code = store_number(store, "PRAGMA page_count", "read", &pages);
    if (*code == 0)
        *code = store_number(store, "PRAGMA freelist_count", "read", &free_pages);
    if (*code == 0)
        *code = store_number(store, "PRAGMA page_size", "read", &size);
    return (pages - free_pages) * size;
}

/* ---- what sites counted ---------------------------------------------------------------------- */

/* False = out of memory. Times come in order. */
static int keep_moment(struct store_thinning *t, int64_t t_ns)
{
    if (t->kept_count > 0 && t->kept[t->kept_count - 1] >= t_ns)
        return 1;
    if (t->kept_count == t->kept_room) {
        size_t room = t->kept_room > 0 ? 2 * t->kept_room : 64;
        int64_t *more = realloc(t->kept, room * sizeof *more);

        if (more == NULL)
            return 0;
        t->kept = more;
        t->kept_room = room;
    }
    t->kept[t->kept_count++] = t_ns;
    return 1;
}

/* Notes the moments that new marks refer to: the sum of the rows up to them is what sites had counted at the mark. */
static void keep_marked(struct pass *pass)
{
    struct store_thinning *t = &pass->store->thinning;
    sqlite3_stmt *s =
        prepare(pass, "SELECT k.id, k.sampled <> 0, (SELECT max(m.t_ns) FROM moment AS m WHERE m.run = "
                      "?1 AND m.t_ns <= k.t_ns) FROM mark AS k WHERE k.run = ?1 AND k.id > ?2 ORDER BY "
                      "k.id");
    int result;

    if (s == NULL)
        return;
    bind(s, 2, (const int64_t[]){pass->store->run, t->last_mark});
    while ((result = sqlite3_step(s)) == SQLITE_ROW) {
        t->last_mark = sqlite3_column_int64(s, 0);
        if (sqlite3_column_int(s, 1) && !keep_moment(t, sqlite3_column_int64(s, 2))) {
            result = SQLITE_NOMEM;
            break;
        }
    }
    pass->code = store_check(pass->store, result, "read");
    sqlite3_finalize(s);
}

static int is_kept(const struct store_thinning *t, int64_t t_ns)
{
    size_t low = 0, high = t->kept_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (t->kept[middle] == t_ns)
            return 1;
        if (t->kept[middle] < t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

/* Where all else does not help: of marks up to a time it is not known any more what sites had counted. */
static void forget_marked(struct pass *pass, int64_t to_ns)
{
    struct store_thinning *t = &pass->store->thinning;
    size_t gone = 0;

    while (gone < t->kept_count && t->kept[gone] < to_ns)
        gone++;
    if (gone > 0)
        memmove(t->kept, t->kept + gone, (t->kept_count -= gone) * sizeof *t->kept);
    apply(pass, "UPDATE mark SET sampled = 0 WHERE run = ?1 AND sampled <> 0 AND t_ns < ?2", to_ns, 0, 0);
}

/* Merges the moments from the first to the last one of them into the last. */
static void merge(struct pass *pass, int64_t first_ns, int64_t last_ns)
{
    apply(pass,
          "REPLACE INTO site_sample(run, t_ns, {key: #}, {sampled: #}) SELECT run, ?3, {key: #}, {sampled: "
          "sum(#)} "
          "FROM site_sample WHERE run = ?1 AND t_ns BETWEEN ?2 AND ?3 GROUP BY {key: #}",
          first_ns, last_ns, 0);
    apply(pass, "DELETE FROM site_sample WHERE run = ?1 AND t_ns >= ?2 AND t_ns < ?3", first_ns, last_ns, 0);
    pass->merged +=
        apply(pass, "DELETE FROM moment WHERE run = ?1 AND t_ns >= ?2 AND t_ns < ?3", first_ns, last_ns, 0);
    pause_if_many(pass);
}

/* The moments of a span, in order; *count is set. */
static int64_t *moments_of(struct pass *pass, const struct thinning_span *span, size_t *count)
{
    int64_t most = ask(pass, "SELECT count(*) FROM moment WHERE run = ?1 AND t_ns >= ?2 AND t_ns < ?3",
                       span->from_ns, span->to_ns, 0);
    int64_t *moments = malloc(((size_t)most + 1) * sizeof *moments);
    sqlite3_stmt *s =
        prepare(pass, "SELECT t_ns FROM moment WHERE run = ?1 AND t_ns >= ?2 AND t_ns < ?3 ORDER BY t_ns");

    *count = 0;
    if (moments == NULL && pass->code == 0)
        pass->code = -ENOMEM;
    if (s != NULL && moments != NULL) {
        bind(s, 3, (const int64_t[]){pass->store->run, span->from_ns, span->to_ns});
        while (*count < (size_t)most && sqlite3_step(s) == SQLITE_ROW)
            moments[(*count)++] = sqlite3_column_int64(s, 0);
    }
    sqlite3_finalize(s);
    return moments;
}

static void thin_moments(struct pass *pass, const struct thinning_span *span)
{
    const struct store_thinning *t = &pass->store->thinning;
    size_t count = 0, first = 0;
    int64_t *moments = moments_of(pass, span, &count);

    for (size_t i = 0; i < count && pass->code == 0; i++) {
        int last = i + 1 == count || is_kept(t, moments[i]) ||
                   moments[i + 1] / span->grain_ns != moments[i] / span->grain_ns;

        if (i > first && (last || i - first == MERGED_AT_ONCE)) {
            merge(pass, moments[first], moments[i]);
            first = i;
        }
        if (last)
            first = i + 1;
    }
    free(moments);
}

/* ---- the rest -------------------------------------------------------------------------------- */

/* Keeps of each grain the points with the highest heap and the most resident. */
static void thin_points(struct pass *pass, const struct thinning_span *span)
{
    apply(pass,
          "DELETE FROM sample WHERE run = ?1 AND t_ns IN (SELECT t_ns FROM (SELECT t_ns, row_number() OVER "
          "(PARTITION BY t_ns / ?4 ORDER BY live_bytes DESC, t_ns) AS heap, row_number() OVER (PARTITION BY "
          "t_ns / ?4 "
          "ORDER BY rss_bytes DESC, t_ns) AS rss FROM sample WHERE run = ?1 AND t_ns >= ?2 AND t_ns < ?3) "
          "WHERE heap > "
          "1 AND rss > 1)",
          span->from_ns, span->to_ns, span->grain_ns);
}

#define LOWER_LOOKS                                                                                          \
    "(SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY t / ?4 ORDER BY bytes DESC, id) AS place "  \
    "FROM "                                                                                                  \
    "(SELECT id, max(t_ns) AS t, sum(resident) AS bytes FROM page_moment WHERE run = ?1 GROUP BY id) WHERE " \
    "t >= ?2 "                                                                                               \
    "AND t < ?3) WHERE place > 1)"

/* Keeps of each grain the look at the pages that found the most resident. */
static void thin_pages(struct pass *pass, const struct thinning_span *span)
{
    apply(pass, "DELETE FROM page_row WHERE run = ?1 AND moment IN " LOWER_LOOKS, span->from_ns, span->to_ns,
          span->grain_ns);
    apply(pass, "DELETE FROM page_moment WHERE run = ?1 AND id IN " LOWER_LOOKS, span->from_ns, span->to_ns,
          span->grain_ns);
    pause_if_many(pass);
}

/* Drops the log up to a number. */
static void drop_to(struct pass *pass, int64_t end)
{
    for (int64_t dropped = 1; dropped > 0 && pass->code == 0;) {
        dropped = apply(
            pass,
            "DELETE FROM event WHERE run = ?1 AND id < ?2 AND id IN (SELECT id FROM event WHERE run = ?1 "
            "ORDER BY id LIMIT ?3)",
            end, EVENTS_AT_ONCE, 0);
        pass->events += dropped;
        pause_if_many(pass);
    }
}

/* Drops the log up to a time; it is in the order of its numbers. */
static void drop_events(struct pass *pass, int64_t to_ns)
{
    int64_t first = ask(pass, "SELECT id FROM event WHERE run = ?1 ORDER BY id LIMIT 1", 0, 0, 0);
    int64_t end = first == 0
                      ? 0
                      : ask(pass, "SELECT id FROM event WHERE run = ?1 AND t_ns >= ?2 ORDER BY id LIMIT 1",
                            to_ns, 0, INT64_MAX);

    if (first != 0)
        drop_to(pass, end);
}

#define ENDED                                                                                 \
    "FROM thread WHERE run = ?1 AND process = ?2 AND id <= ?3 AND id NOT IN (SELECT id FROM " \
    "temp.thread_written "                                                                    \
    "WHERE process = ?2)"

/* Adds up the rows of a process's threads that have ended, but for the latest: in the row of the first of them. */
static void fold_threads(struct pass *pass, int64_t process)
{
    int64_t to =
        ask(pass, "SELECT id FROM thread WHERE run = ?1 AND process = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3",
            process, THREADS_KEPT, 0);
    int64_t first = ask(pass, "SELECT min(id) " ENDED, process, to, 0);

    if (first == 0)
        return;
    apply(pass,
          "REPLACE INTO thread SELECT run, process, min(id), 0, '(ended threads)', sum(allocations), "
          "sum(bytes), "
          "sum(frees) " ENDED,
          process, to, 0);
    apply(pass,
          "DELETE FROM thread WHERE run = ?1 AND process = ?2 AND id <= ?3 AND id > ?4 AND id NOT IN (SELECT "
          "id "
          "FROM temp.thread_written WHERE process = ?2 AND id <> ?4)",
          process, to, first);
    pause_if_many(pass);
}

/* Of a process that makes threads all the time. Living threads are written with each snapshot, so one that was not
 * since the last pass has ended. */
static void thin_threads(struct pass *pass)
{
    int64_t process = 0;

    if (ask(pass, "SELECT by_thread FROM run WHERE id = ?1", 0, 0, 1) != 0 ||
        ask(pass, "SELECT count(*) FROM temp.thread_written WHERE ?1 > 0", 0, 0, 0) == 0)
        return;
    while (
        pass->code == 0 &&
        (process = ask(
             pass,
             "SELECT process FROM thread WHERE run = ?1 AND process > ?2 GROUP BY process HAVING count(*) > "
             "?3 ORDER BY process LIMIT 1",
             process, 2 * THREADS_KEPT, 0)) != 0)
        fold_threads(pass, process);
    apply(pass, "DELETE FROM temp.thread_written WHERE ?1 > 0", 0, 0, 0);
}

/* ---- a pass ---------------------------------------------------------------------------------- */

static void note(struct pass *pass)
{
    const struct thinning_span *oldest = &pass->spans[0];
    int64_t grain_ns = oldest->grain_ns < oldest->to_ns ? oldest->grain_ns : oldest->to_ns;

    if (pass->merged > 0)
        apply(
            pass,
            "UPDATE thinning SET coarse_ns = max(coarse_ns, ?2), grain_ns = max(grain_ns, ?3) WHERE run = ?1",
            pass->spans[pass->count - 1].to_ns, grain_ns, 0);
    if (pass->events > 0)
        apply(pass, "UPDATE thinning SET events = events + ?2 WHERE run = ?1", pass->events, 0, 0);
}

/* Only what has come since the last pass: all before is one moment a grain already, or in a coarser one. */
static void thin_span(struct pass *pass, const struct thinning_span *span, int pages)
{
    int64_t done_ns = pass->store->thinning.done_ns[span->grain];
    struct thinning_span rest = *span;

    done_ns -= done_ns % span->grain_ns;
    rest.from_ns = done_ns > span->from_ns ? done_ns : span->from_ns;
    if (rest.from_ns >= rest.to_ns)
        return;
    thin_moments(pass, &rest);
    thin_points(pass, &rest);
    if (pages)
        thin_pages(pass, &rest);
}

static int thin(struct store *store, int64_t keep_ns, int64_t now_ns)
{
    struct pass pass = {.store = store};
    int force = store->thinning.force;
    int64_t pages = 0;

    pass.count = thinning_spans(pass.spans, now_ns, keep_ns, force);
    begin(&pass);
    keep_marked(&pass);
    if (force >= MARKS_FORCE && pass.count > 0)
        forget_marked(&pass, pass.spans[pass.count - 1].to_ns);
    if (pass.code == 0)
        pass.code = store_has_table(store, "page_moment", &pages);
    for (int i = 0; i < pass.count && pass.code == 0; i++)
        thin_span(&pass, &pass.spans[i], pages != 0);
    if (now_ns > keep_ns >> force)
        drop_events(&pass, now_ns - (keep_ns >> force));
    thin_threads(&pass);
    note(&pass);
    commit(&pass);
    for (int i = 0; i < pass.count && pass.code == 0; i++)
        store->thinning.done_ns[pass.spans[i].grain] = pass.spans[i].to_ns;
    if (pass.code != 0)
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return pass.code;
}

/* An earlier file's mark, or an earlier failure's. */
static void forget_rotation(struct pass *pass, int64_t t_ns)
{
    struct store_thinning *t = &pass->store->thinning;

    apply(pass,
          "DELETE FROM mark WHERE run = ?1 AND kind = 0 AND (t_ns = ?2 AND name = '" STORE_MARK_ROTATED
          "' OR name = '" STORE_MARK_NOT_ROTATED "')",
          t_ns, 0, 0);
    t->kept_count = 0; /* other marks may refer to the same moment */
    t->last_mark = 0;
}

int store_forget_rotation(struct store *store, int64_t t_ns)
{
    struct pass pass = {.store = store};

    begin(&pass);
    forget_rotation(&pass, -1);
    apply(&pass,
          "UPDATE mark SET name = '" STORE_MARK_NOT_ROTATED
          "' WHERE run = ?1 AND t_ns = ?2 AND kind = 0 AND name = '" STORE_MARK_ROTATED "'",
          t_ns, 0, 0);
    commit(&pass);
    if (pass.code != 0)
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return pass.code;
}

/* One pass over all that lies before a moment, as if it was of one grain. */
int store_merge_past(struct store *store, int64_t t_ns)
{
    struct pass pass = {
        .store = store, .spans = {{.from_ns = 0, .to_ns = t_ns, .grain_ns = INT64_MAX}}, .count = t_ns > 0};
    /* The moment itself takes what is merged. */
    const struct thinning_span up_to = {.from_ns = 0, .to_ns = t_ns + 1, .grain_ns = INT64_MAX};
    int64_t pages = 0;

    if (!store->thinning.begun || pass.count == 0)
        return 0;
    begin(&pass);
    forget_rotation(&pass, store->thinning.rotated_ns > 0 ? store->thinning.rotated_ns : -1);
    keep_marked(&pass);
    store->thinning.rotated_ns = t_ns;
    if (pass.code == 0)
        pass.code = store_has_table(store, "page_moment", &pages);
    if (pass.code == 0)
        thin_moments(&pass, &up_to);
    thin_points(&pass, &pass.spans[0]);
    if (pages != 0)
        thin_pages(&pass, &pass.spans[0]);
    drop_events(&pass, t_ns);
    note(&pass);
    commit(&pass);
    if (pass.code != 0)
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return pass.code;
}

/* The run's row, and what bounds the WAL: it is written back into the file more often, and cut. */
static int begin_thinning(struct store *store, const struct store_bounds *bounds)
{
    char *sql = sqlite3_mprintf(
        "INSERT OR IGNORE INTO thinning VALUES (%lld, %lld, %lld, 0, 0, 0, 0); CREATE TEMP TABLE "
        "thread_written(process "
        "INTEGER, id INTEGER, PRIMARY KEY (process, id)) WITHOUT ROWID; CREATE TEMP TRIGGER note_thread "
        "AFTER INSERT ON "
        "main.thread BEGIN INSERT OR IGNORE INTO thread_written VALUES (new.process, new.id); END",
        (long long)store->run, (long long)bounds->keep_ns, (long long)bounds->most_bytes);
    int code = store_begin(store);

    if (code == 0)
        code = store_thinning_make(store);
    if (code == 0)
        code = sql != NULL ? store_execute(store, sql, "write") : -ENOMEM;
    sqlite3_free(sql);
    if (code == 0)
        code = store_commit(store);
    if (code != 0) {
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
        return code;
    }
    store->thinning.begun = 1;
    store->thinning.room = bounds->most_bytes / 4;
    store->thinning.next_ns = EVERY_NS;
    code = store_execute(store, "PRAGMA cache_size = -" CACHE_KIB, "write");
    if (code != 0 || store->thinning.room == 0)
        return code;
    sql = sqlite3_mprintf("PRAGMA journal_size_limit = %lld; PRAGMA wal_autocheckpoint = %lld",
                          (long long)store->thinning.room / 2, (long long)store->thinning.room / 16384);
    code = sql != NULL ? store_execute(store, sql, "write") : -ENOMEM;
    sqlite3_free(sql);
    return code;
}

/* Drops the older half of the log, and again, until enough is free or little of it is left: it takes the most room for the
 * least. */
static int drop_log(struct store *store, int64_t limit, int64_t *used)
{
    struct pass pass = {.store = store};

    begin(&pass);
    for (int64_t first = 1, last = 0; pass.code == 0 && *used > limit / 16 * EMPTIED;) {
        first = ask(&pass, "SELECT id FROM event WHERE run = ?1 ORDER BY id LIMIT 1", 0, 0, 0);
        last = ask(&pass, "SELECT id FROM event WHERE run = ?1 ORDER BY id DESC LIMIT 1", 0, 0, 0);
        if (last - first < EVENTS_LEAST)
            break;
        drop_to(&pass, first + (last - first) / 2);
        if (pass.code == 0)
            *used = used_bytes(store, &pass.code);
    }
    note(&pass);
    commit(&pass);
    if (pass.code != 0)
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return pass.code;
}

/* Thins with more and more force until enough is free, or nothing more helps. */
static int make_room(struct store *store, int64_t keep_ns, int64_t now_ns, int64_t limit)
{
    struct store_thinning *t = &store->thinning;
    int code = 0;
    int64_t used = used_bytes(store, &code);

    if (code == 0)
        code = drop_log(store, limit, &used);
    for (; code == 0 && used > limit / 16 * EMPTIED; t->force++) {
        code = thin(store, keep_ns, now_ns);
        used = code == 0 ? used_bytes(store, &code) : 0;
        if (used <= limit / 16 * EMPTIED || t->force == THINNING_FORCE_MOST)
            break;
    }
    t->left = used;
    if (code != 0 || used <= limit || t->is_short)
        return code;
    t->is_short = 1;
    code = store_begin(store);
    struct pass pass = {.store = store, .code = code};

    apply(&pass, "UPDATE thinning SET short = 1 WHERE run = ?1", 0, 0, 0);
    commit(&pass);
    return pass.code;
}

int store_thin(struct store *store, const struct store_bounds *given, int64_t now_ns)
{
    struct store_thinning *t = &store->thinning;
    struct store_bounds least = *given, *bounds = &least;

    if (bounds->most_bytes > 0 && bounds->most_bytes < STORE_BYTES_LEAST)
        bounds->most_bytes = STORE_BYTES_LEAST;
    if (now_ns > INT64_MAX / 2)
        now_ns = INT64_MAX / 2;
    int64_t keep_ns = bounds->keep_ns > 0 ? bounds->keep_ns : THINNING_KEEP_NS;
    int64_t limit = bounds->most_bytes - bounds->most_bytes / 4;

    if (bounds->keep_ns <= 0 && bounds->most_bytes <= 0)
        return 0;
    int code = t->begun ? 0 : begin_thinning(store, bounds);

    if (code != 0)
        return code;
    give_back_wal(store);
    int64_t used = limit > 0 ? used_bytes(store, &code) : 0;

    if (code == 0 && limit > 0 && used > limit / 16 * FULL && used > t->left + limit / 16 * MORE)
        code = make_room(store, keep_ns, now_ns, limit);
    else if (code == 0 && now_ns >= t->next_ns) {
        t->next_ns = now_ns + EVERY_NS;
        if (t->force > 0 && used < limit / 16 * RELAXED)
            t->force--;
        code = thin(store, keep_ns, now_ns);
    }
    return code;
}
