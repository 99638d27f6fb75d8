/* owner.c - whose the database is. What is recorded is nobody else's business: a new file can be read by
 * its owner alone, and no other user may decide which file is written to. */
#define _GNU_SOURCE
#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files that SQLite creates beside the database, with the database's own permissions. */
static const char *const companions[] = {"-wal", "-shm", "-journal"};

const char *store_user_name(uint32_t uid, char name[STORE_USER_NAME])
{
    const struct passwd *user = getpwuid((uid_t)uid);

    if (user != NULL)
        snprintf(name, STORE_USER_NAME, "%s", user->pw_name);
    else
        snprintf(name, STORE_USER_NAME, "user %u", uid);
    return name;
}

/* Looks at the directory that the file is in. */
static int stat_directory(const char *path, struct stat *status)
{
    char *copy = strdup(path);
    int result = copy != NULL ? stat(dirname(copy), status) : -1;

    free(copy);
    return result;
}

/* In a directory that everybody may write to, anybody may create a file or link by a name that is still
 * free. */
static int is_shared(const struct stat *directory)
{
    return (directory->st_mode & S_IWOTH) != 0;
}

/* Links of root, such as the system's own, may lead anywhere. */
static int is_link_of_another(const struct stat *status)
{
    return S_ISLNK(status->st_mode) && status->st_uid != geteuid() && status->st_uid != 0;
}

static int refuse(struct store *store, const char *suffix, const char *what, uid_t owner)
{
    char name[STORE_USER_NAME];

    return store_fail(store, -EPERM,
                      "%s%s is %s of %s, and may lead into a trap: nothing is recorded. Remove it, or name a "
                      "file in a directory of your own with LIBTRACE_DB.",
                      store->path, suffix, what, store_user_name(owner, name));
}

static int check_companions(struct store *store)
{
    struct stat status;
    int code = 0;

    for (size_t i = 0; i < sizeof companions / sizeof companions[0] && code == 0; i++) {
        char *path;

        if (asprintf(&path, "%s%s", store->file, companions[i]) < 0)
            return store_fail(store, -ENOMEM, "out of memory.");
        if (lstat(path, &status) == 0 && status.st_uid != geteuid())
            code = refuse(store, companions[i], "a file", status.st_uid);
        free(path);
    }
    return code;
}

/* Creates the file if there is none, as SQLite would make it readable by everybody. False if it exists. */
static int make(const char *path, int flags)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | flags, 0600);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Makes the name one without links, so that none is followed later. */
static void resolve(struct store *store)
{
    char *real = realpath(store->file, NULL);

    if (real == NULL)
        return;
    free(store->file);
    store->file = real;
    store->resolved = 1;
}

int store_lock_directory(const struct store *store)
{
    enum { TRIES = 500 };
    char *copy = strdup(store->file);
    int fd = copy != NULL ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    for (int i = 0; fd >= 0 && i < TRIES && flock(fd, LOCK_EX | LOCK_NB) != 0; i++)
        usleep(1000);
    free(copy);
    return fd;
}

void store_unlock_directory(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* Removes what is left beside a database that somebody has deleted: SQLite would take it for the new
 * database's, while whoever still has the old one open goes on using it. */
static void remove_leftovers(const struct store *store)
{
    struct stat status;

    for (size_t i = 0; i < sizeof companions / sizeof companions[0]; i++) {
        char *path = NULL;

        if (asprintf(&path, "%s%s", store->file, companions[i]) >= 0 && lstat(path, &status) == 0 &&
            status.st_uid == geteuid())
            unlink(path);
        free(path);
    }
}

/* True if there is neither the file nor anything that belonged to one of its name. */
static int nothing_there(const struct store *store)
{
    struct stat status;
    int nothing = lstat(store->file, &status) != 0 && errno == ENOENT;

    for (size_t i = 0; i < sizeof companions / sizeof companions[0] && nothing; i++) {
        char *path = NULL;

        nothing = asprintf(&path, "%s%s", store->file, companions[i]) >= 0 && lstat(path, &status) != 0 &&
                  errno == ENOENT;
        free(path);
    }
    return nothing;
}

int store_replaced(const struct store *store)
{
    struct stat status;

    return store->inode != 0 && (stat(store->file, &status) != 0 || status.st_ino != store->inode ||
                                 status.st_dev != store->device);
}

void store_let_go(struct store *store)
{
    int writer = store->db != NULL && store->inode != 0, keep = 1;
    int lock = writer ? store_lock_directory(store) : -1;

    if (writer && store_replaced(store))
        sqlite3_file_control(store->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
    sqlite3_close(store->db); /* rolls back an open transaction */
    store->db = NULL;
    store_unlock_directory(lock);
}

/* Creates an empty file if there is none: it takes no harm from what is left of another, until that is
 * removed. */
static void make_empty(const struct store *store)
{
    struct stat status;

    if (make(store->file, O_EXCL | O_NOFOLLOW))
        remove_leftovers(store);
    else if (lstat(store->file, &status) == 0 && S_ISLNK(status.st_mode) && stat(store->file, &status) != 0 &&
             errno == ENOENT)
        make(store->file, 0); /* our own link may point to a file that does not exist yet */
}

/* Creates the file if there is none, and remembers which file it is. */
static void make_or_find(struct store *store)
{
    struct stat status;
    int lock = store_lock_directory(store);

    if (lock >= 0 && nothing_there(store) && store_make_whole(lock, strrchr(store->file, '/') + 1))
        store->commits_unsynced = STORE_COMMITS_UNSYNCED;
    else
        make_empty(store);
    if (stat(store->file, &status) == 0) {
        store->device = status.st_dev;
        store->inode = status.st_ino;
    }
    store_unlock_directory(lock);
}

int store_own(struct store *store)
{
    struct stat status;

    if (lstat(store->file, &status) == 0 && is_link_of_another(&status))
        return refuse(store, "", "a symbolic link", status.st_uid);
    make_or_find(store);
    resolve(store);
    return store_own_still(store);
}

int store_own_still(struct store *store)
{
    struct stat directory, status;

    if (stat_directory(store->file, &directory) != 0 || !is_shared(&directory) ||
        lstat(store->file, &status) != 0)
        return 0;
    if (status.st_uid != geteuid())
        return refuse(store, "", S_ISLNK(status.st_mode) ? "a symbolic link" : "a file", status.st_uid);
    return check_companions(store);
}

int store_act_as_owner(const struct store *store)
{
    struct stat status;

    if (geteuid() != 0 || stat(store->file, &status) != 0 || status.st_uid == 0)
        return 0;
    setfsgid(status.st_gid);
    setfsuid(status.st_uid);
    return 1;
}

void store_act_as_ourselves(void)
{
    setfsuid(geteuid());
    setfsgid(getegid());
}

int store_not_readable(struct store *store, int error)
{
    char owner[STORE_USER_NAME], reader[STORE_USER_NAME];
    struct stat status;

    if (error != EACCES || stat(store->file, &status) != 0 || status.st_uid == geteuid())
        return store_fail(store, -error, "cannot open %s: %s.", store->path, strerror(error));
    store_user_name(status.st_uid, owner);
    store_user_name(geteuid(), reader);
    return store_fail(
        store, -error,
        "cannot open %s: it belongs to %s, and %s may not read it. Make it yours (sudo chown %s "
        "%s), or look at it as %s (sudo -u %s trace-report).",
        store->path, owner, reader, reader, store->path, owner, owner);
}
