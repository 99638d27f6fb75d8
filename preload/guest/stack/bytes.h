/* bytes.h - reads a range of bytes one after the other, and never outside of it. */
#ifndef LIBTRACE_BYTES_H
#define LIBTRACE_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *at, *end;
    bool short_of; /* a read went past the end; it and later ones gave 0 */
};

static inline const uint8_t *bytes_take(struct bytes *b, uint64_t size)
{
    if (size > (uint64_t)(b->end - b->at)) {
        b->at = b->end;
        b->short_of = true;
        return NULL;
    }
    b->at += size;
    return b->at - size;
}

static inline uint64_t bytes_unsigned(struct bytes *b, unsigned size)
{
    uint64_t value = 0;
    const uint8_t *at = bytes_take(b, size);
    if (at)
        memcpy(&value, at, size);
    return value;
}

static inline int64_t bytes_signed(struct bytes *b, unsigned size)
{
    unsigned unused = 64 - 8 * size;
    return (int64_t)(bytes_unsigned(b, size) << unused) >> unused;
}

static inline uint64_t bytes_uleb(struct bytes *b)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint64_t byte = bytes_unsigned(b, 1);
        if (shift < 64)
            value |= (byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
}

static inline int64_t bytes_sleb(struct bytes *b)
{
    uint64_t value = 0;
    for (unsigned shift = 0;;) {
        uint64_t byte = bytes_unsigned(b, 1);
        if (shift < 64)
            value |= (byte & 0x7f) << shift;
        shift += 7;
        if (!(byte & 0x80)) {
            if (shift < 64 && byte & 0x40)
                value |= ~0ull << shift;
            return (int64_t)value;
        }
    }
}

/* Takes the next size bytes. */
static inline struct bytes bytes_part(struct bytes *b, uint64_t size)
{
    const uint8_t *at = bytes_take(b, size);
    return at ? (struct bytes){at, at + size, false} : (struct bytes){b->end, b->end, true};
}

#endif
