/* test_trim.c - which pages of a ring are given back, and which must not be. */
#define _GNU_SOURCE
#include "trim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define RINGS 20
#define PAGES (WIRE_RING_WORDS / WIRE_PAGE_WORDS)
#define SECOND 1000000000ull

struct fixture {
    struct tracker tracker;
    struct arena arena;
    struct wire_arena *wire;
    struct tracked_ring ring[RINGS];
    uint64_t now_ns;
};

static uint64_t *words_of(const struct fixture *f, unsigned ring)
{
    return (uint64_t *)((char *)f->wire + (WIRE_FIRST_CHUNK + ring * WIRE_RING_CHUNKS) * WIRE_CHUNK_SIZE);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    size_t size = (WIRE_FIRST_CHUNK + RINGS * WIRE_RING_CHUNKS) * WIRE_CHUNK_SIZE;
    int memory = memfd_create("test_trim", MFD_CLOEXEC);
    assert_int_equal(ftruncate(memory, (off_t)size), 0);
    f->wire = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    assert_ptr_not_equal(f->wire, MAP_FAILED);
    arena_adopt(&f->arena, f->wire, size, memory);
    f->tracker.arena = &f->arena;
    f->tracker.ring_count = RINGS;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    munmap(f->wire, (WIRE_FIRST_CHUNK + RINGS * WIRE_RING_CHUNKS) * WIRE_CHUNK_SIZE);
    close(f->arena.memory);
    free(f);
    return 0;
}

/* A ring written from its first word up to head, and read up to tail; each word contains its number. */
static struct tracked_ring *make_ring(struct fixture *f, unsigned number, uint64_t tail, uint64_t head)
{
    struct tracked_ring *r = &f->ring[number];
    uint64_t *words = words_of(f, number);
    r->ring = &f->wire->ring[number];
    r->words = words;
    trim_added(r);
    for (uint64_t word = head > WIRE_RING_WORDS ? head - WIRE_RING_WORDS : 0; word < head; word++)
        words[word % WIRE_RING_WORDS] = word;
    r->tail = tail;
    r->head = head;
    r->ring->head = head;
    r->ring->tail = tail;
    r->ring->limit = (head + WIRE_RING_STEP) & ~(uint64_t)(WIRE_PAGE_WORDS - 1);
    f->tracker.rings[number] = r;
    return r;
}

/* Runs all rounds that are due. */
static void round_of(struct fixture *f)
{
    f->now_ns += SECOND;
    while (trim_rings(&f->tracker, f->now_ns)) {
    }
}

static unsigned resident(const struct fixture *f, unsigned ring)
{
    unsigned char in_memory[PAGES];
    unsigned count = 0;
    assert_int_equal(mincore(words_of(f, ring), WIRE_RING_WORDS * sizeof(uint64_t), in_memory), 0);
    for (unsigned i = 0; i < PAGES; i++)
        count += in_memory[i] & 1;
    return count;
}

static void check_kept(const struct fixture *f, unsigned ring, uint64_t from, uint64_t to)
{
    for (; from < to; from++)
        assert_int_equal(words_of(f, ring)[from % WIRE_RING_WORDS], from);
}

/* A ring that was full keeps what its thread may be writing to: a page or two. */
static void quiet(void **state)
{
    struct fixture *f = *state;
    const uint64_t heads[] = {WIRE_RING_WORDS + 700, 3 * WIRE_RING_WORDS, 2 * WIRE_RING_WORDS - 1,
                              2 * WIRE_RING_WORDS - 600, 12345};
    for (unsigned i = 0; i < 5; i++)
        make_ring(f, i, heads[i], heads[i]);
    round_of(f); /* everything was just written */
    assert_int_equal(resident(f, 0), PAGES);
    round_of(f);
    for (unsigned i = 0; i < 5; i++) {
        const uint64_t limit = f->ring[i].ring->limit;
        assert_in_range(resident(f, i), 0, 2);
        assert_int_equal(limit, (heads[i] + WIRE_RING_STEP) & ~(uint64_t)(WIRE_PAGE_WORDS - 1));
        assert_int_equal(f->ring[i].ring->tail, heads[i]);
        /* What was there one round earlier, before the limit. */
        if (heads[i] >= WIRE_RING_WORDS)
            check_kept(f, i, heads[i] - WIRE_RING_WORDS, limit - WIRE_RING_WORDS);
    }
}

static void unread(void **state)
{
    struct fixture *f = *state;
    const uint64_t tail = 2 * WIRE_RING_WORDS - 5000, head = 2 * WIRE_RING_WORDS + 3000;
    make_ring(f, 0, tail, head);
    round_of(f);
    round_of(f);
    assert_in_range(resident(f, 0), 8000 / WIRE_PAGE_WORDS, 8000 / WIRE_PAGE_WORDS + 4);
    check_kept(f, 0, tail, head);
}

/* A thread that will soon need all of it again. */
static void busy(void **state)
{
    struct fixture *f = *state;
    struct tracked_ring *r = make_ring(f, 0, 2 * WIRE_RING_WORDS, 2 * WIRE_RING_WORDS);
    for (unsigned i = 0; i < 3; i++) {
        round_of(f);
        r->tail = r->head = r->tail + WIRE_RING_WORDS / 2;
        r->ring->tail = r->ring->head = r->tail;
        r->ring->limit = r->head;
    }
    assert_int_equal(resident(f, 0), PAGES);
}

/* Only a little of it was ever used. */
static void small(void **state)
{
    struct fixture *f = *state;
    make_ring(f, 0, WIRE_RING_WINDOW, WIRE_RING_WINDOW);
    round_of(f);
    round_of(f);
    assert_int_equal(resident(f, 0), WIRE_RING_WINDOW / WIRE_PAGE_WORDS);
}

/* A limit that is impossible, or is being changed, is left alone, and so is the memory. */
static void nonsense(void **state)
{
    struct fixture *f = *state;
    const uint64_t at = 5 * WIRE_RING_WORDS + 99;
    const uint64_t limits[] = {at - 1, 0, at + WIRE_RING_WORDS + 1, WIRE_RING_HELD - 1, at | WIRE_RING_HELD};
    for (unsigned i = 0; i < 5; i++)
        make_ring(f, i, at, at)->ring->limit = limits[i];
    round_of(f);
    round_of(f);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(f->ring[i].ring->limit, limits[i]);
        assert_int_equal(resident(f, i), PAGES);
    }
}

static void many(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < RINGS; i++)
        make_ring(f, i, WIRE_RING_WORDS, WIRE_RING_WORDS);
    round_of(f);
    f->now_ns += SECOND;
    assert_true(trim_rings(&f->tracker, f->now_ns)); /* not all at once: rings fill up meanwhile */
    assert_int_equal(resident(f, RINGS - 1), PAGES);
    while (trim_rings(&f->tracker, f->now_ns)) {
    }
    for (unsigned i = 0; i < RINGS; i++)
        assert_in_range(resident(f, i), 0, 2);
    assert_false(trim_rings(&f->tracker, f->now_ns));
}

/* A free slot keeps no more than a quiet thread's. */
static void released(void **state)
{
    struct fixture *f = *state;
    struct tracked_ring *r = make_ring(f, 0, WIRE_RING_WORDS + 5, WIRE_RING_WORDS + 5);
    trim_released(&f->tracker, r);
    assert_in_range(resident(f, 0), 0, 1);
}

static void follow(void **state)
{
    struct fixture *f = *state;
    struct tracked_ring *r = make_ring(f, 0, 3000, 3000);
    r->ring->begin = WIRE_RING_WORDS; /* its head is not written yet */
    trim_follow(r);
    assert_int_equal(r->tail, 3000);
    r->head = WIRE_RING_WORDS + 2;
    trim_follow(r);
    assert_int_equal(r->tail, WIRE_RING_WORDS);
    r->tail += 2;
    trim_follow(r);
    assert_int_equal(r->tail, WIRE_RING_WORDS + 2);
    r->ring->begin = 1ull << 62;
    trim_follow(r);
    assert_int_equal(r->tail, WIRE_RING_WORDS + 2);
    /* It had used more than a window before it started over. */
    r->ring->limit = r->tail;
    round_of(f);
    round_of(f);
    assert_in_range(resident(f, 0), 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(quiet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(busy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(small, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nonsense, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(released, set_up, tear_down),
        cmocka_unit_test_setup_teardown(follow, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
