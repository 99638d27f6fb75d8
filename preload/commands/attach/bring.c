/* bring.c - see bring.h. */
#include "bring.h"
#include "wire_attach.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
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

/* theirs: a place (O_PATH), as opening anything else than a file for reading may do something. */
static bool same_contents(const char *library, int theirs)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", theirs);
    int one = open(library, O_RDONLY | O_CLOEXEC), other = open(path, O_RDONLY | O_CLOEXEC);
    bool same = one >= 0 && other >= 0 && same_bytes(one, other);
    if (one >= 0)
        close(one);
    if (other >= 0)
        close(other);
    return same;
}

bool bring_needed(pid_t pid, const char *library)
{
    char path[PATH_MAX + 32];
    struct stat ours, theirs;
    snprintf(path, sizeof path, "/proc/%d/root%s", (int)pid, library);
    int place = open(path, O_PATH | O_CLOEXEC);
    if (place < 0)
        return errno == ENOENT || errno == ENOTDIR;
    bool needed = false;
    if (stat(library, &ours) == 0 && fstat(place, &theirs) == 0 &&
        (ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino))
        needed = !S_ISREG(theirs.st_mode) || ours.st_size != theirs.st_size || !same_contents(library, place);
    close(place);
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

int bring_library(struct injection *in, const struct target *target, int process, const char *library,
                  char *path, size_t size)
{
    static const char name[] = ATTACH_BROUGHT;
    uint64_t result, unused;
    if (!target->memfd_create || !target->close || !target->store ||
        !inject_write(in, inject_room(in), name, sizeof name) ||
        !inject_call(in, target->memfd_create, inject_room(in), 0, &result))
        return -1;
    int number = (int)result;
    if (number < 0)
        return -1;
    if (!fill(process, number, library)) {
        inject_call(in, target->close, (uint64_t)number, 0, &unused);
        return -1;
    }
    /* No other path of the program's should be the same: the loader would give it this library for that. */
    snprintf(path, size, ATTACH_BROUGHT_FROM "%d", number);
    return number;
}
