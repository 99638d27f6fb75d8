/* Room that is filled, and whose pages are given back: somebody looked when a quarter of it was there, and not again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <trace.h>

static char *room;

int main(void)
{
    size_t size = 64 << 20;
    uintptr_t page = 4096;

    room = malloc(size);
    memset(room, 'x', size / 4);
    trace_mark("a quarter");
    memset(room, 'x', size);
    madvise((char *)(((uintptr_t)room + page) & ~(page - 1)), size - 2 * page, MADV_DONTNEED);
    printf("%d\n", room[size / 2]);
    return 0;
}
