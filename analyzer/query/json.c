/* json.c - RFC 8259, indented by one space a level so that a person can read it and a diff shows lines. */
#include "json.h"
#include "text.h"

#include <math.h>

/* As it is in a string: what may not stand there itself. */
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

static void string(FILE *out, const char *text)
{
    const char *plain = text; /* from here on nothing needs escaping */

    putc('"', out);
    while (*text != '\0') {
        const char *start = text;
        uint32_t c = text_next(&text);

        if (c != '"' && c != '\\' && c != 0xfffd && !text_is_harmful(c))
            continue;
        fwrite(plain, 1, (size_t)(start - plain), out);
        escape(out, c);
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
        string(json->out, key);
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
    member(json, key);
    string(json->out, value);
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
