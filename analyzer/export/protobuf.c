/* protobuf.c - see protobuf.h. */
#include "protobuf.h"

#include <stdlib.h>
#include <string.h>

enum { VARINT = 0, FIXED64 = 1, DELIMITED = 2 }; /* wire types: the lowest three bits of a field's key */

void protobuf_bytes(struct protobuf *m, const void *data, size_t size)
{
    if (size > m->room - m->size) {
        size_t room = (m->size + size) * 2 + 64;
        uint8_t *more = realloc(m->data, room);

        m->data = more;
        m->room = room;
    }
    if (size > 0)
        memcpy(m->data + m->size, data, size);
    m->size += size;
}

void protobuf_varint(struct protobuf *m, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;

    for (; value >= 0x80; value >>= 7)
        bytes[n++] = (uint8_t)(value | 0x80);
    bytes[n++] = (uint8_t)value;
    protobuf_bytes(m, bytes, n);
}

void protobuf_number(struct protobuf *m, unsigned field, uint64_t value)
{
    if (value == 0)
        return;
    protobuf_varint(m, field << 3 | VARINT);
    protobuf_varint(m, value);
}

void protobuf_fixed64(struct protobuf *m, unsigned field, uint64_t value)
{
    uint8_t bytes[8];

    if (value == 0)
        return;
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    protobuf_varint(m, field << 3 | FIXED64);
    protobuf_bytes(m, bytes, sizeof bytes);
}

void protobuf_data(struct protobuf *m, unsigned field, const void *data, size_t size)
{
    protobuf_varint(m, field << 3 | DELIMITED);
    protobuf_varint(m, size);
    protobuf_bytes(m, data, size);
}

void protobuf_text(struct protobuf *m, unsigned field, const char *text)
{
    protobuf_data(m, field, text, strlen(text));
}

void protobuf_message(struct protobuf *outer, unsigned field, struct protobuf *inner)
{
    protobuf_data(outer, field, inner->data, inner->size);
    inner->size = 0;
}
