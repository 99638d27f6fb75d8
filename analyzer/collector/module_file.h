/* module_file.h - finds and opens the file that a process has loaded as a module, as long as it can be
 * reached: by its path in the process's file system, as its executable, an open descriptor, or a mapping.
 *
 * Only the file itself is accepted, not another that has its name by now: its build ID is compared, or, if
 * it has none, device and inode.
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
    size_t build_id_size;   /* 0 = it has none */
    uint64_t device, inode; /* from wire_note_module; 0 = not known */
    uint64_t start;         /* an address where it is mapped */
    int pid;                /* in our namespace; 0 = gone, or not visible */
    /* Without all of the above: a file that was not modified since then is accepted. */
    struct timespec before;
};

enum module_file_result {
    MODULE_FILE_OPENED,
    MODULE_FILE_NOT_OURS, /* we may not read it, have no descriptor left, or cannot tell */
    MODULE_FILE_GONE,     /* it was removed */
    MODULE_FILE_REPLACED, /* another file is at its path */
};

/* *file: a descriptor that the caller must close, if it was opened. */
enum module_file_result module_file_open(const struct module_claim *claim, int *file);

#endif
