/* json.c - RFC 8259, indented by one space a level, so that people can read it and diffs show single
 * lines. */
#include "json.h"
#include "text.h"

#include <math.h>
#include <string.h>

/* Writes a character that cannot stand in a string by itself. */
static void escape(FILE *out, uint32_t c)
{
    if (c == '"' || c == '\\')
        fprintf(out, "\\%c", (int)c);
    else if (c == '\n')
        fputs("\\n", out);
    else if (c == '\t')
        fputs("\\t", out);
    else if (c == 0xfffd)
        fputs("\xef\xbf\xbd", out);
    else if (c >= 0x10000)
        fprintf(out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + ((c - 0x10000) & 0x3ff));
    else
        fprintf(out, "\\u%04x", c);
}

/* Bytes that a text takes in a string; an upper bound. */
static size_t size_of(const char *text)
{
    size_t size = 0;

    while (*text != '\0') {
        const char *start = text;
        uint32_t c = text_next(&text);

        size +=
            (size_t)(text - start) + (c == '"' || c == '\\' || c == 0xfffd || text_is_harmful(c) ? 11 : 0);
    }
    return size;
}

/* Cuts a path at its beginning so that it fits: the end of a path says more. */
static const char *cut_path(const char *path, size_t longest)
{
    while (longest > 0 && size_of(path) > longest)
        for (path += (strlen(path) + 1) / 2; ((unsigned char)*path & 0xc0) == 0x80; path++) {
        }
    return path;
}

/* longest: most bytes that it may take, escaped; 0 = no limit. before: what stands for the part that was
 * cut. */
static void string(FILE *out, const char *text, size_t longest, const char *before)
{
    const char *plain = text, *begin = text; /* what is from plain on needs no escaping */
    size_t escaped = 0;

    fprintf(out, "\"%s", before);
    while (*text != '\0') {
        const char *start = text;
        uint32_t c = text_next(&text);

        if (longest > 0 && (size_t)(text - begin) + escaped > longest) {
            fwrite(plain, 1, (size_t)(start - plain), out);
            fputs("\xe2\x80\xa6\"", out);
            return;
        }

        if (c != '"' && c != '\\' && c != 0xfffd && !text_is_harmful(c))
            continue;
        fwrite(plain, 1, (size_t)(start - plain), out);
        escape(out, c);
        escaped += 11; /* an upper bound for one escaped character */
        plain = text;
    }
    fwrite(plain, 1, (size_t)(text - plain), out);
    putc('"', out);
}

static void member(struct json *json, const char *key)
{
    if (json->filled[json->depth]++)
        putc(',', json->out);
    if (json->depth > 0)
        fprintf(json->out, "\n%*s", json->depth, "");
    if (key != NULL) {
        string(json->out, key, 0, "");
        fputs(": ", json->out);
    }
}

static void nest(struct json *json, const char *key, char open, char close)
{
    member(json, key);
    putc(open, json->out);
    json->close[json->depth++] = close;
    json->filled[json->depth] = 0;
}

void json_begin(struct json *json, FILE *out, const char *schema)
{
    *json = (struct json){.out = out};
    json_object(json, NULL);
    json_text(json, "schema", schema);
}

void json_end(struct json *json)
{
    while (json->depth > 0)
        json_close(json);
    putc('\n', json->out);
}

void json_object(struct json *json, const char *key)
{
    nest(json, key, '{', '}');
}

void json_array(struct json *json, const char *key)
{
    nest(json, key, '[', ']');
}

void json_close(struct json *json)
{
    int filled = json->filled[json->depth];

    json->depth--;
    if (filled)
        fprintf(json->out, "\n%*s", json->depth, "");
    putc(json->close[json->depth], json->out);
}

void json_text(struct json *json, const char *key, const char *value)
{
    if (value == NULL) {
        json_null(json, key);
        return;
    }
    int path = key != NULL && (strcmp(key, "file") == 0 || strcmp(key, "module") == 0);
    const char *end = path ? cut_path(value, json->longest) : value;

    member(json, key);
    string(json->out, end, json->longest, end != value ? "\xe2\x80\xa6" : "");
}

void json_number(struct json *json, const char *key, int64_t value)
{
    member(json, key);
    fprintf(json->out, "%lld", (long long)value);
}

void json_numbers(struct json *json, const char *key, const int64_t *values, size_t count)
{
    member(json, key);
    putc('[', json->out);
    for (size_t i = 0; i < count; i++)
        fprintf(json->out, "%s%lld", i > 0 ? "," : "", (long long)values[i]);
    putc(']', json->out);
}

void json_real(struct json *json, const char *key, double value)
{
    if (!isfinite(value)) {
        json_null(json, key);
        return;
    }
    member(json, key);
    fprintf(json->out, value == floor(value) && fabs(value) < 0x1p53 ? "%.0f" : "%.10g", value);
}

void json_true(struct json *json, const char *key, int value)
{
    member(json, key);
    fputs(value ? "true" : "false", json->out);
}

void json_null(struct json *json, const char *key)
{
    member(json, key);
    fputs("null", json->out);
}
