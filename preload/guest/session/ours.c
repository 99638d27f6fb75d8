/* ours.c - see ours.h. */
#define _GNU_SOURCE
#include "ours.h"
#include "guest.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The build tree and the installed tree have the same layout. */
bool ours_path(const char *relative, char path[PATH_MAX])
{
    Dl_info info;
    if (!dladdr((void *)&ours_path, &info) || !info.dli_fname ||
        strlen(info.dli_fname) + strlen(relative) >= PATH_MAX)
        return false;
    char *end = path + PATH_MAX, *at = guest_format(path, end, info.dli_fname);
    while (at > path && at[-1] != '/')
        at--;
    if (at == path)
        at = guest_format(path, end, "./");
    guest_format(at, end, relative);
    return true;
}

/* Cuts the path after its directory; returns the file's name. */
static char *cut(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash)
        return NULL;
    *slash = '\0';
    return slash + 1;
}

static bool same_directory(const char *one, const char *other)
{
    struct stat a, b;
    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool ours_process(void)
{
    static char own[PATH_MAX], path[PATH_MAX];
    if (guest_variable(OURS_VARIABLE))
        return true;
    int saved = errno;
    ssize_t size = readlink("/proc/self/exe", own, sizeof own - 1);
    own[size > 0 ? size : 0] = '\0';
    const char *name = cut(own);
    bool found = false;
    /* All other programs are done here. */
    if (name && strncmp(name, "trace-", 6) == 0) {
        found = ours_path(LIBTRACE_BIN_FROM_LIB, path) && same_directory(own, path);
        found =
            found || (ours_path(LIBTRACE_COLLECTOR_FROM_LIB, path) && cut(path) && same_directory(own, path));
    }
    errno = saved;
    return found;
}
