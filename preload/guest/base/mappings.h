/* mappings.h - what this process has mapped, from /proc/self/maps. */
#ifndef LIBTRACE_MAPPINGS_H
#define LIBTRACE_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mapping {
    uintptr_t start, end;
    bool accessible;  /* it may be read, written or executed */
    uint64_t device;  /* of the file: major << 32 | minor */
    uint64_t inode;   /* 0 = no file */
    const char *path; /* of the file, as far as there was room; empty = no file */
};

/* Calls visit for each mapping, in order of address, until it returns false. path: the caller's memory,
 * for mapping.path. Only makes system calls; one of them opens a descriptor for a moment. False if the
 * file cannot be read, or not to its end. */
bool mappings_walk(bool (*visit)(void *data, const struct mapping *mapping), void *data, char *path,
                   size_t room);

/* Finds the mapping at an address. False, with nothing found, if it is not a file's, or not known. If the
 * file was deleted, the kernel appends " (deleted)" to its path. path and room: as for mappings_walk(). */
bool mappings_find(uintptr_t address, struct mapping *found, char *path, size_t room);

#endif
