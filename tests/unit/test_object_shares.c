/* test_object_shares.c - what looks at some blocks say of all of them. */
#include "object_shares.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static bool all_fit(const void *data, uint32_t type)
{
    (void)data;
    return type != 0;
}

static bool is_not(const void *data, uint32_t type)
{
    return type != *(const uint32_t *)data;
}

/* The parts as "type:start+seen ...". */
static const char *parts(const char *looks, bool (*fits)(const void *data, uint32_t type), const void *data)
{
    static char text[512];
    struct object_shares shares = {0};
    struct object_part list[OBJECT_PARTS];
    for (const char *look = looks; *look; look++)
        object_shares_add(&shares, (uint32_t)(*look - '0'));
    assert_int_equal(shares.looks, strlen(looks));
    unsigned count = object_shares_divide(&shares, fits, data, list);
    text[0] = '\0';
    for (unsigned i = 0; i < count; i++)
        sprintf(text + strlen(text), "%s%u:%u+%u", i ? " " : "", list[i].type, list[i].start, list[i].seen);
    return text;
}

static void divided(void **state)
{
    const uint32_t two = 2;
    (void)state;
    assert_string_equal(parts("", all_fit, NULL), "");
    assert_string_equal(parts("000", all_fit, NULL), "");
    assert_string_equal(parts("111", all_fit, NULL), "1:0+3");
    assert_string_equal(parts("2112", all_fit, NULL), "2:0+2 1:2+2");
    assert_string_equal(parts("0102", all_fit, NULL), "1:0+1 2:1+1 0:2+2");
    assert_string_equal(parts("2131", is_not, &two),
                        "1:0+2 3:2+1 0:3+1"); /* what does not fit is in the rest */
    assert_string_equal(parts("222", is_not, &two), "");
}

/* More classes than there is room for are in the rest; those that are known keep their places. */
static void many(void **state)
{
    struct object_shares shares = {0};
    struct object_part list[OBJECT_PARTS];
    (void)state;
    for (uint32_t round = 0; round < 3; round++)
        for (uint32_t type = 1; type <= OBJECT_CLASSES + 5; type++)
            object_shares_add(&shares, type);
    assert_int_equal(object_shares_divide(&shares, all_fit, NULL, list), OBJECT_PARTS);
    for (uint32_t i = 0; i < OBJECT_CLASSES; i++) {
        assert_int_equal(list[i].type, i + 1);
        assert_int_equal(list[i].start, 3 * i);
        assert_int_equal(list[i].seen, 3);
    }
    assert_int_equal(list[OBJECT_CLASSES].type, 0);
    assert_int_equal(list[OBJECT_CLASSES].start, 3 * OBJECT_CLASSES);
    assert_int_equal(list[OBJECT_CLASSES].seen, 3 * 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(divided), cmocka_unit_test(many)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
