/* lock.c - makes sure that SQLite's locks on the database file are really released. */
#include "store_private.h"

#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#define TRIES 100
#define PAUSE_US 1000

/* Takes the place of fcntl() in SQLite, and tries again when releasing a lock fails: SQLite would believe
 * for good that it still holds that lock, and wait for itself. */
static int give_back_for_certain(int fd, int command, ...)
{
    va_list arguments;

    va_start(arguments, command);
    void *argument = va_arg(arguments, void *); /* for some commands a number, which is passed on unchanged */
    va_end(arguments);
    int result = fcntl(fd, command, argument);

    for (int i = 1; i < TRIES && result < 0; i++) {
        if (command != F_SETLK || ((const struct flock *)argument)->l_type != F_UNLCK)
            break;
        usleep(PAUSE_US);
        result = fcntl(fd, command, argument);
    }
    return result;
}

void store_guard_locks(void)
{
    sqlite3_vfs *files = sqlite3_vfs_find("unix");

    if (files != NULL && files->iVersion >= 3)
        files->xSetSystemCall(files, "fcntl", (sqlite3_syscall_ptr)give_back_for_certain);
}
