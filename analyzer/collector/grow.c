/* grow.c - see grow.h. */
#define _GNU_SOURCE
#include "grow.h"
#include "populate.h"
#include "shortage.h"

#include <sys/mman.h>
#include <sys/resource.h>

#define FIRST_ROOM 65536 /* bytes */
#define PLENTY_FROM ((size_t)1 << 20)
#define PLENTY_SHIFT 6              /* 64 times as much */
#define HUGE_FROM ((size_t)4 << 20) /* from this size on, huge pages save TLB misses */
#define AHEAD ((size_t)65536) /* an array becomes usable in steps of an eighth of its size, of this at most */

_Atomic uint64_t shortage_count;

static bool unlimited(int resource)
{
    struct rlimit limit;
    return getrlimit((__rlimit_resource_t)resource, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY;
}

/* Where address space is limited, what one array reserves the others would lack. */
static bool have_plenty(void)
{
    return unlimited(RLIMIT_AS) && unlimited(RLIMIT_DATA);
}

/* Reserving address space costs nothing, but moving an array does: so large arrays reserve much at once. */
static size_t next_room(size_t room, size_t size, unsigned shift)
{
    room = room ? room << shift : FIRST_ROOM;
    while (room < size)
        room *= 2;
    return room;
}

static void *remap(const struct grow *array, size_t room)
{
    return array->memory
               ? mremap(array->memory, array->reserved, room, MREMAP_MAYMOVE)
               : mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static bool sparingly;

void grow_sparingly(void)
{
    sparingly = true;
}

static bool reserve(struct grow *array, size_t size)
{
    bool large = array->reserved >= PLENTY_FROM;
    size_t room = next_room(array->reserved, size, large && have_plenty() ? PLENTY_SHIFT : 1);
    void *memory = remap(array, room);
    if (memory == MAP_FAILED) {
        room = next_room(array->reserved, size, 1);
        memory = remap(array, room);
    }
    if (!SHORTAGE_UNLESS(memory != MAP_FAILED))
        return false;
    if (room >= HUGE_FROM && (array->small_pages || !sparingly))
        madvise(memory, room, array->small_pages ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
    array->memory = memory;
    array->reserved = room;
    return true;
}

bool grow_to(struct grow *array, size_t size)
{
    if (size <= array->room)
        return true;
    if (size > array->reserved && !reserve(array, size))
        return false;
    size_t ahead = size / 8 < AHEAD ? size / 8 : AHEAD;
    size_t room = (size + ahead + POPULATE_PAGE - 1) & ~(POPULATE_PAGE - 1);
    room = room < array->reserved ? room : array->reserved;
    /* What an array skips it may never use. */
    if (room - array->room <= 2 * AHEAD && !sparingly)
        populate((char *)array->memory + array->room, room - array->room);
    array->room = room;
    return true;
}

void grow_free(struct grow *array)
{
    if (array->memory)
        munmap(array->memory, array->reserved);
    array->memory = NULL;
    array->room = array->reserved = 0;
}
