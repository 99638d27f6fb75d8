/* text.c - UTF-8 for terminals. */
#define _GNU_SOURCE
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define REPLACEMENT 0xfffdu
#define ELLIPSIS "\xe2\x80\xa6"

char *text_format(const char *format, va_list arguments)
{
    char *text;

    return vasprintf(&text, format, arguments) < 0 ? NULL : text;
}

char *text_make(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    char *text = text_format(format, arguments);

    va_end(arguments);
    return text;
}

uint32_t text_next(const char **text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)*text;
    unsigned length = p[0] < 0x80   ? 1
                      : p[0] < 0xc0 ? 0
                      : p[0] < 0xe0 ? 2
                      : p[0] < 0xf0 ? 3
                      : p[0] < 0xf8 ? 4
                                    : 0;
    uint32_t c = length == 1 ? p[0] : length > 1 ? p[0] & (0x7fu >> length) : 0;

    for (unsigned i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80) { /* a NUL ends it, too */
            length = 0;
            break;
        }
        c = c << 6 | (p[i] & 0x3f);
    }
    if (length == 0 || c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        *text += 1;
        return REPLACEMENT;
    }
    *text += length;
    return c;
}

int text_is_harmful(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xe0000 && c <= 0xe0fff);
}

char *text_harmless(const char *text)
{
    /* The longest escape of one byte is four characters; that of three bytes, six. */
    char *copy = malloc(strlen(text) * 4 + 16), *out = copy;

    for (const char *p = text; *p != '\0';) {
        const char *start = p;
        uint32_t c = text_next(&p);

        if (c == '\n' || c == '\t' || c == '\r')
            out += sprintf(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        else if (c == REPLACEMENT)
            out += sprintf(out, "\xef\xbf\xbd");
        else if (text_is_harmful(c))
            out += c < 0x80 ? sprintf(out, "^%c", (int)(c ^ 0x40)) /* as cat -v shows it: ^[ */
                            : sprintf(out, c < 0x10000 ? "\\u%04x" : "\\U%06x", c);
        else
            out = mempcpy(out, start, (size_t)(p - start));
    }
    *out = '\0';
    return copy;
}

static size_t columns_of(uint32_t c)
{
    int width = wcwidth((wchar_t)c);

    return width >= 0 ? (size_t)width : 1;
}

size_t text_width(const char *text)
{
    size_t width = 0;

    while (*text != '\0')
        width += columns_of(text_next(&text));
    return width;
}

char *text_cut(char *text, size_t columns, int at_beginning)
{
    size_t width = text_width(text), kept = 0;
    const char *p = text;

    if (width <= columns)
        return text;
    if (at_beginning) {
        while (width > (columns > 0 ? columns - 1 : 0))
            width -= columns_of(text_next(&p));
        /* Cut a path between folders, if enough of it is left. */
        const char *folder = columns > 0 ? strchr(p, '/') : NULL;

        if (folder != NULL && text_width(folder) * 2 >= columns)
            p = folder;
        /* At least one character is cut, and the ellipsis needs three bytes. */
        char *cut = malloc(strlen(p) + sizeof ELLIPSIS);

        sprintf(cut, "%s%s", columns > 0 ? ELLIPSIS : "", p);
        free(text);
        return cut;
    }
    for (const char *end = p; *end != '\0'; p = end) {
        kept += columns_of(text_next(&end));
        if (kept + 1 > columns)
            break;
    }
    size_t keep = (size_t)(p - text);
    char *cut = realloc(text, strlen(text) + sizeof ELLIPSIS);

    strcpy(cut + keep, columns > 0 ? ELLIPSIS : "");
    return cut;
}

/* Bytes of the next word, or of the part of it that a line has room for; *width: its columns. */
static size_t next_word(const char *text, size_t room, size_t *width)
{
    const char *end = text;

    *width = 0;
    while (*end != '\0' && *end != ' ') {
        const char *next = end;
        size_t columns = columns_of(text_next(&next));

        if (*width > 0 && *width + columns > room)
            break;
        *width += columns;
        end = next;
    }
    return (size_t)(end - text);
}

void text_wrap(FILE *out, const char *text, size_t columns, size_t indent)
{
    size_t at = 0, width;

    for (int cut = 0; *text != '\0';) {
        size_t length = next_word(text, columns > indent ? columns - indent : SIZE_MAX, &width);

        if (cut || (at > indent && columns > 0 && at + 1 + width > columns))
            at = (size_t)fprintf(out, "\n%*s", (int)indent, "") - 1;
        else if (at > 0) {
            putc(' ', out);
            at++;
        }
        fwrite(text, 1, length, out);
        at += width;
        text += length;
        cut = *text != '\0' && *text != ' ';
        text += *text == ' ';
    }
    putc('\n', out);
}

const char *text_basename(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}
