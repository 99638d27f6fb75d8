/* new_file.c - a new database appears at once, with its tables, instead of empty.
 *
 * Running all of schema.sql and views.sql takes longer than the rest of a collector's start, and the traced
 * program waits for that. So what they make is part of the library: make_image.c runs them when that is built.
 *
 * A program that ends at once waits for two commits, of the run and of what it did. The third one is the first
 * snapshot's, or the end's; then the file is synced. If the machine crashes before that, the run is lost, and a
 * file is left that is empty, which is as good as none, or whole. Only if the file system writes so few bytes in
 * two parts, and crashes in between, is it cut short and refused.
 */
#define _GNU_SOURCE
#include "store_private.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Nobody sees the file before it has its name, and it gets none that another file has. */
int store_make_whole(int directory, const char *name)
{
    char link[32];
    int fd = store_image_size > 0 ? openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
    int made = 0;

    if (fd < 0)
        return 0; /* NFS, for example, has no files without a name */
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (pwrite(fd, store_image, store_image_size, 0) == (ssize_t)store_image_size)
        made = linkat(AT_FDCWD, link, directory, name, AT_SYMLINK_FOLLOW) == 0;
    close(fd);
    return made;
}

void store_sync_made(struct store *store)
{
    sqlite3_file *file = NULL;

    if (store->commits_unsynced == 0 || --store->commits_unsynced > 0)
        return;
    if (sqlite3_file_control(store->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK &&
        file != NULL && file->pMethods != NULL)
        file->pMethods->xSync(file, SQLITE_SYNC_NORMAL); /* a checkpoint fails where this does */
}
