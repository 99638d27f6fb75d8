/* bring.c - see bring.h. */
#include "bring.h"
#include "regular_file.h"
#include "wire_attach.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- files ------------------------------------------------------------------------------------------- */

static bool same_bytes(int one, int other)
{
    char ours[16384], theirs[sizeof ours];
    ssize_t got;
    do {
        got = read(one, ours, sizeof ours);
        if (got < 0 || read(other, theirs, (size_t)got ? (size_t)got : 1) != got ||
            memcmp(ours, theirs, (size_t)got) != 0)
            return false;
    } while (got > 0);
    return true;
}

static bool same_file(int one, int other)
{
    struct stat ours, theirs;
    if (fstat(one, &ours) != 0 || fstat(other, &theirs) != 0)
        return false;
    return (ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino) ||
           (ours.st_size == theirs.st_size && same_bytes(one, other));
}

bool bring_needed(pid_t pid, const char *library)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/root", (int)pid);
    int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int theirs = root < 0 ? -1 : regular_file_open(root, library);
    bool needed = root >= 0 && theirs < 0 && errno != EACCES && errno != EPERM;
    int ours = theirs < 0 ? -1 : open(library, O_RDONLY | O_CLOEXEC);
    if (ours >= 0) {
        needed = !same_file(ours, theirs);
        close(ours);
    }
    if (theirs >= 0)
        close(theirs);
    if (root >= 0)
        close(root);
    return needed;
}

/* ---- a file in memory --------------------------------------------------------------------------------- */

/* The program may have put another file under that number meanwhile, one that it may only read, but we could write: so the file
 * is not opened by its name, but taken as it is open there, with the program's rights. */
static bool fill(int process, int number, const char *library)
{
    int to = (int)syscall(SYS_pidfd_getfd, process, number, 0);
    int from = open(library, O_RDONLY | O_CLOEXEC);
    struct stat file, empty;
    bool done = to >= 0 && from >= 0 && fstat(from, &file) == 0 && fstat(to, &empty) == 0 &&
                S_ISREG(empty.st_mode) && empty.st_nlink == 0 && empty.st_size == 0;
    for (off_t left = done ? file.st_size : 0; done && left > 0;) {
        ssize_t sent = sendfile(to, from, NULL, (size_t)left);
        done = sent > 0;
        left -= sent;
    }
    if (to >= 0)
        close(to);
    if (from >= 0)
        close(from);
    return done;
}

/* Not by close(), at which a thread may be cancelled. */
void bring_close(struct injection *in, const struct target *target, int number)
{
    uint64_t closed;
    inject_call(in, target->syscall, SYS_close, (uint64_t)number, &closed);
}

int bring_library(struct injection *in, const struct target *target, int process, const char *library,
                  char *path, size_t size)
{
    static const char name[] = ATTACH_BROUGHT;
    uint64_t result;
    if (!target->memfd_create || !target->syscall || !target->store ||
        !inject_write(in, inject_room(in), name, sizeof name) ||
        !inject_call(in, target->memfd_create, inject_room(in), MFD_CLOEXEC, &result))
        return -1;
    int number = (int)result;
    if (number < 0)
        return -1;
    if (!fill(process, number, library)) {
        bring_close(in, target, number);
        return -1;
    }
    /* No other path of the program's should be the same: the loader would give it this library for that. */
    snprintf(path, size, ATTACH_BROUGHT_FROM "%d", number);
    return number;
}
