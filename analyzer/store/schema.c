/* schema.c - opens a database for writing: what it must look like, and the sentence for the user where it
 * does not. */
#define _GNU_SOURCE
#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A writer waits this long for another one: the last transaction of a big run takes seconds on a slow
 * disk. */
#define BUSY_MS 120000
#define LOCKED_MS 500
#define CACHE_KIB 65536

#define MAGIC "SQLite format 3"

int store_fail(struct store *store, int code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(store->error, sizeof store->error, format, arguments);
    va_end(arguments);
    return code;
}

struct store *store_new(const char *path)
{
    struct store *store = calloc(1, sizeof *store);

    if (store == NULL)
        return NULL;
    store->lock_fd = -1;
    /* Our programs use all their stores from one thread at a time, so SQLite needs no locks of its own.
     * Without effect if SQLite is in use already. */
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    store_guard_locks();
    store->path = strdup(path);
    /* A leading "./" keeps "file:..." and ":memory:" from meaning anything special. */
    if (asprintf(&store->file, "%s%s", path[0] == '/' ? "" : "./", path) < 0)
        store->file = NULL;
    if (store->path == NULL || store->file == NULL) {
        store_close(store);
        return NULL;
    }
    return store;
}

const char *store_error(const struct store *store)
{
    return store != NULL ? store->error : "out of memory";
}

struct sqlite3 *store_handle(struct store *store)
{
    return store->db;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    store_batches_drop(store);
    for (int i = 0; i < STORE_STATEMENTS; i++)
        sqlite3_finalize(store->statement[i]);
    store_let_go(store);
    store_lock_release(store);
    free(store->path);
    free(store->file);
    free(store->thinning.kept);
    free(store);
}

/* ---- errors ---------------------------------------------------------------------------------- */

/* The first bytes of a database; numbers are big-endian. See "The Database Header" in SQLite's file
 * format. */
struct header {
    unsigned char magic[16], page_size[2], versions[10], pages[4], others[28], user_version[4], rest[4],
        application_id[4], end[28];
};

static uint32_t header_number(const unsigned char bytes[4])
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The header says how many pages the file has: if it is shorter, it is a copy that was cut off. */
static int is_truncated(struct store *store)
{
    struct header header;
    struct stat status;
    int fd = open(store->file, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    ssize_t got = pread(fd, &header, sizeof header, 0);

    if (fstat(fd, &status) != 0)
        got = 0;
    close(fd);
    if (got < (ssize_t)sizeof header)
        return got > 0;
    uint64_t page = (uint64_t)header.page_size[0] << 8 | header.page_size[1];

    return (uint64_t)status.st_size < (page == 1 ? 65536 : page) * header_number(header.pages);
}

static int damaged(struct store *store)
{
    if (is_truncated(store))
        return store_fail(store, -EIO,
                          "%s is truncated: part of the file is missing. Copy it again from where it "
                          "came from, or record into another file.",
                          store->path);
    return store_fail(store, -EIO,
                      "%s is damaged (%s). Restore it from a copy, or try: sqlite3 '%s' .recover",
                      store->path, sqlite3_errmsg(store->db), store->path);
}

/* Where SQLite may not write, it tries to read, and then reports a missing file. Looking at the directory
 * shows the real reason. */
static int why_not_opened(const struct store *store, int os)
{
    char folder[4096];
    const char *slash = strrchr(store->file, '/');

    if (os != ENOENT || slash == NULL || (size_t)(slash - store->file) >= sizeof folder)
        return os;
    snprintf(folder, sizeof folder, "%.*s/", (int)(slash - store->file), store->file);
    return faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0 ? errno : os;
}

int store_check(struct store *store, int result, const char *what)
{
    int os = store->db != NULL ? sqlite3_system_errno(store->db) : 0;

    switch (result & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_NOMEM:
        return store_fail(store, -ENOMEM, "cannot %s %s: out of memory.", what, store->path);
    case SQLITE_BUSY:
        return store_fail(store, -EBUSY,
                          "cannot %s %s: another program keeps it locked. Try again when that "
                          "has ended.",
                          what, store->path);
    case SQLITE_FULL:
        return store_fail(store, -ENOSPC,
                          "cannot %s %s: no space left on its file system. Free some, or name a "
                          "file elsewhere with LIBTRACE_DB.",
                          what, store->path);
    case SQLITE_READONLY:
        return store_fail(store, -EROFS,
                          "cannot %s %s: it is read-only. Name another file with LIBTRACE_DB, or "
                          "change its permissions.",
                          what, store->path);
    case SQLITE_CANTOPEN:
        os = why_not_opened(store, os);
        return store_fail(store, os > 0 ? -os : -EACCES,
                          "cannot %s %s: %s. Name a file in a directory that you "
                          "may write to with LIBTRACE_DB.",
                          what, store->path, os > 0 ? strerror(os) : "cannot open it");
    case SQLITE_CORRUPT:
        return damaged(store);
    case SQLITE_NOTADB:
        return store_fail(store, -EINVAL,
                          "%s is not a database of libtrace: it is some other file. Name another "
                          "with LIBTRACE_DB or --db.",
                          store->path);
    case SQLITE_IOERR:
        if (result == SQLITE_IOERR_SHORT_READ)
            return damaged(store);
        return store_fail(store, os == ENOSPC ? -ENOSPC : -EIO,
                          "cannot %s %s: input/output error%s%s. Look at the disk, or name a file elsewhere "
                          "with LIBTRACE_DB.",
                          what, store->path, os > 0 ? ": " : "", os > 0 ? strerror(os) : "");
    case SQLITE_INTERRUPT:
        return store_fail(store, -EINTR, "interrupted.");
    default:
        return store_fail(store, -EINVAL, "cannot %s %s: %s.", what, store->path, sqlite3_errmsg(store->db));
    }
}

int store_execute(struct store *store, const char *sql, const char *what)
{
    int code = store_batches_flush(store);

    if (code != 0)
        return code;
    char *whole = measures_sql(sql);
    int result = whole != NULL ? sqlite3_exec(store->db, whole, NULL, NULL, NULL) : SQLITE_NOMEM;

    sqlite3_free(whole);
    return store_check(store, result, what);
}

int store_number(struct store *store, const char *sql, const char *what, int64_t *value)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);

    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    *value = result == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    int code = store_check(store, result, what);

    sqlite3_finalize(statement);
    return code;
}

/* ---- what kind of file is it ----------------------------------------------------------------- */

int store_look(struct store *store)
{
    struct header header;
    struct stat status;

    if (stat(store->file, &status) != 0) {
        if (errno == ENOENT)
            return 1;
        return store_fail(store, -errno, "cannot open %s: %s.", store->path, strerror(errno));
    }
    if (S_ISDIR(status.st_mode))
        return store_fail(store, -EISDIR, "%s is a directory. Name a file in it: %s/trace.db", store->path,
                          store->path);
    if (!S_ISREG(status.st_mode))
        return store_fail(store, -EINVAL, "%s is not a regular file, so it cannot be a database.",
                          store->path);
    if (status.st_size == 0)
        return 1;
    int fd = open(store->file, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return store_not_readable(store, errno);
    ssize_t got = pread(fd, &header, sizeof header, 0);

    close(fd);
    if (got < (ssize_t)sizeof header.magic || memcmp(header.magic, MAGIC, sizeof header.magic) != 0)
        return store_check(store, SQLITE_NOTADB, "open");
    if (status.st_size < 512)
        return damaged(store);
    store->ours = header_number(header.application_id) == STORE_APPLICATION_ID &&
                  header_number(header.user_version) == STORE_VERSION;
    return 0;
}

/* Reads all three in one transaction, as another process may be creating the file. */
static int read_identity(struct store *store, int64_t *application, int64_t *version, int64_t *objects)
{
    int alone = sqlite3_get_autocommit(store->db);
    int code = alone ? store_execute(store, "BEGIN", "open") : 0;

    if (code == 0)
        code = store_number(store, "SELECT count(*) FROM sqlite_schema", "open", objects);
    if (code == 0)
        code = store_number(store, "PRAGMA application_id", "open", application);
    if (code == 0)
        code = store_number(store, "PRAGMA user_version", "open", version);
    if (alone)
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL,
                     NULL); /* ends the transaction; there is nothing to roll back */
    return code;
}

int store_identify(struct store *store, int oldest)
{
    int64_t application = 0, version = 0, objects = 0;
    int code = read_identity(store, &application, &version, &objects);

    if (code != 0)
        return code;
    if (application == 0 && version == 0 && objects == 0)
        return 0;
    if (application != STORE_APPLICATION_ID)
        return store_fail(store, -EINVAL,
                          "%s is a database of another program, and is left as it is. Name another "
                          "file with LIBTRACE_DB or --db.",
                          store->path);
    if (version > STORE_VERSION)
        return store_fail(store, -EPROTO,
                          "%s was written by a newer libtrace (format %d, this one knows %d). Use "
                          "that libtrace, or another file.",
                          store->path, (int)version, STORE_VERSION);
    if (version < 1 || version < oldest)
        return store_fail(
            store, -EPROTO,
            "%s was written by an older libtrace (format %d, this one writes %d): it can be read, "
            "but nothing can be added. Name another file; trace-report merge brings its runs there.",
            store->path, (int)version, STORE_VERSION);
    return (int)version;
}

/* ---- opening for writing --------------------------------------------------------------------- */

/* True if the file has no WAL, or an empty one. */
static int wal_is_fresh(const struct store *store)
{
    struct stat status;
    char *path = NULL;
    int fresh = asprintf(&path, "%s-wal", store->file) > 0 &&
                (stat(path, &status) == 0 ? status.st_size == 0 : errno == ENOENT);

    free(path);
    return fresh;
}

static struct {
    void (*notify)(void *data); /* NULL = nobody to notify, or done already */
    void *data;
} locked;

void store_notify_when_locked(void (*notify)(void *data), void *data)
{
    locked.notify = notify;
    locked.data = data;
}

/* SQLite's busy handler: returns whether to try again. times: how often it was called for this lock. */
static int wait_for_lock(void *data, int times)
{
    struct store *store = data;
    int pause_ms = times < 10 ? times + 1 : 10;

    store->waited_ms = times == 0 ? 0 : store->waited_ms;
    if (store->waited_ms >= LOCKED_MS && locked.notify != NULL) {
        locked.notify(locked.data);
        locked.notify = NULL;
    }
    if (store->waited_ms >= BUSY_MS)
        return 0;
    usleep((unsigned)pause_ms * 1000);
    store->waited_ms += pause_ms;
    return 1;
}

/* Executes what tells or sets the journal mode; whether that is WAL then. */
static int is_in_wal(struct store *store, const char *sql, int *wal)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);

    if (result == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        *wal = strcmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;
    int finished = sqlite3_finalize(statement);

    return result == SQLITE_OK ? finished : result;
}

/* SQLite does not wait for locks when it changes the journal mode, so we do. A file system without shared
 * memory keeps its mode: slower, but as safe.
 *
 * The traced program waits for this to finish, so nothing is synced to disk until the first commit. If the
 * machine crashes before that, the run is lost but the file stays valid: the change of mode is one sector,
 * and a new WAL holds nothing that could be mistaken for later writes. As it is one sector, written at once, it
 * needs no file with what was there before, either: making one and removing it takes longer than the change.
 */
static int use_wal(struct store *store)
{
    int result = sqlite3_exec(store->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL), wal = 0;

    if (result == SQLITE_OK)
        result = is_in_wal(store, "PRAGMA journal_mode", &wal);
    if (result == SQLITE_OK && !wal)
        result = sqlite3_exec(store->db, "PRAGMA journal_mode = MEMORY", NULL, NULL, NULL);
    for (int times = 0; result == SQLITE_OK; times++) {
        result = is_in_wal(store, "PRAGMA journal_mode = WAL", &wal);
        if ((result & 0xff) != SQLITE_BUSY || !wait_for_lock(store, times))
            break;
        result = SQLITE_OK;
    }
    if (result == SQLITE_OK && !wal)
        result = sqlite3_exec(store->db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    store->unsynced = wal_is_fresh(store);
    return store_check(store, result, "open");
}

void store_checkpoint(struct store *store)
{
    sqlite3_busy_handler(store->db, NULL, NULL);
    sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_handler(store->db, wait_for_lock, store);
}

int store_sync_from_now_on(struct store *store)
{
    store->unsynced = 0;
    return store_execute(store, "PRAGMA synchronous = NORMAL", "open");
}

/* Two processes may both find the file empty: the second one finds the tables created. */
static int create(struct store *store)
{
    char identity[96];
    int code = store_begin(store);

    if (code != 0)
        return code;
    code = store_identify(store, STORE_VERSION);
    if (code > 0) { /* another process was faster */
        code = 0;
    } else if (code == 0) {
        snprintf(identity, sizeof identity, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                 STORE_APPLICATION_ID, STORE_VERSION);
        code = store_execute(store, store_schema_sql, "create");
        if (code == 0)
            code = store_views_make(store, store_views_sql, 0);
        if (code == 0)
            code = store_fates_make(store);
        if (code == 0)
            code = store_execute(store, identity, "create");
    }
    if (code == 0)
        code = store_commit(store);
    if (code != 0)
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

static int open_with_our_rights(struct store *store)
{
    char settings[96];
    int code = store_own(store);

    if (code == 0)
        code = store_look(store);
    int fresh = code;

    if (code < 0)
        return code;
    code = store_check(store,
                       sqlite3_open_v2(store->file, &store->db,
                                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                           SQLITE_OPEN_PRIVATECACHE |
                                           (store->resolved ? SQLITE_OPEN_NOFOLLOW : 0),
                                       NULL),
                       fresh ? "create" : "open");
    if (code != 0)
        return code;
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_handler(store->db, wait_for_lock, store);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);

    /* Check before anything is changed: another program's file stays as it is. */
    int found = store->ours ? STORE_VERSION : store_identify(store, STORE_VERSION);

    if (found < 0)
        return found;
    code = use_wal(store);
    if (code == 0)
        code = store_own_still(store);
    if (code == 0 && found == 0)
        code = create(store);
    if (code == 0)
        code = store_feed_open(store);
    snprintf(settings, sizeof settings, "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -%d", CACHE_KIB);
    if (code == 0)
        code = store_execute(store, settings, "open");
    return code == 0 && !store->unsynced ? store_sync_from_now_on(store) : code;
}

/* As the owner of the file, unless the place is one where the owner may not write, but we may. */
static int open_write(struct store *store)
{
    if (store_act_as_owner(store)) {
        int code = open_with_our_rights(store);

        store_act_as_ourselves();
        if (code != -EACCES && code != -EROFS && code != -EPERM)
            return code;
        store_let_go(store);
    }
    return open_with_our_rights(store);
}

int store_open(const char *path, struct store **store)
{
    *store = store_new(path);
    return *store != NULL ? open_write(*store) : -ENOMEM;
}
