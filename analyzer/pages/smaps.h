/* smaps.h - what a process has mapped, and how much of it is resident: /proc/PID/smaps.
 *
 * Reading it needs the right to read the process's memory map (PTRACE_MODE_READ), not to trace it, so Yama
 * allows it. Nothing runs in the process, and it only waits if it changes its memory map meanwhile.
 */
#ifndef LIBTRACE_SMAPS_H
#define LIBTRACE_SMAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mapping {
    uint64_t start, end;      /* addresses */
    uint64_t resident, pss;   /* bytes */
    uint64_t swapped;         /* bytes */
    uint64_t shared_resident; /* bytes of pages that are also in other processes or mappings */
    uint64_t inode;           /* 0 = of no file */
    bool read, write, is_shared;
    size_t name; /* see mapping_name() */
};

struct mappings {
    struct mapping *list; /* ordered by address, without overlaps */
    size_t count, room;
    char *names;
    size_t names_size;
};

/* Reads the mappings of a process. Returns 0, or -errno: EACCES and EPERM if the kernel does not allow it,
 * ESRCH and ENOENT if the process is gone or has lost its memory; ENOMEM. */
int mappings_read(struct mappings *mappings, int pid);

/* The same from a text in the kernel's format. Lines that are not understood are skipped. */
int mappings_parse(struct mappings *mappings, const char *text);

void mappings_free(struct mappings *mappings);

/* A path, as in /proc/PID/maps; "[heap]" and the like; "" for anonymous memory. */
static inline const char *mapping_name(const struct mappings *mappings, const struct mapping *mapping)
{
    return mappings->names + mapping->name;
}

#endif
