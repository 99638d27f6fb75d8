/* mappings.h - what this process has mapped, as /proc/self/maps tells it. */
#ifndef LIBTRACE_MAPPINGS_H
#define LIBTRACE_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mapping {
    uintptr_t start, end;
    bool accessible;  /* for anything at all */
    uint64_t device;  /* of the file: major << 32 | minor */
    uint64_t inode;   /* 0: none */
    const char *path; /* of the file, as much of it as there was room for; empty: none */
};

/* Calls visit for each mapping, in order, until it returns false. path: memory of the caller's, for
 * mapping.path. Makes system calls only; one of them opens a descriptor for the time. False if it cannot be
 * read, or not to its end. */
bool mappings_walk(bool (*visit)(void *data, const struct mapping *mapping), void *data, char *path,
                   size_t room);

/* What is mapped at an address. False, and nothing found, if that is no file, or cannot be known; behind the
 * path of a file that was removed the kernel writes " (deleted)". As mappings_walk(). */
bool mappings_find(uintptr_t address, struct mapping *found, char *path, size_t room);

#endif
