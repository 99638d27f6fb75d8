/* gzip.c - see gzip.h. */
#include "gzip.h"

#include <stdint.h>
#include <zlib.h>

int gzip_to(FILE *out, const void *data, size_t size)
{
    uint8_t buffer[1 << 16];
    z_stream z = {.next_in = (Bytef *)data};
    size_t left = size;
    int result = deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);

    while (result == Z_OK) {
        if (z.avail_in == 0) {
            z.avail_in = left > 1 << 30 ? 1 << 30 : (uInt)left;
            left -= z.avail_in;
        }
        z.next_out = buffer;
        z.avail_out = sizeof buffer;
        result = deflate(&z, left == 0 ? Z_FINISH : Z_NO_FLUSH);
        fwrite(buffer, 1, sizeof buffer - z.avail_out, out);
    }
    deflateEnd(&z);
    return result == Z_STREAM_END;
}
