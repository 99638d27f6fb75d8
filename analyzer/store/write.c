/* write.c - rows of a run. Each function is one prepared statement that inserts or replaces. */
#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* How long store_finish asks for the file to be let go by readers: pauses grow, four seconds in all. */
#define FINISH_TRIES 40
#define FINISH_PAUSE_US 5000

/* A collector that cannot be seen writes at least so often, unless looking up names takes it very long. */
#define ELSEWHERE_NS 600000000000

static const char *const sql[STORE_STATEMENTS] = {
    [STORE_RUN_ADD] =
        "INSERT INTO run(label, command, started, root, collector_pid, collector_start, pid_namespace, "
        "taken_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [STORE_RUN_TOTALS] =
        "UPDATE run SET wall_ns = ?2, cpu_ns = ?3, exit_status = ?4, allocations = ?5, bytes = ?6, frees = "
        "?7, "
        "freed_bytes = ?8, peak_allocations = ?9, peak_bytes = ?10, peak_ns = ?11, live_allocations = ?12, "
        "live_bytes = ?13, temporary = ?14, peak_rss_bytes = ?15, foreign_frees = ?16, events_lost = ?17, "
        "stacks_checked = ?18, stacks_different = ?19, stacks_slow = ?20, waits = ?21, waited_ns = ?22, "
        "collector_cpu_ns = ?23, taken_ns = ?24, lap_peak_allocations = ?25, lap_peak_bytes = ?26, by_thread "
        "= ?27 "
        "WHERE id = ?1",
    [STORE_RUN_PHASE] = "UPDATE run SET phase = ?2, progress = ?3 WHERE id = ?1",
    [STORE_RUN_STATE] =
        "UPDATE run SET state = ?2, phase = CASE ?2 WHEN 'complete' THEN 'done' ELSE phase END, "
        "progress = CASE ?2 WHEN 'complete' THEN 1 ELSE progress END WHERE id = ?1",
    [STORE_PROCESS] =
        "REPLACE INTO process VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
        "?15, ?16, ?17, ?18)",
    [STORE_THREAD] = "REPLACE INTO thread VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [STORE_MODULE] = "REPLACE INTO module VALUES (?1, ?2, ?3, ?4, ?5)",
    [STORE_LINE] = "REPLACE INTO line VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [STORE_FRAME] = "REPLACE INTO frame VALUES (?1, ?2, ?3, ?4)",
    [STORE_FRAME_LINE] = "REPLACE INTO frame_line VALUES (?1, ?2, ?3, ?4)",
    [STORE_NODE] = "REPLACE INTO node VALUES (?1, ?2, ?3, ?4)",
    [STORE_SITE] =
        "REPLACE INTO site VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, "
        "?17, ?18)",
    [STORE_BLOCK] = "REPLACE INTO block VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [STORE_SAMPLE] = "REPLACE INTO sample VALUES (?1, ?2, ?3, ?4, ?5)",
    [STORE_SITE_SAMPLE] =
        "INSERT INTO site_sample VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO UPDATE SET "
        "allocations = allocations + ?6, bytes = bytes + ?7, live_allocations = live_allocations + ?8, "
        "live_bytes = live_bytes + ?9, temporary = temporary + ?10",
    [STORE_MARK] = "REPLACE INTO mark VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [STORE_EVENT] = "REPLACE INTO event VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
};

/* ---- statements ------------------------------------------------------------------------------ */

/* A row being bound: the next parameter, and the first thing that went wrong. */
struct row {
    struct store *store;
    sqlite3_stmt *statement; /* NULL after a failure */
    int next;                /* parameter to bind, from 1 on */
    int result;              /* of SQLite */
};

static struct row row_begin(struct store *store, enum store_statement which)
{
    struct row row = {store, store->statement[which], 1, SQLITE_OK};

    if (row.statement == NULL) {
        row.result = sqlite3_prepare_v3(store->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT,
                                        &store->statement[which], NULL);
        row.statement = store->statement[which];
    }
    return row;
}

static void number(struct row *row, int64_t value)
{
    if (row->result == SQLITE_OK)
        row->result = sqlite3_bind_int64(row->statement, row->next++, value);
}

static void number_or_null(struct row *row, int known, int64_t value)
{
    if (known)
        number(row, value);
    else if (row->result == SQLITE_OK)
        row->result = sqlite3_bind_null(row->statement, row->next++);
}

static void text(struct row *row, const char *value)
{
    if (row->result == SQLITE_OK)
        row->result = store_bind_text(row->statement, row->next++, value);
}

static void blob(struct row *row, const void *data, size_t size)
{
    if (row->result == SQLITE_OK)
        row->result = data != NULL
                          ? sqlite3_bind_blob64(row->statement, row->next++, data, size, SQLITE_STATIC)
                          : sqlite3_bind_null(row->statement, row->next++);
}

static int row_end(struct row *row)
{
    if (row->result == SQLITE_OK) {
        row->result = sqlite3_step(row->statement);
        sqlite3_reset(row->statement);
    }
    return row->result == SQLITE_DONE ? 0 : store_check(row->store, row->result, "write");
}

/* ---- transactions ---------------------------------------------------------------------------- */

int store_begin(struct store *store)
{
    return store_execute(store, "BEGIN IMMEDIATE", "write");
}

int store_commit(struct store *store)
{
    int code = store_execute(store, "COMMIT", "write");

    /* A disk that is full may have ended the transaction already; the caller may begin anew in any case. */
    if (code != 0 && !sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return code == 0 && store->unsynced ? store_sync_from_now_on(store) : code;
}

/* ---- runs ------------------------------------------------------------------------------------ */

int64_t store_process_start(int64_t pid)
{
    char path[64], line[1024];
    int64_t start = -1;

    if (pid <= 0)
        return -1;
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return -1;
    size_t got = fread(line, 1, sizeof line - 1, file);

    fclose(file);
    line[got] = '\0';
    /* The name (field 2) may hold anything, parentheses too: count from the last one. */
    char *p = strrchr(line, ')');
    char state = '?';

    if (p == NULL ||
        sscanf(p, ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lld", &state,
               (long long *)&start) != 2)
        return -1;
    return state == 'Z' || state == 'X' ? -1 : start;
}

int64_t store_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t pid_namespace(void)
{
    struct stat status;

    return stat("/proc/self/ns/pid", &status) == 0 ? (int64_t)status.st_ino : 0;
}

enum store_collector_state store_collector_state(const struct store_collector *c)
{
    int64_t now_ns = store_clock();

    if (c->pid_namespace != pid_namespace())
        return c->taken_ns > 0 && c->taken_ns <= now_ns && now_ns - c->taken_ns < ELSEWHERE_NS
                   ? STORE_COLLECTOR_ELSEWHERE
                   : STORE_COLLECTOR_GONE;
    int64_t start = store_process_start(c->pid);

    return start >= 0 && start == c->start ? STORE_COLLECTOR_LIVES : STORE_COLLECTOR_GONE;
}

static const char select_recording[] =
    "SELECT id, collector_pid, collector_start, pid_namespace, taken_ns FROM run WHERE state = 'recording'";

/* What became of the collector of the run that select_recording is at. */
static enum store_collector_state state_of(sqlite3_stmt *select)
{
    const struct store_collector collector = {
        sqlite3_column_int64(select, 1), sqlite3_column_int64(select, 2), sqlite3_column_int64(select, 3),
        sqlite3_column_int64(select, 4)};

    return store_collector_state(&collector);
}

/* Runs of collectors that were killed (or whose machine went down) never get another state by themselves. */
static int mark_interrupted(struct store *store)
{
    sqlite3_stmt *select = NULL, *update = NULL;
    int result = sqlite3_prepare_v2(store->db, select_recording, -1, &select, NULL);

    while (result == SQLITE_OK && (result = sqlite3_step(select)) == SQLITE_ROW) {
        result = SQLITE_OK;
        if (state_of(select) != STORE_COLLECTOR_GONE)
            continue;
        if (update == NULL)
            result = sqlite3_prepare_v2(store->db, "UPDATE run SET state = 'interrupted' WHERE id = ?", -1,
                                        &update, NULL);
        sqlite3_bind_int64(update, 1, sqlite3_column_int64(select, 0));
        if (result == SQLITE_OK)
            result = sqlite3_step(update);
        sqlite3_reset(update);
        result = result == SQLITE_DONE ? SQLITE_OK : result;
    }
    int code = store_check(store, result, "write");

    sqlite3_finalize(select);
    sqlite3_finalize(update);
    return code;
}

/* True while another collector records into the same file. */
static int others_record(struct store *store)
{
    sqlite3_stmt *select = NULL;
    int found = 0;

    sqlite3_prepare_v2(store->db, select_recording, -1, &select, NULL);
    while (!found && sqlite3_step(select) == SQLITE_ROW)
        found = sqlite3_column_int64(select, 0) != store->run && state_of(select) != STORE_COLLECTOR_GONE;
    sqlite3_finalize(select);
    return found;
}

int store_run_add(struct store *store, const char *label, const char *command, const char *started,
                  const char *root, int64_t *run)
{
    int code = mark_interrupted(store);

    if (code != 0)
        return code;
    struct row row = row_begin(store, STORE_RUN_ADD);

    text(&row, label);
    text(&row, command);
    text(&row, started);
    text(&row, root);
    number(&row, getpid());
    number(&row, store_process_start(getpid()));
    number(&row, pid_namespace());
    number(&row, store_clock());
    code = row_end(&row);
    if (code == 0)
        *run = store->run = sqlite3_last_insert_rowid(store->db);
    return code;
}

int store_run_totals(struct store *store, const struct store_run *r)
{
    struct row row = row_begin(store, STORE_RUN_TOTALS);

    number(&row, store->run);
    number(&row, r->wall_ns);
    number(&row, r->cpu_ns);
    number_or_null(&row, r->exit_known, r->exit_status);
    number(&row, r->m.allocations);
    number(&row, r->m.bytes);
    number(&row, r->frees);
    number(&row, r->freed_bytes);
    number(&row, r->m.peak_allocations);
    number(&row, r->m.peak_bytes);
    number(&row, r->peak_ns);
    number(&row, r->m.live_allocations);
    number(&row, r->m.live_bytes);
    number(&row, r->m.temporary);
    number(&row, r->peak_rss_bytes);
    number(&row, r->foreign_frees);
    number(&row, r->events_lost);
    number(&row, r->stacks_checked);
    number(&row, r->stacks_different);
    number(&row, r->stacks_slow);
    number(&row, r->waits);
    number(&row, r->waited_ns);
    number(&row, r->collector_cpu_ns);
    number(&row, r->taken_ns);
    number(&row, r->lap_peak_allocations);
    number(&row, r->lap_peak_bytes);
    number(&row, r->by_thread);
    return row_end(&row);
}

int store_run_phase(struct store *store, const char *phase, double progress)
{
    struct row row = row_begin(store, STORE_RUN_PHASE);

    number(&row, store->run);
    text(&row, phase);
    if (row.result == SQLITE_OK)
        row.result = sqlite3_bind_double(row.statement, row.next++, progress);
    return row_end(&row);
}

int store_run_state(struct store *store, const char *state)
{
    struct row row = row_begin(store, STORE_RUN_STATE);

    number(&row, store->run);
    text(&row, state);
    return row_end(&row);
}

/* ---- rows of a run --------------------------------------------------------------------------- */

int store_process(struct store *store, const struct store_process *p)
{
    struct row row = row_begin(store, STORE_PROCESS);

    number(&row, store->run);
    number(&row, p->id);
    number(&row, p->pid);
    number(&row, p->parent_pid);
    text(&row, p->command);
    text(&row, p->executable);
    number(&row, p->started_ns);
    number_or_null(&row, p->ended_ns >= 0, p->ended_ns);
    number_or_null(&row, p->exit_known, p->exit_status);
    number(&row, p->m.allocations);
    number(&row, p->m.bytes);
    number(&row, p->frees);
    number(&row, p->freed_bytes);
    number(&row, p->m.peak_allocations);
    number(&row, p->m.peak_bytes);
    number(&row, p->m.live_allocations);
    number(&row, p->m.live_bytes);
    number(&row, p->m.temporary);
    return row_end(&row);
}

int store_thread(struct store *store, int64_t process, int64_t id, int tid, const char *name,
                 int64_t allocations, int64_t bytes, int64_t frees)
{
    struct row row = row_begin(store, STORE_THREAD);

    number(&row, store->run);
    number(&row, process);
    number(&row, id);
    number(&row, tid);
    text(&row, name);
    number(&row, allocations);
    number(&row, bytes);
    number(&row, frees);
    return row_end(&row);
}

int store_module(struct store *store, int64_t id, const char *path, const uint8_t *build_id,
                 size_t build_id_size, int symbols)
{
    char hex[STORE_BUILD_ID_HEX];
    struct row row = row_begin(store, STORE_MODULE);

    store_build_id_hex(build_id, build_id_size, hex);
    number(&row, store->run);
    number(&row, id);
    text(&row, path);
    text(&row, hex);
    number_or_null(&row, symbols >= 0, symbols);
    return row_end(&row);
}

int store_line(struct store *store, int64_t id, const char *file, int64_t line, const char *function,
               const char *module, const char *language, int machinery)
{
    struct row row = row_begin(store, STORE_LINE);

    number(&row, store->run);
    number(&row, id);
    text(&row, file);
    number(&row, line);
    text(&row, function);
    text(&row, module);
    text(&row, language);
    number(&row, machinery);
    return row_end(&row);
}

int store_frame(struct store *store, int64_t id, int64_t module, int64_t offset)
{
    struct row row = row_begin(store, STORE_FRAME);

    number(&row, store->run);
    number(&row, id);
    number(&row, module);
    number(&row, offset);
    return row_end(&row);
}

int store_frame_line(struct store *store, int64_t frame, int depth, int64_t line)
{
    struct row row = row_begin(store, STORE_FRAME_LINE);

    number(&row, store->run);
    number(&row, frame);
    number(&row, depth);
    number(&row, line);
    return row_end(&row);
}

int store_node(struct store *store, int64_t id, int64_t parent, int64_t frame)
{
    struct row row = row_begin(store, STORE_NODE);

    number(&row, store->run);
    number(&row, id);
    number(&row, parent);
    number(&row, frame);
    return row_end(&row);
}

int store_site(struct store *store, const struct store_site *s)
{
    struct row row = row_begin(store, STORE_SITE);

    number(&row, store->run);
    number(&row, s->process);
    number(&row, s->node);
    number(&row, s->thread);
    number_or_null(&row, s->line != 0, s->line);
    number_or_null(&row, s->leaf != 0, s->leaf);
    number(&row, s->m.allocations);
    number(&row, s->m.bytes);
    number(&row, s->m.peak_allocations);
    number(&row, s->m.peak_bytes);
    number(&row, s->m.allocations - s->frees);
    number(&row, s->m.bytes - s->freed_bytes);
    number(&row, s->m.temporary);
    number(&row, s->highest_bytes);
    number(&row, s->smallest);
    number(&row, s->largest);
    blob(&row, s->sizes, s->sizes_size);
    blob(&row, s->lifetimes, s->lifetimes_size);
    return row_end(&row);
}

int store_block(struct store *store, int64_t process, int64_t address, int64_t size, int64_t node,
                int64_t born_ns)
{
    struct row row = row_begin(store, STORE_BLOCK);

    number(&row, store->run);
    number(&row, process);
    number(&row, address);
    number(&row, size);
    number(&row, node);
    number(&row, born_ns);
    return row_end(&row);
}

int store_sample(struct store *store, int64_t t_ns, int64_t live_allocations, int64_t live_bytes,
                 int64_t rss_bytes)
{
    struct row row = row_begin(store, STORE_SAMPLE);

    number(&row, store->run);
    number(&row, t_ns);
    number(&row, live_allocations);
    number(&row, live_bytes);
    number(&row, rss_bytes);
    return row_end(&row);
}

int store_site_sample(struct store *store, const struct store_site_sample *s)
{
    struct row row = row_begin(store, STORE_SITE_SAMPLE);

    number(&row, store->run);
    number(&row, s->t_ns);
    number(&row, s->process);
    number(&row, s->node);
    number(&row, s->thread);
    number(&row, s->allocations);
    number(&row, s->bytes);
    number(&row, s->live_allocations);
    number(&row, s->live_bytes);
    number(&row, s->temporary);
    return row_end(&row);
}

int store_mark(struct store *store, const struct store_mark *mark)
{
    struct row row = row_begin(store, STORE_MARK);

    number(&row, store->run);
    number(&row, mark->id);
    number(&row, mark->t_ns);
    number(&row, mark->process);
    text(&row, mark->name);
    number(&row, mark->kind);
    number(&row, mark->sampled);
    number(&row, mark->lap_peak_allocations);
    number(&row, mark->lap_peak_bytes);
    return row_end(&row);
}

int store_event(struct store *store, int64_t id, int64_t t_ns, int64_t process, int tid, const char *kind,
                int64_t address, int64_t size, int64_t node)
{
    struct row row = row_begin(store, STORE_EVENT);

    number(&row, store->run);
    number(&row, id);
    number(&row, t_ns);
    number(&row, process);
    number(&row, tid);
    text(&row, kind);
    number(&row, address);
    number(&row, size);
    number(&row, node);
    return row_end(&row);
}

/* ---- the end of a run ------------------------------------------------------------------------ */

int store_line_totals(struct store *store)
{
    char statement[1024];

    /* A site without a line counts for line 0, which the views call '[unknown]': the sum must hold. */
    snprintf(statement, sizeof statement,
             "DELETE FROM line_total WHERE run = %1$lld;"
             "INSERT INTO line_total SELECT run, process, coalesce(line, 0), sum(allocations), sum(bytes), "
             "sum(peak_allocations), sum(peak_bytes), sum(live_allocations), sum(live_bytes), "
             "sum(temporary) FROM site WHERE run = %1$lld GROUP BY process, coalesce(line, 0)",
             (long long)store->run);
    return store_execute(store, statement, "write");
}

/* SQLite's locks on the file; whoever has it open in WAL mode holds the last of them. */
#define LOCK_FIRST 0x40000000
#define LOCK_SIZE 512

/* Whether somebody has the file open. Only while we have not: closing a descriptor gives our locks away. */
static int in_use(const struct store *store)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_FIRST, .l_len = LOCK_SIZE};
    int fd = open(store->file, O_RDWR | O_CLOEXEC);
    int used = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;

    if (fd >= 0)
        close(fd);
    return used;
}

static int is_busy(int result)
{
    return (result & 0xff) == SQLITE_BUSY || (result & 0xff) == SQLITE_LOCKED;
}

/* Makes one file of it, if nobody else has it open. */
static int leave_wal(struct store *store)
{
    int result = SQLITE_OK;

    if (store->db == NULL)
        result = sqlite3_open_v2(store->file, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (result == SQLITE_OK) {
        sqlite3_busy_timeout(store->db, 0);
        result = sqlite3_exec(store->db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    }
    return result;
}

/* Whoever is last leaves one file. As long as another collector is at work that is not us. Readers come and
 * go: for them it is tried again, with the file closed in between, so that two that finish at the same time
 * do not wait for each other in vain. Opening it means to parse its schema, which takes a millisecond: so the
 * system is asked first whether it is still in use. */
int store_finish(struct store *store)
{
    int result = SQLITE_BUSY, others = 0;

    for (int i = 0; i < STORE_STATEMENTS; i++) {
        sqlite3_finalize(store->statement[i]);
        store->statement[i] = NULL;
    }
    for (int i = 0; i < FINISH_TRIES && !others; i++) {
        if (i > 0)
            usleep(FINISH_PAUSE_US * (unsigned)i + (unsigned)(getpid() % 16) * (FINISH_PAUSE_US / 8));
        if (store->db == NULL && in_use(store))
            continue;
        result = leave_wal(store);
        if (!is_busy(result))
            break;
        others = others_record(store);
        sqlite3_close(store->db);
        store->db = NULL;
    }
    return is_busy(result) ? 0 : store_check(store, result, "write");
}
