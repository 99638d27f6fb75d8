/* test_expression.c - what DWARF expressions of call frame information come to, operation by operation (DWARF 5, 2.5.1), and that
 * nothing comes of broken ones.
 */
#include "expression.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* after the headers that it needs */
#include <cmocka.h>

/* The stack that expressions may read: nothing besides can be. */
static uint64_t words[4] = {0x1122334455667788, 0xfedcba9876543210, 3, 4};

bool extent_reach(struct extent *extent, uintptr_t address)
{
    (void)extent;
    (void)address;
    return false;
}

static struct extent stack_of_words(void)
{
    return (struct extent){.low = (uintptr_t)words, .high = (uintptr_t)(words + 4)};
}

#define FIRST 1000 /* what is on the expression's stack at its start */
#define SIX 40     /* what is in the register rbp, the only one that is known besides rsp */

static enum expression_result run(const uint8_t *code, unsigned length, uint64_t *value)
{
    static uint8_t all[300];
    static const uint64_t first = FIRST;
    struct registers r = {0};
    struct extent stack = stack_of_words();
    registers_set(&r, DWARF_RBP, SIX);
    registers_set(&r, DWARF_RSP, (uint64_t)(uintptr_t)words);
    all[0] = (uint8_t)length; /* below 128 */
    memcpy(all + 1, code, length);
    *value = 0;
    return expression_run((uintptr_t)all, (uintptr_t)(all + 1 + length), &r, &stack, &first, value);
}

struct expected {
    const char *what;
    uint64_t value;
    unsigned length;
    uint8_t code[16];
};
#define CODE(...)                     \
    sizeof((uint8_t[]){__VA_ARGS__}), \
    {                                 \
        __VA_ARGS__                   \
    }
#define MINUS(n) (-(uint64_t)(n))

static void operations(void **unused)
{
    (void)unused;
    static const struct expected all[] = {
        {"nothing", FIRST, 0, {0}},
        {"nop", FIRST, CODE(0x96)},
        {"addr", 0x0807060504030201, CODE(0x03, 1, 2, 3, 4, 5, 6, 7, 8)},
        {"const1u", 200, CODE(0x08, 200)},
        {"const1s", MINUS(56), CODE(0x09, 200)},
        {"const2u", 0x8001, CODE(0x0a, 1, 0x80)},
        {"const2s", MINUS(0x7fff), CODE(0x0b, 1, 0x80)},
        {"const4u", 0x80000001, CODE(0x0c, 1, 0, 0, 0x80)},
        {"const4s", MINUS(0x7fffffff), CODE(0x0d, 1, 0, 0, 0x80)},
        {"const8u", 0x8000000000000001, CODE(0x0e, 1, 0, 0, 0, 0, 0, 0, 0x80)},
        {"const8s", 0x8000000000000001, CODE(0x0f, 1, 0, 0, 0, 0, 0, 0, 0x80)},
        {"constu", 624485, CODE(0x10, 0xe5, 0x8e, 0x26)},
        {"consts", MINUS(123456), CODE(0x11, 0xc0, 0xbb, 0x78)},
        {"lit0", 0, CODE(0x30)},
        {"lit31", 31, CODE(0x4f)},
        {"dup", 2 * FIRST, CODE(0x12, 0x22)},
        {"drop", FIRST, CODE(0x35, 0x13)},
        {"over", FIRST, CODE(0x35, 0x14)},
        {"over keeps", FIRST + 5, CODE(0x35, 0x14, 0x22)},
        {"pick 0", 6, CODE(0x35, 0x36, 0x15, 0)},
        {"pick 2", FIRST, CODE(0x35, 0x36, 0x15, 2)},
        {"swap", 5 - 7ull, CODE(0x37, 0x35, 0x16, 0x1c)}, /* 7 5 -> 5 7 */
        {"rot: top", 6, CODE(0x35, 0x36, 0x37, 0x17)},    /* 5 6 7 -> 7 5 6 */
        {"rot: second", 5, CODE(0x35, 0x36, 0x37, 0x17, 0x13)},
        {"rot: third", 7, CODE(0x35, 0x36, 0x37, 0x17, 0x13, 0x13)},
        {"abs", 56, CODE(0x09, 200, 0x19)},
        {"abs of more", 56, CODE(0x08, 56, 0x19)},
        {"and", 8, CODE(0x3c, 0x3a, 0x1a)}, /* 12, 10 */
        {"minus", 2, CODE(0x3c, 0x3a, 0x1c)},
        {"mod", 2, CODE(0x3c, 0x35, 0x1d)},
        {"mod 0", 0, CODE(0x3c, 0x30, 0x1d)},
        {"mul", 120, CODE(0x3c, 0x3a, 0x1e)},
        {"neg", MINUS(12), CODE(0x3c, 0x1f)},
        {"not", ~12ull, CODE(0x3c, 0x20)},
        {"or", 14, CODE(0x3c, 0x3a, 0x21)},
        {"plus", 22, CODE(0x3c, 0x3a, 0x22)},
        {"plus_uconst", 12 + 128, CODE(0x3c, 0x23, 0x80, 0x01)},
        {"shl", 48, CODE(0x3c, 0x32, 0x24)},
        {"shl 63", 1ull << 63, CODE(0x31, 0x08, 63, 0x24)},
        {"shl 64", 0, CODE(0x31, 0x08, 64, 0x24)},
        {"shr", UINT64_MAX >> 4, CODE(0x09, 0xff, 0x34, 0x25)},
        {"shr 63", 1, CODE(0x09, 0xff, 0x08, 63, 0x25)},
        {"shr 64", 0, CODE(0x09, 0xff, 0x08, 64, 0x25)},
        {"shra", MINUS(2), CODE(0x09, 0xe0, 0x34, 0x26)},
        {"shra 64", UINT64_MAX, CODE(0x09, 0x80, 0x08, 64, 0x26)},
        {"xor", 6, CODE(0x3c, 0x3a, 0x27)},
        {"eq", 1, CODE(0x3c, 0x3c, 0x29)},
        {"not eq", 0, CODE(0x3c, 0x3a, 0x29)},
        {"ge", 1, CODE(0x3c, 0x3c, 0x2a)},
        {"not ge", 0, CODE(0x09, 0xff, 0x30, 0x2a)}, /* signed: -1 >= 0 */
        {"gt", 1, CODE(0x3c, 0x3a, 0x2b)},
        {"not gt", 0, CODE(0x3c, 0x3c, 0x2b)},
        {"le", 1, CODE(0x3c, 0x3c, 0x2c)},
        {"not le", 0, CODE(0x3c, 0x3a, 0x2c)},
        {"lt", 1, CODE(0x09, 0xff, 0x30, 0x2d)},
        {"not lt", 0, CODE(0x3c, 0x3c, 0x2d)},
        {"not lt, as it is more", 0, CODE(0x3c, 0x3a, 0x2d)},
        {"ne", 1, CODE(0x3c, 0x3a, 0x2e)},
        {"not ne", 0, CODE(0x3c, 0x3c, 0x2e)},
        {"skip", 5, CODE(0x35, 0x2f, 1, 0, 0x36)},
        {"skip to the end", 5, CODE(0x35, 0x2f, 0, 0)},
        {"bra", 5, CODE(0x35, 0x31, 0x28, 1, 0, 0x36)},
        {"no bra", 6, CODE(0x35, 0x30, 0x28, 1, 0, 0x36)},
        {"bra back", 0, CODE(0x34, 0x31, 0x1c, 0x12, 0x28, 0xfa, 0xff)}, /* 4, 3, 2, 1, 0 */
        {"breg6", SIX + 8, CODE(0x76, 8)},
        {"breg6, below", SIX - 8ull, CODE(0x76, 0x78)},
        {"bregx", SIX + 200, CODE(0x92, 6, 0xc8, 0x01)},
        {"deref", 0x1122334455667788, CODE(0x77, 0, 0x06)},
        {"deref further on", 0xfedcba9876543210, CODE(0x77, 8, 0x06)},
        {"deref the last", 4, CODE(0x77, 24, 0x06)},
        {"deref_size 1", 0x88, CODE(0x77, 0, 0x94, 1)},
        {"deref_size 2", 0x7788, CODE(0x77, 0, 0x94, 2)},
        {"deref_size 4", 0x76543210, CODE(0x77, 8, 0x94, 4)},
        {"deref_size 8", 3, CODE(0x77, 16, 0x94, 8)},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        uint64_t value;
        enum expression_result result = run(all[i].code, all[i].length, &value);
        if (result != EXPRESSION_VALUE || value != all[i].value)
            fail_msg("%s: %d, %llx instead of %llx", all[i].what, result, (unsigned long long)value,
                     (unsigned long long)all[i].value);
    }
}

static void broken(void **unused)
{
    (void)unused;
    static const struct expected all[] = {
        {"an operation that is none", 0, CODE(0xff)},
        {"fbreg", 0, CODE(0x91, 0)},
        {"a constant that ends", 0, CODE(0x0a, 1)},
        {"a number that ends", 0, CODE(0x10, 0x80)},
        {"nothing left", 0, CODE(0x13)},
        {"an operand less", 0, CODE(0x22)},
        {"pick too deep", 0, CODE(0x15, 1)},
        {"over nothing", 0, CODE(0x14)},
        {"skip too far", 0, CODE(0x2f, 1, 0)},
        {"skip too far back", 0, CODE(0x2f, 0xfc, 0xff)},
        {"skip without end", 0, CODE(0x2f, 0xfd, 0xff)},
        {"bregx of no register", 0, CODE(0x92, 17, 0)},
        {"deref below the stack", 0, CODE(0x77, 0x78, 0x06)},
        {"deref across its end", 0, CODE(0x77, 25, 0x06)},
        {"deref_size 0", 0, CODE(0x77, 0, 0x94, 0)},
        {"deref_size 9", 0, CODE(0x77, 0, 0x94, 9)},
    };
    uint64_t value;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (run(all[i].code, all[i].length, &value) != EXPRESSION_NOTHING)
            fail_msg("%s: %llx", all[i].what, (unsigned long long)value);
    assert_int_equal(run((const uint8_t[]){0x70, 0}, 2, &value), EXPRESSION_NEEDS); /* rax */
    /* Where nothing is on its stack at its start, too: the place of a frame. */
    static const uint8_t rax[] = {2, 0x70, 0};
    struct registers none = {0};
    struct extent stack = stack_of_words();
    uintptr_t at = (uintptr_t)rax;
    assert_int_equal(expression_run(at, at + 3, &none, &stack, NULL, &value), EXPRESSION_NEEDS);
}

/* As many values as there is room for, and one more. */
static void full(void **unused)
{
    (void)unused;
    uint8_t code[17];
    uint64_t value;
    memset(code, 0x37, sizeof code);
    assert_int_equal(run(code, 15, &value), EXPRESSION_VALUE);
    assert_int_equal(value, 7);
    assert_int_equal(run(code, 16, &value), EXPRESSION_NOTHING);
}

/* An expression that is longer than its section. */
static void longer(void **unused)
{
    (void)unused;
    static const uint8_t code[] = {2, 0x35, 0x36};
    struct registers r = {0};
    struct extent stack = stack_of_words();
    uint64_t value;
    uintptr_t at = (uintptr_t)code;
    assert_int_equal(expression_run(at, at + 3, &r, &stack, NULL, &value), EXPRESSION_VALUE);
    assert_int_equal(value, 6);
    assert_int_equal(expression_run(at, at + 2, &r, &stack, NULL, &value), EXPRESSION_NOTHING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations),
        cmocka_unit_test(broken),
        cmocka_unit_test(full),
        cmocka_unit_test(longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
