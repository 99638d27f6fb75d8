/* grow.c - see grow.h. */
#define _GNU_SOURCE
#include "grow.h"

#include <sys/mman.h>

#define HUGE_FROM ((size_t)4 << 20) /* bytes from which on huge pages save TLB misses */

bool grow_to(struct grow *array, size_t size)
{
    if (size <= array->room)
        return true;
    size_t room = array->room ? array->room : 65536;
    while (room < size)
        room *= 2;
    void *memory = array->memory ? mremap(array->memory, array->room, room, MREMAP_MAYMOVE)
                                 : mmap(NULL, room, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    if (room >= HUGE_FROM)
        madvise(memory, room, MADV_HUGEPAGE);
    array->memory = memory;
    array->room = room;
    return true;
}

void grow_free(struct grow *array)
{
    if (array->memory)
        munmap(array->memory, array->room);
    array->memory = NULL;
    array->room = 0;
}
