/* module_file.h - finds and opens the file that a process has loaded as a module, as long as there is a way
 * to it: by its path in the process's own file system, its executable, what it has open, what it has mapped.
 *
 * Only the file itself will do, not another one that has its name by now: its build ID is compared, or, where
 * it has none, its device and inode.
 */
#ifndef LIBTRACE_MODULE_FILE_H
#define LIBTRACE_MODULE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* What a process says of a module. */
struct module_claim {
    const char *path; /* as the process sees it */
    const uint8_t *build_id;
    size_t build_id_size;   /* 0: it has none */
    uint64_t device, inode; /* as in wire_note_module; 0 = not known */
    uint64_t start;         /* an address that it is mapped at */
    int pid;                /* in our namespace; 0 = gone, or not to be seen */
    struct timespec before; /* without all of that: a file that has not changed since then is taken for it */
};

enum module_file_result {
    MODULE_FILE_OPENED,
    MODULE_FILE_NOT_OURS, /* we may not read it, or have no descriptor left, or cannot tell */
    MODULE_FILE_GONE,     /* it was removed */
    MODULE_FILE_REPLACED, /* at its path is another one */
};

/* *file: a descriptor that the caller closes, if it was opened. */
enum module_file_result module_file_open(const struct module_claim *claim, int *file);

#endif
