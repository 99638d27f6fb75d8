/* regular_file.h - opens a file by a path that another process may have had a hand in: nothing but a regular file is opened, as opening
 * a device, or a pipe, may do something or wait, and links lead no further than the root that is meant.
 */
#ifndef LIBTRACE_REGULAR_FILE_H
#define LIBTRACE_REGULAR_FILE_H

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Opens what the path leads to, as a place only, with this directory as the root, for absolute links, too. -1: our own root. */
static inline int regular_file_reach(int root, const char *path)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    return root < 0 ? open(path, O_PATH | O_CLOEXEC)
                    : (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

/* Opens a regular file for reading; -1 and errno on failure: ENOENT if it is none. */
static inline int regular_file_open(int root, const char *path)
{
    char again[64];
    struct stat facts;
    int place = regular_file_reach(root, path), file = -1;
    if (place < 0)
        return -1;
    if (fstat(place, &facts) == 0 && S_ISREG(facts.st_mode)) {
        snprintf(again, sizeof again, "/proc/self/fd/%d", place);
        file = open(again, O_RDONLY | O_CLOEXEC);
        if (file < 0 && errno == ENOENT && root < 0) /* there is no /proc */
            file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    } else {
        errno = ENOENT;
    }
    int error = errno;
    close(place);
    errno = error;
    return file;
}

#endif
