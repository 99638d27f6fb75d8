/* test_arena.c - windows on the shared memory: they show the right part of it at any offset, even if
 * address space is limited. */
#define _GNU_SOURCE
#include "arena.h"
#include "rlimits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define FEW (WIRE_FEW_CHUNKS * WIRE_CHUNK_SIZE)
#define MOST (WIRE_MAX_CHUNKS * WIRE_CHUNK_SIZE)

static uint64_t arena_bytes;

static int memory;

static uint64_t address_space(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    return pages * 4096;
}

static int open_arena(uint64_t size)
{
    arena_bytes = size;
    memory = memfd_create("test", MFD_CLOEXEC);
    if (memory < 0 || ftruncate(memory, (off_t)size) != 0 || !limits_suffice() ||
        arena_map(memory, size) != 0)
        return -1;
    arena->chunks = (uint32_t)(size / WIRE_CHUNK_SIZE);
    for (unsigned chunk = 0; chunk < wire_first_chunk(size); chunk++)
        atomic_fetch_or(&arena->chunk_map[chunk / 64], 1ull << chunk % 64);
    return 0;
}

static int open_few(void **state)
{
    (void)state;
    return open_arena(FEW);
}

static int open_most(void **state)
{
    (void)state;
    return open_arena(MOST);
}

static int close_arena(void **state)
{
    (void)state;
    arena_unmap();
    close(memory);
    return 0;
}

/* Data written through the window is found in the file, and the reverse. */
static void check_window(uint64_t offset, size_t size)
{
    char text[16] = "", *window = arena_window(offset, size);
    assert_non_null(window);
    assert_int_equal(pwrite(memory, "first", 6, (off_t)offset), 6);
    assert_string_equal(window, "first");
    memcpy(window + size - 16, "last", 5);
    assert_int_equal(pread(memory, text, sizeof text, (off_t)(offset + size - 16)), sizeof text);
    assert_string_equal(text, "last");
    arena_close(window, size);
}

static void test_near_and_far(void **state)
{
    (void)state;
    const uint64_t offsets[] = {wire_first_chunk(arena_bytes) * WIRE_CHUNK_SIZE, 16ull << 20, 100ull << 20,
                                arena_bytes - (4ull << 20)};
    uint64_t before = address_space();
    for (unsigned i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        check_window(offsets[i], WIRE_CHUNK_SIZE);
        check_window(offsets[i], 4u << 20);
    }
    assert_int_equal(address_space(), before);
}

/* Address space is too small to reach the offset in one step. */
static void test_far_under_a_limit(void **state)
{
    (void)state;
    struct rlimit old, tight;
    assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
    tight = old;
    tight.rlim_cur = address_space() + (40u << 20);
    assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
    assert_true(limits_suffice() == false); /* 40 MiB are too few to start with */
    tight.rlim_cur = address_space() + (80u << 20);
    assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
    assert_true(limits_suffice());
    check_window(200ull << 20, 1u << 20);
    check_window(arena_bytes - (1u << 20), 1u << 20);
    /* Requests above our share are refused, and use no address space. */
    uint64_t before = address_space();
    assert_null(arena_window(8u << 20, 32u << 20));
    assert_true(limits_short());
    assert_int_equal(arena_claim(WIRE_CHUNK_SIZE), 0);
    assert_int_equal(address_space(), before);
    assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
}

/* All of them lie in the header. */
static void test_rings(void **state)
{
    (void)state;
    const uint32_t rings = arena_bytes == MOST ? WIRE_RINGS : WIRE_FEW_RINGS;
    assert_int_equal(arena_ring_count, rings);
    arena->ring[rings - 1].tid = 77;
    uint64_t end = (uint64_t)((char *)&arena->ring[rings] - (char *)arena);
    assert_true(end <= wire_first_chunk(arena_bytes) * WIRE_CHUNK_SIZE);
    assert_true(arena_claim(1) >= end);
}

static void test_claims(void **state)
{
    (void)state;
    uint64_t first = arena_claim(1), second = arena_claim(5 * WIRE_CHUNK_SIZE), large = arena_claim(8u << 20);
    assert_true(first && second && large && first != second);
    assert_int_equal(large % (64 * WIRE_CHUNK_SIZE), 0);
    arena_give_back(second, 5 * WIRE_CHUNK_SIZE);
    assert_int_equal(arena_claim(5 * WIRE_CHUNK_SIZE), second);
    arena_give_back(large, 8u << 20);
    assert_int_equal(arena_claim(8u << 20), large);
}

static void test_segments(void **state)
{
    (void)state;
    _Atomic uint64_t place = 0;
    void *_Atomic window = NULL, *_Atomic other = NULL;
    char *memory_of = arena_segment(&place, &window, WIRE_CHUNK_SIZE);
    assert_non_null(memory_of);
    assert_ptr_equal(memory_of, window);
    memory_of[5] = 'x';
    /* Another thread finds the segment claimed before the first has mapped it: both get the same memory. */
    char *again = arena_segment(&place, &other, WIRE_CHUNK_SIZE);
    assert_true(again != memory_of && again[5] == 'x');
    arena_close(again, WIRE_CHUNK_SIZE);
    arena_close(memory_of, WIRE_CHUNK_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_near_and_far, open_few, close_arena),
        cmocka_unit_test_setup_teardown(test_near_and_far, open_most, close_arena),
        cmocka_unit_test_setup_teardown(test_rings, open_few, close_arena),
        cmocka_unit_test_setup_teardown(test_rings, open_most, close_arena),
        cmocka_unit_test_setup_teardown(test_claims, open_few, close_arena),
        cmocka_unit_test_setup_teardown(test_segments, open_few, close_arena),
        cmocka_unit_test_setup_teardown(test_far_under_a_limit, open_few, close_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
