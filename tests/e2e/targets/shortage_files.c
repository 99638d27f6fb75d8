/* shortage_files.c - see shortage.h: files, as SQLite uses them. A VFS that passes all on to the usual one, registered as
 * the default when the first database is opened. */
#include "shortage.h"

#include <dlfcn.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this */
    const char *name;   /* SQLite keeps it as long as the file is open; NULL = a temporary one */
};

static sqlite3_vfs *below;
static sqlite3_vfs above;

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct file *)file)->real;
}

static const sqlite3_io_methods *methods_of(sqlite3_file *file)
{
    return real_of(file)->pMethods;
}

/* ---- a machine that stops -------------------------------------------------------------------------- */

/* A write that was not synced yet: how the file was before. */
struct unsynced {
    struct unsynced *earlier;
    sqlite3_file *real;
    sqlite3_int64 at, size_before;
    int size;
    int lost; /* decided at the end */
    char before[];
};
static struct unsynced *latest;

static void remember(sqlite3_file *real, int size, sqlite3_int64 at)
{
    if (shortage_kind != SHORT_POWER)
        return;
    struct unsynced *one = calloc(1, sizeof *one + (size_t)size);
    if (!one)
        abort();
    *one = (struct unsynced){.earlier = latest, .real = real, .at = at, .size = size};
    real->pMethods->xFileSize(real, &one->size_before);
    if (one->size_before > at)
        real->pMethods->xRead(real, one->before, size, at);
    latest = one;
}

static void forget(sqlite3_file *real)
{
    for (struct unsynced **link = &latest; *link;) {
        struct unsynced *one = *link;
        if (one->real == real) {
            *link = one->earlier;
            free(one);
        } else {
            link = &one->earlier;
        }
    }
}

/* True if a later write, which has reached the disk, covers some of it. */
static bool is_covered(const struct unsynced *one)
{
    for (const struct unsynced *later = latest; later != one; later = later->earlier)
        if (!later->lost && later->real == one->real && later->at < one->at + one->size &&
            one->at < later->at + later->size)
            return true;
    return false;
}

/* Some of what was not synced is on the disk, as drawn by lot: all, none, or each write for itself. */
static void stop(unsigned long lot)
{
    unsigned seed = (unsigned)lot;
    for (struct unsynced *one = latest; one; one = one->earlier) {
        one->lost = lot % 3 == 0 || (lot % 3 == 1 && rand_r(&seed) % 2);
        if (!one->lost || is_covered(one)) {
            one->lost = 0;
            continue;
        }
        one->real->pMethods->xWrite(one->real, one->before, one->size, one->at);
        if (one->size_before < one->at + one->size)
            one->real->pMethods->xTruncate(one->real, one->size_before);
    }
    kill(getpid(), SIGKILL);
}

static void power(void)
{
    static unsigned long lot;
    lot++;
    if (shortage_now(SHORT_POWER, "power"))
        stop(lot);
}

/* ---- a file ---------------------------------------------------------------------------------------- */

static int file_close(sqlite3_file *file)
{
    forget(real_of(file)); /* as if synced: what is lost of closed files is not tried */
    return methods_of(file)->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *to, int size, sqlite3_int64 at)
{
    if (shortage_now(SHORT_IOERR, "read"))
        return SQLITE_IOERR_READ;
    if (shortage_now(SHORT_SHORT, "read")) {
        memset(to, 0, (size_t)size);
        return SQLITE_IOERR_READ;
    }
    return methods_of(file)->xRead(real_of(file), to, size, at);
}

static int file_write(sqlite3_file *file, const void *from, int size, sqlite3_int64 at)
{
    if (shortage_now(SHORT_IOERR, "write"))
        return SQLITE_IOERR_WRITE;
    if (shortage_now(SHORT_FULL, "write"))
        return SQLITE_FULL;
    if (shortage_now(SHORT_SHORT, "write")) {
        methods_of(file)->xWrite(real_of(file), from, size / 2, at);
        return SQLITE_FULL;
    }
    power();
    remember(real_of(file), size, at);
    return methods_of(file)->xWrite(real_of(file), from, size, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (shortage_now(SHORT_IOERR, "truncate"))
        return SQLITE_IOERR_TRUNCATE;
    return methods_of(file)->xTruncate(real_of(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    if (shortage_now(SHORT_IOERR, "sync"))
        return SQLITE_IOERR_FSYNC;
    if (shortage_now(SHORT_FULL, "sync"))
        return SQLITE_FULL;
    power();
    int result = methods_of(file)->xSync(real_of(file), flags);
    if (result == SQLITE_OK)
        forget(real_of(file));
    return result;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    if (shortage_now(SHORT_IOERR, "size"))
        return SQLITE_IOERR_FSTAT;
    return methods_of(file)->xFileSize(real_of(file), size);
}

static int file_lock(sqlite3_file *file, int lock)
{
    if (shortage_now(SHORT_IOERR, "lock"))
        return SQLITE_IOERR_LOCK;
    if (shortage_now(SHORT_BUSY, "lock"))
        return SQLITE_BUSY;
    return methods_of(file)->xLock(real_of(file), lock);
}

static int file_unlock(sqlite3_file *file, int lock)
{
    return methods_of(file)->xUnlock(real_of(file), lock);
}

static int file_reserved(sqlite3_file *file, int *out)
{
    return methods_of(file)->xCheckReservedLock(real_of(file), out);
}

static int file_control(sqlite3_file *file, int what, void *argument)
{
    return methods_of(file)->xFileControl(real_of(file), what, argument);
}

static int file_sector(sqlite3_file *file)
{
    return methods_of(file)->xSectorSize(real_of(file));
}

static int file_characteristics(sqlite3_file *file)
{
    return methods_of(file)->xDeviceCharacteristics(real_of(file));
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory)
{
    if (shortage_now(SHORT_IOERR, "shm_map"))
        return SQLITE_IOERR_SHMMAP;
    if (extend && shortage_now(SHORT_FULL, "shm_map"))
        return SQLITE_FULL;
    return methods_of(file)->xShmMap(real_of(file), page, size, extend, memory);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    bool takes = flags & SQLITE_SHM_LOCK;
    if (takes && shortage_now(SHORT_IOERR, "shm_lock"))
        return SQLITE_IOERR_SHMLOCK;
    if (takes && shortage_now(SHORT_BUSY, "shm_lock"))
        return SQLITE_BUSY;
    return methods_of(file)->xShmLock(real_of(file), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    methods_of(file)->xShmBarrier(real_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int remove)
{
    return methods_of(file)->xShmUnmap(real_of(file), remove);
}

/* Version 2: no mapped reads, which nobody could fail. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* ---- the system ------------------------------------------------------------------------------------ */

static int system_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    struct file *own = (struct file *)file;
    (void)vfs;
    memset(own, 0, sizeof *own);
    if (shortage_now(SHORT_IOERR, "open"))
        return SQLITE_CANTOPEN;
    own->real = (sqlite3_file *)(own + 1);
    own->name = name;
    int result = below->xOpen(below, name, own->real, flags, out);
    if (result == SQLITE_OK)
        own->base.pMethods = &methods;
    return result;
}

static int system_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    if (shortage_now(SHORT_IOERR, "delete"))
        return SQLITE_IOERR_DELETE;
    return below->xDelete(below, name, sync);
}

static int system_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    (void)vfs;
    if (shortage_now(SHORT_IOERR, "access"))
        return SQLITE_IOERR_ACCESS;
    return below->xAccess(below, name, flags, out);
}

static void install(void)
{
    below = sqlite3_vfs_find(NULL);
    if (!below)
        return; /* no memory: opening says so */
    above = *below;
    above.pNext = NULL;
    above.zName = "shortage";
    above.szOsFile = (int)sizeof(struct file) + below->szOsFile;
    above.xOpen = system_open;
    above.xDelete = system_delete;
    above.xAccess = system_access;
    sqlite3_vfs_register(&above, 1);
}

int sqlite3_open_v2(const char *name, sqlite3 **db, int flags, const char *vfs)
{
    int (*next)(const char *, sqlite3 **, int, const char *) =
        (__typeof__(next))dlsym(RTLD_NEXT, "sqlite3_open_v2");
    if (!below && shortage_kind >= SHORT_IOERR)
        install();
    return next(name, db, flags, vfs);
}
