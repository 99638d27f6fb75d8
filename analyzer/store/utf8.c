/* utf8.c - names come from anywhere; only UTF-8 is stored. */
#include "store_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Length of the well-formed UTF-8 sequence at p (Unicode 15, table 3-7), 0 = none. */
static size_t sequence(const unsigned char *p)
{
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    size_t length = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;

    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((p[i] & 0xc0) != 0x80) /* stops at the NUL too */
            return 0;
    return length;
}

static const char *first_bad(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t length;

    while (*p != 0) {
        if ((length = sequence(p)) == 0)
            return (const char *)p;
        p += length;
    }
    return NULL;
}

/* A malloc'ed copy with U+FFFD for each bad byte. */
static char *repair(const char *text, const char *bad)
{
    char *copy = malloc(strlen(text) * 3 + 1), *out = copy;

    if (copy == NULL)
        return NULL;
    memcpy(out, text, (size_t)(bad - text));
    out += bad - text;
    for (const char *p = bad; *p != '\0';) {
        size_t length = sequence((const unsigned char *)p);

        if (length == 0) {
            memcpy(out, "\xef\xbf\xbd", 3);
            out += 3;
            p++;
        } else {
            memcpy(out, p, length);
            out += length;
            p += length;
        }
    }
    *out = '\0';
    return copy;
}

int store_text_is_fine(const char *text)
{
    return first_bad(text) == NULL;
}

char *store_text_repaired(const char *text)
{
    const char *bad = first_bad(text);

    return repair(text, bad != NULL ? bad : text + strlen(text));
}

int store_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    if (text == NULL)
        return sqlite3_bind_null(statement, index);
    const char *bad = first_bad(text);

    if (bad == NULL)
        return sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
    char *copy = repair(text, bad);

    return copy != NULL ? sqlite3_bind_text(statement, index, copy, -1, free) : SQLITE_NOMEM;
}

void store_build_id_hex(const uint8_t *build_id, size_t size, char hex[STORE_BUILD_ID_HEX])
{
    hex[0] = '\0';
    for (size_t i = 0; i < size && 2 * i + 2 < STORE_BUILD_ID_HEX; i++)
        snprintf(hex + 2 * i, 3, "%02x", build_id[i]);
}
