/* others.c - see others.h. */
#define _GNU_SOURCE
#include "others.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

/* The kernel seals a file against writing only if nobody has it mapped to write, ourselves included. So our
 * mapping becomes a private one first, which holds the same. Of that only the arena's head may be written to:
 * a system that promises no more memory than it has would not give us all of it. */
bool others_have_arena(struct wire_arena *arena, int memory, size_t size)
{
    const int flags = MAP_FIXED | MAP_NORESERVE;
    if (mmap(arena, size, PROT_READ, MAP_PRIVATE | flags, memory, 0) == MAP_FAILED)
        return false;
    bool ours = mprotect(arena, sizeof *arena, PROT_READ | PROT_WRITE) == 0 &&
                fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE) == 0;
    if (ours)
        return false;
    bool mapped = errno == EBUSY;
    if (mmap(arena, size, PROT_READ | PROT_WRITE, MAP_SHARED | flags, memory, 0) == MAP_FAILED)
        abort(); /* it was one a moment ago */
    return mapped;
}
