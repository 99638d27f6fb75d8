/* smaps.h - what a process has mapped, and how much of it is resident: /proc/PID/smaps.
 *
 * To read it takes the right to read the process's memory map (PTRACE_MODE_READ), not to trace it: Yama does not
 * mind. Nothing runs in the process, and nothing in it waits, but for what needs its memory map for writing.
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
    uint64_t shared_resident; /* bytes of pages that other processes, or other mappings, have, too */
    uint64_t inode;           /* 0 = of no file */
    bool read, write, is_shared;
    size_t name; /* see mapping_name() */
};

struct mappings {
    struct mapping *list; /* in the order of their addresses, none overlaps another */
    size_t count, room;
    char *names;
    size_t names_size;
};

/* Reads those of a process. 0, or -errno: EACCES and EPERM where the kernel does not let us look, ESRCH and ENOENT
 * where the process is gone or has no memory any more; ENOMEM. */
int mappings_read(struct mappings *mappings, int pid);

/* The same from a text as the kernel writes it. Lines that are not understood are passed over. */
int mappings_parse(struct mappings *mappings, const char *text);

void mappings_free(struct mappings *mappings);

/* A path, as in /proc/PID/maps; "[heap]" and the like; "" for anonymous memory. */
static inline const char *mapping_name(const struct mappings *mappings, const struct mapping *mapping)
{
    return mappings->names + mapping->name;
}

#endif
