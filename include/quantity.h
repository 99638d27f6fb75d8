/* quantity.h - what people write for a time or a size: "7d", "2h30m", "1.5", "200MiB".
 *
 * The same in the library, the collector and the reports. Whole-number arithmetic only, so that it is as exact as what
 * was written; thread-safe; nothing is kept.
 */
#ifndef LIBTRACE_QUANTITY_H
#define LIBTRACE_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

#define KEEP_VARIABLE "LIBTRACE_KEEP"
#define KEEP_WRONG "'%s' is no time to keep, such as 7d or 12h."
#define MAX_SIZE_VARIABLE "LIBTRACE_MAX_SIZE"
#define MAX_SIZE_LEAST (1u << 20)
#define MAX_SIZE_WRONG "'%s' is no size of a database, such as 200MiB; at least 1MiB."

#define ROTATE_VARIABLE "LIBTRACE_ROTATE"
#define ROTATE_LEAST_NS 1000000000u
#define ROTATE_FILES 7 /* kept, unless it is said */
#define ROTATE_FILES_MOST 999
#define ROTATE_WRONG "'%s' is no time between two files, such as 1d, or 1d:30 for 30 of them; at least 1s."

#define QUANTITY_NS_MOST 9000000000000000000ull /* 285 years */

/* A number, which may have a fraction, times unit; *text is moved past it. */
static inline bool quantity_number(const char **text, uint64_t unit, uint64_t *value)
{
    uint64_t whole = 0, divisor = 1, part = 0;
    const char *at = *text, *first = at;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (whole > QUANTITY_NS_MOST / 10 / unit)
            return false;
        whole = whole * 10 + (uint64_t)(*at - '0');
    }
    bool any = at != first;
    if (*at == '.')
        for (at++; *at >= '0' && *at <= '9'; at++, any = true) {
            divisor *= divisor < UINT64_MAX / 10 ? 10 : 1;
            part += unit * (uint64_t)(*at - '0') / divisor;
        }
    *text = at;
    *value = whole * unit + part;
    return any;
}

/* The unit of time at *text, which is moved past it; 0 = none. */
static inline uint64_t quantity_time_unit(const char **text)
{
    static const struct {
        char name[3];
        uint64_t ns;
    } units[] = {{"ms", 1000000u},      {"d", 86400000000000u}, {"h", 3600000000000u},
                 {"min", 60000000000u}, {"m", 60000000000u},    {"s", 1000000000u}};
    for (unsigned i = 0; i < sizeof units / sizeof units[0]; i++) {
        unsigned n = 0;
        while (n < 3 && units[i].name[n] && (*text)[n] == units[i].name[n])
            n++;
        if (n == 3 || !units[i].name[n])
            return *text += n, units[i].ns;
    }
    return 0;
}

/* A duration: numbers with d, h, m (or min), s or ms, larger units first; a single number without one is seconds.
 * False if it is none. */
static inline bool quantity_ns(const char *text, uint64_t *ns)
{
    uint64_t before = UINT64_MAX;
    *ns = 0;
    do {
        const char *start = text;
        uint64_t value;
        if (!quantity_number(&text, 1, &value))
            return false;
        uint64_t unit = quantity_time_unit(&text);
        if (!unit && (*text || before != UINT64_MAX))
            return false;
        unit = unit ? unit : 1000000000u;
        if (unit >= before || !quantity_number(&start, unit, &value) || *ns + value > QUANTITY_NS_MOST)
            return false;
        *ns += value;
        before = unit;
    } while (*text);
    return true;
}

/* Bytes: a whole number, with K, M, G or T (KiB, MB ...; powers of 1024) or B; 0 = none. */
static inline uint64_t quantity_bytes(const char *text)
{
    static const char units[] = "KMGT";
    uint64_t value = 0, shift = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        if ((value = value * 10 + (uint64_t)(*text - '0')) > QUANTITY_NS_MOST / 10)
            return 0;
    for (unsigned i = 0; i < 4 && *text; i++)
        if ((*text & ~0x20) == units[i])
            shift = 10 * (i + 1);
    if (shift) {
        text++;
        text += *text == 'i';
    }
    text += *text == 'B' || *text == 'b';
    return *text || value > QUANTITY_NS_MOST >> shift ? 0 : value << shift;
}

/* LIBTRACE_KEEP and LIBTRACE_MAX_SIZE: what they say; 0 = nothing, or a text that does not say it. */
static inline uint64_t quantity_keep(const char *text)
{
    uint64_t ns;
    return quantity_ns(text, &ns) ? ns : 0;
}

static inline uint64_t quantity_max_size(const char *text)
{
    uint64_t bytes = quantity_bytes(text);
    return bytes >= MAX_SIZE_LEAST ? bytes : 0;
}

/* LIBTRACE_ROTATE, "1d" or "1d:30": the time, and how many files are kept; 0 = it does not say it. */
static inline uint64_t quantity_rotations(const char *text)
{
    uint64_t files = 0;
    while (*text && *text != ':')
        text++;
    if (!*text)
        return ROTATE_FILES;
    for (text++; *text >= '0' && *text <= '9' && files <= ROTATE_FILES_MOST; text++)
        files = files * 10 + (uint64_t)(*text - '0');
    return *text || files > ROTATE_FILES_MOST ? 0 : files;
}

static inline uint64_t quantity_rotate(const char *text)
{
    char time[64];
    unsigned size = 0;
    uint64_t ns;
    for (; size < sizeof time - 1 && text[size] && text[size] != ':'; size++)
        time[size] = text[size];
    time[size] = 0;
    bool whole = (!text[size] || text[size] == ':') && quantity_rotations(text) && quantity_ns(time, &ns);
    return whole && ns >= ROTATE_LEAST_NS ? ns : 0;
}

/* True if the variable has this value, and there is no limit. */
static inline bool quantity_none(const char *text)
{
    return !text[0] || (text[0] == '0' && !text[1]);
}

#endif
