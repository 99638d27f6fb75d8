/* rotate.c - puts what is known of a run so far aside, as a file of its own, as logrotate's copytruncate does: FILE.1 is the
 * latest, FILE.2 the one before.
 *
 * The run goes on in its file, with all its counts and live blocks, so that readers, locks and whoever sends what is new
 * notice nothing; only its past is merged afterwards, as that is in the copy. Whenever we are killed, each file is whole:
 * the copy gets its name once it is complete, the others are renamed one by one, the oldest first, and what a killed
 * collector left between two of these is a number that is free, up to which the next ones are moved.
 */
#define _GNU_SOURCE
#include "store_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNFINISHED ".rotating"

/* FILE.3, or for 0 the name of the copy that is being made; malloc'ed. */
static char *name_of(const struct store *store, int number)
{
    char *name = NULL;
    int size = number > 0 ? asprintf(&name, "%s.%d", store->file, number)
                          : asprintf(&name, "%s" UNFINISHED, store->file);

    return size >= 0 ? name : NULL;
}

/* True if a file has this name, or anything else that is not ours to replace. */
static int is_taken(const char *name)
{
    struct stat status;

    return lstat(name, &status) == 0;
}

static int has_beside(const char *name, const char *suffix)
{
    char *path = NULL;
    int taken = asprintf(&path, "%s%s", name, suffix) < 0 || is_taken(path);

    free(path);
    return taken;
}

/* What a killed collector left. Only files of our own: in a directory of everybody's, names may lead anywhere. */
static int clear(const char *name)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    struct stat status;
    int clean = 1;

    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char *path = NULL;

        if (asprintf(&path, "%s%s", name, suffixes[i]) < 0)
            return 0;
        if (lstat(path, &status) == 0 &&
            (status.st_uid != geteuid() || !S_ISREG(status.st_mode) || unlink(path) != 0))
            clean = 0;
        free(path);
    }
    return clean;
}

/* The mark that the next file begins with would be its end here; and that no file could be made is over. */
static int forget_mark(struct store *to, int64_t t_ns)
{
    char sql[200];

    snprintf(sql, sizeof sql,
             "DELETE FROM mark WHERE run = %lld AND kind = 0 AND (t_ns = %lld AND name = '" STORE_MARK_ROTATED
             "' OR name = '" STORE_MARK_NOT_ROTATED "')",
             (long long)to->run, (long long)t_ns);
    return store_execute(to, sql, "write");
}

static int write_copy(struct store *to, struct store *from, int64_t t_ns, const char *why)
{
    struct store *read = NULL;
    int code = store_open_again(from, &read);

    if (code == 0)
        code = store_begin(to);
    if (code == 0)
        code = store_run_copy(to, read->db, from->run, &to->run);
    store_close(read);
    if (code == 0)
        code = forget_mark(to, t_ns);
    if (code == 0 && store_run_is_ours(from, from->run) > 0)
        code = store_origin_add(to, to->run);
    if (code == 0)
        code = store_line_totals(to);
    if (code == 0)
        code = store_run_why(to, why);
    if (code == 0)
        code = store_run_state(to, "interrupted");
    if (code == 0)
        code = store_commit(to);
    return code == 0 ? store_finish(to) : code;
}

/* Makes a whole database with the run alone, and leaves it open, so that no other file gets its inode number. It is whole once
 * it is a single file, which it is not while somebody reads it. */
static int copy(struct store *store, int64_t t_ns, const char *name, struct store **to)
{
    char *why = NULL;

    /* Another collector that records into the same file may be at it. */
    if (store_in_use(name))
        return 0;
    int fine = clear(name) && store_open(name, to) == 0 &&
               asprintf(&why, "its file was rotated, and the run went on in %s", store->file) >= 0 &&
               write_copy(*to, store, t_ns, why) == 0 && store_handle(*to) != NULL;

    free(why);
    return fine;
}

/* False while somebody writes to the file: what is beside it would be another file's then. */
static int can_move(const char *name)
{
    return !has_beside(name, "-wal") && !has_beside(name, "-journal");
}

/* Moves each file to the next number, up to one that is free; the last one makes room. */
static int move_up(const struct store *store, int most)
{
    int last = 1, moved = 1;

    for (int taken = 1; moved; last++) {
        char *name = name_of(store, last);

        taken = name != NULL && is_taken(name);
        moved = taken ? can_move(name) : name != NULL && clear(name); /* what somebody else left beside it */
        free(name);
        if (!taken || last == most)
            break;
    }
    for (int i = last; i > 1 && moved; i--) {
        char *from = name_of(store, i - 1), *to = name_of(store, i);

        moved = from != NULL && to != NULL && rename(from, to) == 0;
        free(from);
        free(to);
    }
    return moved;
}

/* Another collector may have taken the copy for a killed one's, and be making its own by that name. */
static int put_aside(const struct store *store, const struct store *copied, const char *first, int files)
{
    int lock = store_lock_directory(store);
    int done =
        !store_replaced(copied) && move_up(store, files < 1 ? 1 : files) && rename(copied->file, first) == 0;

    store_unlock_directory(lock);
    return done;
}

int store_rotate(struct store *store, int files, int64_t t_ns)
{
    char *copied = name_of(store, 0), *first = name_of(store, 1);
    struct store *to = NULL;
    int made = copied != NULL && first != NULL && store->resolved && !store_replaced(store) &&
               copy(store, t_ns, copied, &to) && put_aside(store, to, first, files);
    int left = !made && to != NULL && !store_replaced(to);

    store_close(to);
    if (left)
        clear(copied);
    free(copied);
    free(first);
    return made ? store_merge_past(store, t_ns) : store_forget_rotation(store, t_ns);
}
