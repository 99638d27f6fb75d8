/* recorders.c - whether a run is still being recorded: by its collector's lock, see recorder_lock.c. Where
 * there is none (a run of another version, a copy of the file, a file system without locks), by the
 * collector's process, if that can be seen. */
#include "store_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* A collector without a lock, in a PID namespace that we cannot see, counts as dead after ten minutes
 * without a write. It writes at least this often, unless looking up names takes very long. */
#define ELSEWHERE_NS 600000000000

/* Start time of a process, and its state (field 3 of its stat); -1 = there is no such process. */
static int64_t look_at(int64_t pid, char *state)
{
    char path[64], line[1024];
    int64_t start = -1;

    *state = '?';
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

    if (p == NULL ||
        sscanf(p, ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lld", state,
               (long long *)&start) != 2)
        return -1;
    return *state == 'Z' || *state == 'X' ? -1 : start;
}

int64_t store_process_start(int64_t pid)
{
    char state;

    return look_at(pid, &state);
}

int64_t store_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t store_pid_namespace(void)
{
    struct stat status;

    return stat("/proc/self/ns/pid", &status) == 0 ? (int64_t)status.st_ino : 0;
}

/* True if it is a process that we can see. */
static int is_seen(const struct store_collector *c)
{
    int64_t start = c->pid_namespace == store_pid_namespace() ? store_process_start(c->pid) : -1;

    return start >= 0 && start == c->start;
}

enum store_collector_state store_collector_state(const struct store *store, const struct store_collector *c)
{
    int64_t now_ns = store_clock();
    enum store_lock_state lock = store_lock_state(store, c->run);

    if (lock == STORE_LOCK_FREE)
        return STORE_COLLECTOR_GONE;
    if (lock == STORE_LOCK_HELD)
        return is_seen(c) ? STORE_COLLECTOR_LIVES : STORE_COLLECTOR_ELSEWHERE;
    if (c->pid_namespace != store_pid_namespace())
        return c->taken_ns > 0 && c->taken_ns <= now_ns && now_ns - c->taken_ns < ELSEWHERE_NS
                   ? STORE_COLLECTOR_ELSEWHERE
                   : STORE_COLLECTOR_GONE;
    return is_seen(c) ? STORE_COLLECTOR_LIVES : STORE_COLLECTOR_GONE;
}

int store_collector_sure(const struct store *store, const struct store_collector *c)
{
    return store_lock_state(store, c->run) == STORE_LOCK_HELD || is_seen(c);
}

int store_collector_stopped(const struct store_collector *c)
{
    char state;

    return c->pid_namespace == store_pid_namespace() && look_at(c->pid, &state) == c->start &&
           (state == 'T' || state == 't');
}

static const char select_recording[] =
    "SELECT id, collector_pid, collector_start, pid_namespace, taken_ns FROM run WHERE state = 'recording'";

/* The state of the collector of the run that the statement is at. */
static enum store_collector_state state_of(const struct store *store, sqlite3_stmt *select)
{
    const struct store_collector collector = {
        sqlite3_column_int64(select, 0), sqlite3_column_int64(select, 1), sqlite3_column_int64(select, 2),
        sqlite3_column_int64(select, 3), sqlite3_column_int64(select, 4)};

    return store_collector_state(store, &collector);
}

int store_mark_interrupted(struct store *store)
{
    sqlite3_stmt *select = NULL, *update = NULL;
    int result = sqlite3_prepare_v2(store->db, select_recording, -1, &select, NULL);

    while (result == SQLITE_OK && (result = sqlite3_step(select)) == SQLITE_ROW) {
        result = SQLITE_OK;
        if (state_of(store, select) != STORE_COLLECTOR_GONE)
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

int store_others_record(struct store *store)
{
    sqlite3_stmt *select = NULL;
    int found = 0;

    sqlite3_prepare_v2(store->db, select_recording, -1, &select, NULL);
    while (!found && sqlite3_step(select) == SQLITE_ROW)
        found =
            sqlite3_column_int64(select, 0) != store->run && state_of(store, select) != STORE_COLLECTOR_GONE;
    sqlite3_finalize(select);
    return found;
}
