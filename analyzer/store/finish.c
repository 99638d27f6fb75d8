/* finish.c - the end of a run: the database goes back from WAL mode to a single file. */
#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* How often store_finish tries again while readers have the file open: the pauses grow, to four seconds in
 * all. */
#define FINISH_TRIES 40
#define FINISH_PAUSE_US 5000

/* The bytes of the file that SQLite locks; whoever has it open in WAL mode holds the last of them. */
#define LOCK_FIRST 0x40000000
#define LOCK_SIZE 512

int store_in_use(const char *path)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_FIRST, .l_len = LOCK_SIZE};
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    int used = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;

    if (fd >= 0)
        close(fd);
    return used;
}

static int is_busy(int result)
{
    return (result & 0xff) == SQLITE_BUSY || (result & 0xff) == SQLITE_LOCKED;
}

/* SQLite removes the files beside the database by their names. So nobody may begin another database of this name
 * meanwhile, whose files these would be. */
static int change_mode(struct store *store)
{
    int lock = store_lock_directory(store), result = SQLITE_OK;

    if (!store_replaced(store))
        result = sqlite3_exec(store->db, "PRAGMA journal_mode = MEMORY", NULL, NULL, NULL);
    store_unlock_directory(lock);
    return result;
}

/* Leaves WAL mode if nobody else has the file open. The checkpoint puts everything into the file and syncs
 * it, so the change of mode itself need not be synced, and needs no journal of its own: it changes one sector, and the
 * file is valid before and after. Of a file, MEMORY is the same mode as DELETE. */
static int leave_wal(struct store *store)
{
    int result = SQLITE_OK;

    if (store->db == NULL && store_own_still(store) != 0)
        return SQLITE_AUTH;
    if (store->db == NULL)
        result = sqlite3_open_v2(store->file, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (result == SQLITE_OK) {
        sqlite3_busy_timeout(store->db, 0);
        result = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    }
    if (result == SQLITE_OK)
        result = sqlite3_exec(store->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    return result == SQLITE_OK ? change_mode(store) : result;
}

/* The last process to use the database leaves a single file. While another collector is at work, that is
 * not us. Readers come and go, so for them this is tried again, with the file closed in between: two
 * processes that finish at the same time would otherwise wait for each other in vain. Opening it again
 * means parsing its schema, which takes a millisecond, so the system is asked first whether anybody still
 * has it open. */
int store_finish(struct store *store)
{
    int result = SQLITE_BUSY, others = 0;

    for (int i = 0; i < STORE_STATEMENTS; i++) {
        sqlite3_finalize(store->statement[i]);
        store->statement[i] = NULL;
    }
    for (int i = 0; i < FINISH_TRIES && !others && !store_replaced(store); i++) {
        if (i > 0)
            usleep(FINISH_PAUSE_US * (unsigned)i + (unsigned)(getpid() % 16) * (FINISH_PAUSE_US / 8));
        if (store->db == NULL && store_in_use(store->file))
            continue;
        result = leave_wal(store);
        if (!is_busy(result))
            break;
        others = store_others_record(store);
        store_let_go(store);
    }
    if (result == SQLITE_AUTH)
        return -EPERM; /* the sentence has been set already */
    return is_busy(result) ? 0 : store_check(store, result, "write");
}
