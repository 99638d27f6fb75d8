/* page_pack.c - packs numbers into text: LEB128, as in protocol buffers, in base 64. */
#include "page.h"

#include <stdlib.h>

static void put(struct pack *pack, uint8_t byte)
{
    uint8_t *to = profile_grow(&pack->data, &pack->size, 1);

    *to = byte;
}

void pack_number(struct pack *pack, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        put(pack, (uint8_t)(value | 0x80));
    put(pack, (uint8_t)value);
}

void pack_signed(struct pack *pack, int64_t value)
{
    pack_number(pack, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

void pack_json(struct pack *pack, struct json *json, const char *key)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc(pack->size / 3 * 4 + 5), *out = text;

    for (size_t i = 0; i < pack->size; i += 3) {
        size_t left = pack->size - i;
        uint32_t three = (uint32_t)pack->data[i] << 16 | (left > 1 ? (uint32_t)pack->data[i + 1] << 8 : 0) |
                         (left > 2 ? pack->data[i + 2] : 0);

        *out++ = digits[three >> 18];
        *out++ = digits[three >> 12 & 63];
        *out++ = left > 1 ? digits[three >> 6 & 63] : '=';
        *out++ = left > 2 ? digits[three & 63] : '=';
    }
    *out = '\0';
    json_text(json, key, text);
    free(text);
    free(pack->data);
    *pack = (struct pack){0};
}
