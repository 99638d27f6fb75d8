/* test_protobuf.c - the writer of protocol buffers, byte by byte, against the examples of their documentation and the
 * edges of its numbers. */
#include "protobuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void assert_bytes(struct protobuf *m, const char *bytes, size_t size)
{
    assert_int_equal(m->size, size);
    assert_memory_equal(m->data, bytes, size);
    free(m->data);
    *m = (struct protobuf){0};
}
#define ASSERT_BYTES(m, text) assert_bytes(m, text, sizeof(text) - 1)

static void numbers(void **state)
{
    struct protobuf m = {0};

    (void)state;
    protobuf_number(&m, 1, 150);
    ASSERT_BYTES(&m, "\x08\x96\x01");
    protobuf_number(&m, 1, 127);
    protobuf_number(&m, 15, 128);
    protobuf_number(&m, 16, 1);
    ASSERT_BYTES(&m, "\x08\x7f\x78\x80\x01\x80\x01\x01");
    protobuf_number(&m, 2, UINT64_MAX); /* -1 as int32 or int64 */
    ASSERT_BYTES(&m, "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    protobuf_number(&m, 3, 0);
    protobuf_fixed64(&m, 3, 0);
    assert_int_equal(m.size, 0); /* as a reader takes it anyway */
    protobuf_fixed64(&m, 3, 0x0102030405060708);
    ASSERT_BYTES(&m, "\x19\x08\x07\x06\x05\x04\x03\x02\x01");
}

static void texts(void **state)
{
    struct protobuf m = {0}, inner = {0};

    (void)state;
    protobuf_text(&m, 2, "testing");
    ASSERT_BYTES(&m, "\x12\x07testing");
    protobuf_text(&m, 2, ""); /* an entry of a list, so it is written */
    ASSERT_BYTES(&m, "\x12\x00");
    protobuf_varint(&inner, 3);
    protobuf_varint(&inner, 270);
    protobuf_varint(&inner, 86942);
    protobuf_message(&m, 6, &inner);
    ASSERT_BYTES(&m, "\x32\x06\x03\x8e\x02\x9e\xa7\x05");
    assert_int_equal(inner.size, 0);
    protobuf_number(&inner, 1, 150);
    protobuf_message(&m, 3, &inner);
    free(inner.data);
    ASSERT_BYTES(&m, "\x1a\x03\x08\x96\x01");
}

static void grows(void **state)
{
    struct protobuf m = {0};
    char block[1000];

    (void)state;
    memset(block, 'x', sizeof block);
    for (size_t i = 0; i < 1000; i++)
        protobuf_data(&m, 1, block, i);
    assert_int_equal(m.size, 999 * 1000 / 2 + 128 * 2 + 872 * 3);
    for (size_t i = 0, at = 0; i < 1000; i++) {
        assert_int_equal(m.data[at], 1 << 3 | 2);
        at += 2 + (i >= 128) + i;
        assert_true(at == m.size || i < 999);
    }
    free(m.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(texts),
        cmocka_unit_test(grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
