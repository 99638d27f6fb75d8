/* wire_check.h - checks that a descriptor that somebody else named is an arena, before it is mapped or
 * written to.
 *
 * Define _GNU_SOURCE before including it.
 */
#ifndef LIBTRACE_WIRE_CHECK_H
#define LIBTRACE_WIRE_CHECK_H

#include "wire.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* The seals of an arena: a process that has it mapped may not trust the others, and must not be killed
 * because a page is gone. Not F_SEAL_WRITE: see analyzer/arena/memory.c. */
#define WIRE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

/* True for an arena of this version; *size becomes its size, which cannot change. Only anonymous files
 * have seals, so no file, device or pipe of the caller's can be mistaken for one. */
static inline bool wire_check(int descriptor, uint64_t *size)
{
    struct stat file;
    struct statfs system;
    struct {
        uint64_t magic;
        uint32_t version;
    } head = {0, 0};
    if (fcntl(descriptor, F_GET_SEALS) != WIRE_SEALS || fstat(descriptor, &file) != 0 ||
        fstatfs(descriptor, &system) != 0 || system.f_type != TMPFS_MAGIC) /* huge pages may run out */
        return false;
    if (file.st_size < (off_t)(wire_first_chunk((uint64_t)file.st_size) * WIRE_CHUNK_SIZE) ||
        file.st_size > (off_t)(WIRE_MAX_CHUNKS * WIRE_CHUNK_SIZE) || file.st_size % (off_t)WIRE_CHUNK_SIZE)
        return false;
    *size = (uint64_t)file.st_size;
    return pread(descriptor, &head, sizeof head, 0) == sizeof head && head.magic == WIRE_MAGIC &&
           head.version == WIRE_VERSION;
}

#endif
