/* test_python_keys.c - how many names instances share, read from memory that may hold anything. */
#include "python_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEYS_AT 880u
#define V3_10 (3u << 8 | 10)
#define V3_12 (3u << 8 | 12)

enum { BLOCK = 0x1000, CLASS = 0x2000, NAME = 0x3000, TABLE = 0x4000, PIECE = 0x1000, END = 0x5000 };

/* A process: nothing else is there. */
static struct {
    unsigned char bytes[END];
    unsigned reads;
    unsigned change_at; /* the read before which the instance becomes one of another class; 0 = it does not */
} memory;

static void put(uint64_t at, uint64_t word)
{
    memcpy(memory.bytes + at, &word, sizeof word);
}

static bool read_it(void *data, uint64_t address, void *to, size_t size)
{
    (void)data;
    if (++memory.reads == memory.change_at)
        put(BLOCK + 24, CLASS + 8);
    if (address < PIECE || address >= END || size > END - address)
        return false;
    memcpy(to, memory.bytes + address, size);
    return true;
}

static struct python_keys keys_of(const char *module, const char *name, uint32_t version, uint32_t at,
                                  int64_t dict_offset)
{
    const size_t sizes[] = {strlen(module) + 1, strlen(name) + 1};
    struct wire_note_object_type *type = calloc(1, sizeof *type + sizes[0] + sizes[1]);
    type->headers = 16;
    type->heap = 1;
    type->version = version;
    type->keys = at;
    type->basic_size = 32;
    type->dict_offset = dict_offset;
    type->module_size = (uint32_t)sizes[0];
    type->name_size = (uint32_t)sizes[1];
    memcpy(type->text, module, sizes[0]);
    memcpy(type->text + sizes[0], name, sizes[1]);
    struct python_keys keys = python_keys(type);
    free(type);
    return keys;
}

/* An instance of shop.Outer.Item that shares three names. */
static struct python_keys fill(uint32_t version)
{
    memset(&memory, 0, sizeof memory);
    put(BLOCK + 24, CLASS);
    put(CLASS + 24, NAME);
    put(CLASS + 32, 32);
    put(CLASS + 288, 16);
    put(CLASS + KEYS_AT, TABLE);
    strcpy((char *)memory.bytes + NAME, "Item");
    if (version < (3u << 8 | 11)) {
        put(TABLE + 8, 8);
        put(TABLE + 32, 3);
    } else {
        memory.bytes[TABLE + 8] = 5;
        memory.bytes[TABLE + 10] = 2;
        put(TABLE + 24, 3);
    }
    return keys_of("shop", "Outer.Item", version, KEYS_AT, 16);
}

static int64_t look(const struct python_keys *keys)
{
    memory.reads = 0;
    int64_t found = python_keys_read(keys, BLOCK, read_it, NULL);
    assert_true(memory.reads <= PYTHON_KEYS_READS);
    return found;
}

static void numbers(void **state)
{
    const uint32_t versions[] = {3u << 8 | 8, V3_10, V3_12};
    (void)state;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        struct python_keys keys = fill(versions[i]);
        assert_int_equal(look(&keys), 3);
        put(TABLE + (keys.has_kind ? 24 : 32), 0);
        assert_int_equal(look(&keys), 0);
    }
}

/* Each word that is not as it should be makes the number unknown. */
static void another_class(void **state)
{
    static const struct {
        uint64_t at, word;
    } wrong[] = {{BLOCK + 24, 0},       {BLOCK + 24, CLASS + 8},
                 {BLOCK + 24, END - 8}, {BLOCK + 24, UINT64_MAX},
                 {CLASS + 24, 0},       {CLASS + 24, NAME + 1},
                 {CLASS + 24, END - 2}, {CLASS + 32, 40},
                 {CLASS + 40, 8},       {CLASS + 288, 24},
                 {NAME, 0x736d657449},  {CLASS + KEYS_AT, 0},
                 {TABLE + 24, 33},      {CLASS + KEYS_AT, END - 39},
                 {TABLE + 8, 5},        {TABLE + 8, 0x010005},
                 {TABLE + 8, 0x020040}, {CLASS + KEYS_AT, UINT64_MAX - 8},
                 {TABLE + 24, ~2ull}};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct python_keys keys = fill(V3_12);
        put(wrong[i].at, wrong[i].word);
        assert_int_equal(look(&keys), -1);
    }
    for (uint64_t size = 0; size < 8; size++) { /* up to 3.10 */
        struct python_keys keys = fill(V3_10);
        put(TABLE + 32, size == 0 ? 9 : 1ull << (8 * size));
        assert_int_equal(look(&keys), -1);
        put(TABLE + 8, UINT64_MAX - size);
        assert_int_equal(look(&keys), -1);
    }
}

/* The instance has gone meanwhile, and another is in its place. */
static void changes(void **state)
{
    (void)state;
    for (unsigned at = 1; at <= PYTHON_KEYS_READS; at++) {
        struct python_keys keys = fill(V3_12);
        memory.change_at = at;
        assert_int_equal(look(&keys), -1);
    }
}

static void types(void **state)
{
    (void)state;
    assert_int_equal(fill(V3_12).at, KEYS_AT);
    assert_int_equal(keys_of("", "shop.Item", V3_12, KEYS_AT, 16).name_size, sizeof "shop.Item");
    assert_int_equal(keys_of("shop", "Item", V3_12, KEYS_AT, 0).at, 0); /* no dict */
    /* Whatever a stranger says: */
    const uint32_t at[] = {0, 8, 288, KEYS_AT + 1, 1024, UINT32_MAX};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        assert_int_equal(keys_of("shop", "Item", V3_12, at[i], 16).at, 0);
    char name[400];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(keys_of("shop", name, V3_12, KEYS_AT, 16).at, 0);
}

/* Words that are mostly addresses of such memory. */
static void anything(void **state)
{
    uint64_t x = 88172645463325252ull;
    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        struct python_keys keys = fill(round % 2 ? V3_10 : V3_12);
        for (unsigned i = 0; i < 1 + round % 40; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            uint64_t at = PIECE + x % (END - PIECE - 8);
            put(round % 3 ? at & ~7ull : CLASS + at % 1024, round % 5 ? x % (2 * END) : x);
        }
        int64_t found = look(&keys);
        assert_true(found >= -1 && found <= 1 << 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers), cmocka_unit_test(another_class),
                                       cmocka_unit_test(changes), cmocka_unit_test(types),
                                       cmocka_unit_test(anything)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
