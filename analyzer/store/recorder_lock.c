/* recorder_lock.c - a lock on a byte of the database that a collector holds as long as it lives, so that
 * others can see that it does, even from another PID namespace.
 *
 * The lock belongs to an open file description: nothing that SQLite does releases it, and the kernel does
 * when the process ends. Closing any descriptor of the file would release the locks that SQLite holds in
 * this process, so we never close ours. The database notes for each run which file the lock is on: a copy
 * of that file, or the same file seen through an overlay, shows no locks.
 */
#define _GNU_SOURCE
#include "store_private.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Far behind the bytes that SQLite locks, and behind everything that a file can hold. */
#define FIRST_BYTE ((off_t)1 << 61)
#define RUNS_MOST ((int64_t)1 << 60) /* a stranger's database may hold any number */

static const char create_table[] =
    "CREATE TABLE IF NOT EXISTS recorder (run INTEGER PRIMARY KEY, device INTEGER NOT "
    "NULL, inode INTEGER NOT NULL) STRICT";

/* Descriptors of databases that were looked at, which stay open for good. */
#define KEPT_MOST 16
static struct kept {
    dev_t device;
    ino_t inode;
    int fd;
} kept[KEPT_MOST];
static size_t kept_count;

/* Opens the file of that name for reading; -1 = not possible. */
static int reading(const char *path)
{
    struct stat file;

    if (stat(path, &file) != 0)
        return -1;
    for (size_t i = 0; i < kept_count; i++)
        if (kept[i].device == file.st_dev && kept[i].inode == file.st_ino)
            return kept[i].fd;
    int fd = kept_count < KEPT_MOST ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1;

    if (fd >= 0 && fstat(fd, &file) == 0)
        kept[kept_count++] = (struct kept){file.st_dev, file.st_ino, fd};
    return fd;
}

static struct flock byte_of(int64_t run, short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = FIRST_BYTE + run, .l_len = 1};
}

int store_lock_take(struct store *store, int64_t run)
{
    struct stat file;
    char sql[160];

    if (run <= 0 || run >= RUNS_MOST)
        return 0;
    struct flock lock = byte_of(run, F_WRLCK);

    if (store->lock_fd < 0)
        store->lock_fd = open(store->file, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (store->lock_fd < 0 || fcntl(store->lock_fd, F_OFD_SETLK, &lock) != 0 ||
        fstat(store->lock_fd, &file) != 0)
        return 0; /* this file system has no locks: readers look at the process instead */
    int code = store_execute(store, create_table, "write");

    snprintf(sql, sizeof sql, "REPLACE INTO recorder VALUES (%lld, %lld, %lld)", (long long)run,
             (long long)file.st_dev, (long long)file.st_ino);
    return code == 0 ? store_execute(store, sql, "write") : code;
}

void store_lock_release(struct store *store)
{
    struct flock all = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = FIRST_BYTE};

    if (store->lock_fd >= 0)
        fcntl(store->lock_fd, F_OFD_SETLK, &all);
    store->lock_fd = -1;
}

/* True if the database says that the run's collector locked this very file. */
static int is_noted(const struct store *store, int fd, int64_t run)
{
    sqlite3_stmt *s;
    struct stat file;
    int noted = 0;

    if (fstat(fd, &file) != 0 ||
        sqlite3_prepare_v2(store->db, "SELECT device, inode FROM main.recorder WHERE run = ?1", -1, &s,
                           NULL) != SQLITE_OK)
        return 0;
    if (sqlite3_bind_int64(s, 1, run) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        noted = sqlite3_column_int64(s, 0) == (int64_t)file.st_dev &&
                sqlite3_column_int64(s, 1) == (int64_t)file.st_ino;
    sqlite3_finalize(s);
    return noted;
}

enum store_lock_state store_lock_state(const struct store *store, int64_t run)
{
    int fd = run > 0 && run < RUNS_MOST ? reading(store->file) : -1;

    if (fd < 0 || !is_noted(store, fd, run))
        return STORE_LOCK_UNKNOWN;
    struct flock lock = byte_of(run, F_RDLCK); /* whoever may only read the file could hold a read lock */

    if (fcntl(fd, F_OFD_GETLK, &lock) != 0)
        return STORE_LOCK_UNKNOWN;
    return lock.l_type == F_UNLCK ? STORE_LOCK_FREE : STORE_LOCK_HELD;
}

int store_lock_forget(struct store *store, int64_t run)
{
    return store_forget(store, "recorder", run);
}
