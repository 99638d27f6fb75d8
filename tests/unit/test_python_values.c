/* test_python_values.c - what of an object of Python is its value, and which blocks are no objects. */
#include "python_values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct python_value value_of(const char *module, const char *name, uint32_t headers, int64_t basic)
{
    const size_t sizes[] = {strlen(module) + 1, strlen(name) + 1};
    struct wire_note_object_type *type = calloc(1, sizeof *type + sizes[0] + sizes[1]);
    type->headers = headers;
    type->basic_size = basic;
    type->module_size = (uint32_t)sizes[0];
    type->name_size = (uint32_t)sizes[1];
    memcpy(type->text, module, sizes[0]);
    memcpy(type->text + sizes[0], name, sizes[1]);
    struct python_value value = python_value(type);
    free(type);
    return value;
}

static void test_types(void **state)
{
    (void)state;
    assert_true(value_of("", "str", 0, 64).known);
    assert_true(value_of("builtins", "bytes", 0, 33).known);
    assert_true(value_of("builtins", "tuple", 16, 24).known);
    assert_false(value_of("builtins", "list", 16, 40).known);
    assert_true(value_of("", "float", 0, 24).known);
    assert_true(value_of("builtins", "int", 0, 24).known);
    assert_false(value_of("", "complex", 0, 32).known);
    assert_false(value_of("numpy", "float", 0, 24).known);
    assert_false(value_of("shop", "str", 0, 64).known);
    assert_false(value_of("builtins", "tuple.str", 0, 64).known);
    assert_true(value_of("builtins", "tuple", UINT32_MAX, INT64_MAX).known); /* whatever a stranger says */
}

/* The bytes of a block that are no part of it become zeroes, and no others. */
static void assert_left_out(struct python_value value, uint64_t references_at, size_t size,
                            const char *left_out)
{
    unsigned char block[64];
    const uint64_t references = 3;
    memset(block, 'v', sizeof block);
    memcpy(block + references_at, &references, sizeof references);
    assert_true(python_value_only(&value, block, size));
    for (size_t i = 0; i < sizeof block; i++)
        assert_int_equal(block[i], i < strlen(left_out) && left_out[i] == '0' ? 0 : 'v');
}

static void test_left_out(void **state)
{
    const struct python_value text = value_of("", "str", 0, 64), bytes = value_of("", "bytes", 0, 33),
                              number = value_of("", "float", 0, 24), tuple = value_of("", "tuple", 16, 24),
                              hashed = value_of("", "tuple", 16, 32);
    (void)state;
    assert_left_out(text, 0, 60, "00000000vvvvvvvvvvvvvvvv0000000000000000");
    assert_left_out(text, 0, 30, "00000000vvvvvvvvvvvvvvvv000000");
    assert_left_out(bytes, 0, 60, "00000000vvvvvvvvvvvvvvvv00000000");
    assert_left_out(number, 0, 24, "00000000");
    assert_left_out(tuple, 16, 60, "000000000000000000000000");
    assert_left_out(hashed, 16, 60, "000000000000000000000000vvvvvvvvvvvvvvvv00000000");
}

static void assert_object(uint64_t references, bool is)
{
    const struct python_value value = value_of("", "tuple", 16, 24);
    unsigned char block[40] = {0};
    memcpy(block + 16, &references, sizeof references);
    block[39] = 1;
    assert_int_equal(python_value_only(&value, block, sizeof block), is);
    assert_int_equal(block[39], 1);
}

static void test_objects(void **state)
{
    const struct python_value value = value_of("", "tuple", 16, 24);
    unsigned char block[23] = {1};
    (void)state;
    assert_object(1, true);
    assert_object(UINT32_MAX, true);             /* as good as never freed, 3.12 and 3.13 */
    assert_object(0x00040000c0000000ull, true);  /* and 3.14 */
    assert_object(0, false);                     /* kept for later, the last one in 3.14 */
    assert_object(0x00007f1234567890ull, false); /* and another one */
    assert_false(python_value_only(&value, block, sizeof block));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_types), cmocka_unit_test(test_left_out),
                                       cmocka_unit_test(test_objects)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
