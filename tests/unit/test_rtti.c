/* test_rtti.c - the class of an object by its vtable: in memory that the test lays out as compilers do, and in the same
 * memory with anything else in it. */
#include "rtti.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define BASE 0x7f0000001000ull /* address of the memory */
#define WORDS 512

static uint64_t memory[WORDS];
static unsigned used, reads;

static bool read_memory(void *data, uint64_t address, void *to, size_t size)
{
    (void)data;
    reads++;
    if (address < BASE || address > BASE + sizeof memory || size > BASE + sizeof memory - address)
        return false;
    memcpy(to, (const char *)memory + (address - BASE), size);
    return true;
}

/* Each returns the address of what it adds. */
static uint64_t words(unsigned count, const uint64_t *list)
{
    uint64_t at = BASE + used * 8;
    assert_true(used + count <= WORDS);
    memcpy(memory + used, list, count * 8);
    used += count;
    return at;
}

static uint64_t text(const char *text)
{
    uint64_t copy[64] = {0};
    assert_true(strlen(text) < sizeof copy);
    strcpy((char *)copy, text);
    return words((unsigned)strlen(text) / 8 + 1, copy);
}

static uint64_t vtable(int64_t offset_to_top, uint64_t type_info)
{
    return words(3, (uint64_t[]){(uint64_t)offset_to_top, type_info, 1}) + 16;
}

static uint64_t class_kind, single_kind, several_kind; /* vtables of type_infos */

/* Type_infos are themselves objects of classes that are derived from one base. */
static void lay_out(void)
{
    memset(memory, 0, sizeof memory);
    used = reads = 0;
    uint64_t names[] = {text("N10__cxxabiv117__class_type_infoE"),
                        text("N10__cxxabiv120__si_class_type_infoE"),
                        text("N10__cxxabiv121__vmi_class_type_infoE")};
    uint64_t infos[3];
    for (int i = 0; i < 3; i++)
        infos[i] = words(3, (uint64_t[]){0, names[i], 0});
    class_kind = vtable(0, infos[0]);
    single_kind = vtable(0, infos[1]);
    several_kind = vtable(0, infos[2]);
    for (int i = 0; i < 3; i++)
        memory[(infos[i] - BASE) / 8] = single_kind;
}

static uint64_t class(const char *name)
{
    return words(2, (uint64_t[]){class_kind, text(name)});
}

static uint64_t derived(const char *name, uint64_t base)
{
    return words(3, (uint64_t[]){single_kind, text(name), base});
}

static uint64_t of_two(const char *name, uint64_t a, uint64_t b)
{
    return words(7, (uint64_t[]){several_kind, text(name), 2ull << 32, a, 2, b, 0x1002});
}

/* The names, with blanks between them. */
static const char *names(const struct rtti *rtti)
{
    static char shown[RTTI_ROOM];
    memcpy(shown, rtti->names, rtti->size);
    for (size_t i = 0; i + 1 < rtti->size; i++)
        if (!shown[i])
            shown[i] = ' ';
    return shown;
}

static void assert_class(uint64_t vtable, const char *expected)
{
    struct rtti rtti;
    assert_int_equal(rtti_look(read_memory, NULL, vtable, &rtti), RTTI_CLASS);
    assert_string_equal(names(&rtti), expected);
}

static void assert_result(uint64_t vtable, enum rtti_result result)
{
    struct rtti rtti;
    assert_int_equal(rtti_look(read_memory, NULL, vtable, &rtti), result);
}

static void classes(void **state)
{
    (void)state;
    lay_out();
    uint64_t shape = class("5Shape"), circle = derived("6Circle", shape), named = class("*5Named"),
             both = of_two("4Both", named, circle);
    assert_class(vtable(0, shape), "5Shape");
    assert_class(vtable(0, circle), "6Circle 5Shape");
    assert_class(vtable(0, both), "4Both *5Named 6Circle 5Shape");
    assert_result(vtable(0, 0), RTTI_UNNAMED);
    assert_result(vtable(-8, both), RTTI_NO); /* of a base that is not at the object's beginning */
    char name[600];
    memset(name, 'x', sizeof name);
    name[300] = '\0';
    assert_class(vtable(0, class(name)), name);
}

static void others(void **state)
{
    (void)state;
    lay_out();
    uint64_t shape = class("5Shape"), table = vtable(0, shape);
    assert_result(table + 4, RTTI_NO);
    assert_result(table + 8, RTTI_NO);
    assert_result(0, RTTI_NO);
    assert_result(8, RTTI_NO);
    assert_result(BASE + 8, RTTI_NO);
    assert_result(BASE + sizeof memory + 16, RTTI_NO);
    assert_result(UINT64_MAX - 7, RTTI_NO);
    assert_result(vtable(0, shape + 4), RTTI_NO);
    /* What looks like a type_info, but is an object of a class of the program. */
    assert_result(vtable(0, words(2, (uint64_t[]){table, text("4Fake")})), RTTI_NO);
    assert_result(vtable(0, class("")), RTTI_NO);
    assert_result(vtable(0, class("4\nBad")), RTTI_NO);
    assert_result(vtable(0, derived("6Circle", 0)), RTTI_NO);
    assert_result(vtable(0, of_two("4Both", shape, 8)), RTTI_NO);
    assert_result(vtable(0, words(3, (uint64_t[]){several_kind, text("4Many"), 1ull << 48})), RTTI_NO);
}

/* Bases in a circle, and many of them, do not take for ever. */
static void circles(void **state)
{
    (void)state;
    lay_out();
    uint64_t self = derived("4Self", 0);
    memory[(self - BASE) / 8 + 2] = self;
    assert_result(vtable(0, self), RTTI_NO);
    uint64_t wide = of_two("4Wide", 0, 0);
    memory[(wide - BASE) / 8 + 3] = memory[(wide - BASE) / 8 + 5] = wide;
    assert_result(vtable(0, wide), RTTI_NO);
    assert_true(reads < 10000);
}

/* Whatever is changed in it, the result is one of the three, and nothing else is read or written. */
static void anything(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252u;
    for (int round = 0; round < 20000; round++) {
        struct {
            struct rtti rtti;
            char behind[64];
        } room;
        lay_out();
        uint64_t shape = class("5Shape"), both = of_two("4Both", class("5Named"), derived("6Circle", shape));
        uint64_t table = vtable(0, both);
        for (int changes = round % 3 + 1; changes > 0; changes--) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            uint64_t value = random >> 60 < 8 ? BASE + (random >> 8) % (sizeof memory + 64) : random;
            memory[random % used] = value;
        }
        memset(room.behind, 'b', sizeof room.behind);
        enum rtti_result result = rtti_look(read_memory, NULL, table, &room.rtti);
        assert_true(result == RTTI_NO || result == RTTI_UNNAMED || result == RTTI_CLASS);
        if (result == RTTI_CLASS) {
            assert_in_range(room.rtti.size, 2, RTTI_ROOM);
            assert_int_equal(room.rtti.names[room.rtti.size - 1], 0);
        }
        for (size_t i = 0; i < sizeof room.behind; i++)
            assert_int_equal(room.behind[i], 'b');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(classes), cmocka_unit_test(others),
                                       cmocka_unit_test(circles), cmocka_unit_test(anything)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
