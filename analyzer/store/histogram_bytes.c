/* histogram_bytes.c - counts by power of two as a few bytes: (class, count) pairs of LEB128 numbers. */
#include "store.h"

#include <errno.h>
#include <string.h>

static size_t put(uint8_t *out, uint64_t value)
{
    size_t n = 0;

    while (value >= 0x80) {
        out[n++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[n++] = (uint8_t)value;
    return n;
}

/* Returns the bytes used; 0 if the number is cut off or does not fit in 64 bits. */
static size_t get(const uint8_t *data, size_t size, uint64_t *value)
{
    *value = 0;
    for (size_t n = 0; n < size && n < 10; n++) {
        if (n == 9 && data[n] > 1)
            return 0;
        *value |= (uint64_t)(data[n] & 0x7f) << (7 * n);
        if ((data[n] & 0x80) == 0)
            return n + 1;
    }
    return 0;
}

size_t store_histogram_encode(const uint64_t counts[STORE_HISTOGRAM_CLASSES], uint8_t *out)
{
    size_t n = 0;

    for (unsigned class = 0; class < STORE_HISTOGRAM_CLASSES; class ++) {
        if (counts[class] == 0)
            continue;
        n += put(out + n, class);
        n += put(out + n, counts[class]);
    }
    return n;
}

int store_histogram_decode(const void *data, size_t size, uint64_t counts[STORE_HISTOGRAM_CLASSES])
{
    const uint8_t *p = data;
    uint64_t class, count;

    memset(counts, 0, STORE_HISTOGRAM_CLASSES * sizeof counts[0]);
    while (size > 0) {
        size_t n = get(p, size, &class);
        size_t m = n > 0 ? get(p + n, size - n, &count) : 0;

        if (m == 0 || class >= STORE_HISTOGRAM_CLASSES)
            return -EINVAL;
        counts[class] += count;
        p += n + m;
        size -= n + m;
    }
    return 0;
}
