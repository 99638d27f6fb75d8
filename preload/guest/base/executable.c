/* executable.c - see executable.h. */
#define _GNU_SOURCE
#include "executable.h"
#include "guest.h"
#include "mappings.h"

#include <errno.h>
#include <link.h>
#include <sys/auxv.h>
#include <unistd.h>

/* The kernel loaded no interpreter, so it was given the loader itself as the program. A static program
 * would not have loaded us. */
bool executable_by_loader(void)
{
    return getauxval(AT_BASE) == 0;
}

void executable_path(char *path, size_t size)
{
    int saved = errno;
    const struct link_map *program = _r_debug.r_map;
    if (executable_by_loader() && program && program->l_ld) {
        struct mapping mapping;
        mappings_find((uintptr_t)program->l_ld, &mapping, path, size);
    } else {
        ssize_t length = readlink("/proc/self/exe", path, size - 1);
        path[length > 0 ? length : 0] = '\0';
        const char *started = length > 0 ? NULL : (const char *)getauxval(AT_EXECFN);
        if (started) /* without /proc: the name that it was executed by */
            guest_format(path, path + size, started);
    }
    errno = saved;
}
