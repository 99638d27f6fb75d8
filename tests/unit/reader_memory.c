/* reader_memory.c - see reader_memory.h. */
#define _GNU_SOURCE
#include "reader_memory.h"
#include "wire_check.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct arena *arena;
struct wire_arena *wire; /* as the program has it mapped */

int new_memory(off_t size, int seals)
{
    int memory = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    const uint64_t magic = WIRE_MAGIC;
    const uint32_t version = WIRE_VERSION, shift = STAMP_SHIFT;
    assert_true(memory >= 0 && ftruncate(memory, size) == 0);
    assert_int_equal(pwrite(memory, &magic, sizeof magic, offsetof(struct wire_arena, magic)), sizeof magic);
    assert_int_equal(pwrite(memory, &version, sizeof version, offsetof(struct wire_arena, version)),
                     sizeof version);
    assert_int_equal(pwrite(memory, &shift, sizeof shift, offsetof(struct wire_arena, stamp_shift)),
                     sizeof shift);
    assert_int_equal(fcntl(memory, F_ADD_SEALS, seals), 0);
    return memory;
}

int begin(void **unused)
{
    (void)unused;
    int memory = new_memory(SIZE, WIRE_SEALS);
    arena = calloc(1, sizeof *arena);
    assert_true(arena && arena_open(arena, memory));
    wire = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    assert_true(wire != MAP_FAILED);
    wire->process[0].state = wire->process[1].state = WIRE_PROCESS_LIVE;
    wire->process[0].pid = wire->process[1].pid = getpid();
    wire->processes = 2;
    return 0;
}

int end(void **unused)
{
    (void)unused;
    munmap(wire, SIZE);
    munmap(arena->wire, SIZE);
    close(arena->memory);
    free(arena);
    return 0;
}

void *at(uint64_t offset)
{
    return (char *)wire + offset;
}
