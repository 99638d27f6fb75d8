/* formats.c - see formats.h. SQLite reads JSON; the rest is simple enough to be read here. */
#define _GNU_SOURCE
#include "formats.h"
#include "../../analyzer/html/page.h"
#include "text.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static int wrong(const char *what, const char *text, size_t at)
{
    fprintf(stderr, "formats: %s at byte %zu: '%.60s'\n", what, at, text + at);
    return 0;
}

/* The length of a UTF-8 character, 0 if it is none. */
static size_t character(const unsigned char *p, size_t left)
{
    size_t length = p[0] < 0x80   ? 1
                    : p[0] < 0xc2 ? 0
                    : p[0] < 0xe0 ? 2
                    : p[0] < 0xf0 ? 3
                    : p[0] < 0xf5 ? 4
                                  : 0;
    if (length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return length;
}

static int utf8(const char *text, size_t size)
{
    for (size_t at = 0, length; at < size; at += length)
        if ((length = character((const unsigned char *)text + at, size - at)) == 0)
            return wrong("not UTF-8", text, at);
    return 1;
}

int formats_json(const char *text, size_t size)
{
    static sqlite3 *db;
    static sqlite3_stmt *valid;
    if (!utf8(text, size))
        return 0;
    if (!db && (sqlite3_open(":memory:", &db) != SQLITE_OK ||
                sqlite3_prepare_v2(db, "SELECT json_valid(?)", -1, &valid, NULL) != SQLITE_OK))
        abort();
    sqlite3_bind_text(valid, 1, text, (int)size, SQLITE_STATIC);
    int is_valid = sqlite3_step(valid) == SQLITE_ROW && sqlite3_column_int(valid, 0);
    sqlite3_reset(valid);
    for (size_t i = 0; is_valid && i < size; i++)
        if ((unsigned char)text[i] < 0x20 && text[i] != '\n')
            return wrong("a control character in JSON", text, i);
    return is_valid ? 1 : wrong("not JSON", text, 0);
}

int formats_page(const char *text, size_t size)
{
    const char *middle = strstr(html_page, PAGE_DATA);
    if (!middle)
        return 1; /* built without the page */
    size_t before = (size_t)(middle - html_page), after = strlen(middle + strlen(PAGE_DATA));
    if (size < before + after || memcmp(text, html_page, before) != 0 ||
        memcmp(text + size - after, middle + strlen(PAGE_DATA), after) != 0)
        return wrong("not the page", text, 0);
    const char *less = memchr(text + before, '<', size - before - after);
    if (less)
        return wrong("'<' in the page's data", text, (size_t)(less - text));
    return formats_json(text + before, size - before - after);
}

int formats_csv(const char *text, size_t size)
{
    size_t at = 0, fields = 0, wanted = 0;
    if (!utf8(text, size))
        return 0;
    while (at < size) {
        fields++;
        if (text[at] == '"') {
            for (at++; at < size && (text[at] != '"' || text[at + 1] == '"'); at++)
                at += text[at] == '"';
            at++;
        } else {
            at += strcspn(text + at, ",\r\n\"");
        }
        if (text[at] == ',') {
            at++;
            continue;
        }
        if (strncmp(text + at, "\r\n", 2) != 0 || (wanted && fields != wanted))
            return wrong("a record of another length", text, at);
        wanted = fields;
        fields = 0;
        at += 2;
    }
    return 1;
}

int formats_folded(const char *text, size_t size)
{
    for (const char *line = text, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        const char *space = end ? memrchr(line, ' ', (size_t)(end - line)) : NULL;
        if (!space || space == line || space + 1 == end ||
            strspn(space + 1, "-0123456789") != (size_t)(end - space - 1))
            return wrong("not a stack and a number", text, (size_t)(line - text));
    }
    return formats_text(text, size);
}

int formats_text(const char *text, size_t size)
{
    if (strlen(text) != size)
        return wrong("a NUL", text, strlen(text));
    if (!utf8(text, size))
        return 0;
    for (const char *p = text; *p;) {
        const char *at = p;
        if (*at != '\n' && text_is_harmful(text_next(&p)))
            return wrong("a control character", text, (size_t)(at - text));
        p = *at == '\n' ? at + 1 : p;
    }
    return 1;
}

/* ---- protocol buffers ------------------------------------------------------------------------------ */

static int varint(const unsigned char **at, const unsigned char *end, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        uint64_t byte = *(*at)++;
        *value |= (byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return 1;
    }
    return 0;
}

/* Fields of varints and of bytes only; texts are field 6. */
static int message(const unsigned char *at, const unsigned char *end)
{
    const char *text = (const char *)at;
    while (at < end) {
        uint64_t tag, value;
        if (!varint(&at, end, &tag) || !varint(&at, end, &value))
            return wrong("a message is cut", text, 0);
        if (tag % 8 == 0)
            continue;
        if (tag % 8 != 2 || value > (uint64_t)(end - at))
            return wrong("not a message", text, 0);
        if (tag / 8 == 6 && !utf8((const char *)at, value))
            return 0;
        at += value;
    }
    return 1;
}

int formats_pprof(const char *text, size_t size)
{
    static unsigned char out[4 << 20];
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)text,
                  .avail_in = (unsigned)size,
                  .next_out = out,
                  .avail_out = sizeof out};
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        abort();
    int result = inflate(&z, Z_FINISH);
    size_t length = sizeof out - z.avail_out;
    inflateEnd(&z);
    if (result != Z_STREAM_END)
        return wrong("not gzip", text, 0);
    return message(out, out + length);
}
