/* deep_text.h - deep.c's expressions as texts, made up at random. */
#ifndef BENCH_DEEP_TEXT_H
#define BENCH_DEEP_TEXT_H

#include "bench.h"

#include <string.h>

enum function { SIN, COS, EXP, LOG, FUNCTIONS };

static const char *const function_names[FUNCTIONS] = {"sin", "cos", "exp", "log"};

struct text {
    char bytes[8192];
    size_t length;
};

static void put(struct text *text, const char *string)
{
    size_t length = strlen(string);
    if (text->length + length >= sizeof text->bytes)
        abort();
    memcpy(text->bytes + text->length, string, length + 1);
    text->length += length;
}

/* A random expression with so many levels. */
static void make_up(struct text *text, uint64_t *random, int levels)
{
    static const char *const operators[] = {"+", "-", "*", "*", "/", "+"};
    static const char *const atoms[] = {"x", "y", "2", "3.5", "x", "speed", "7", "x"};
    uint64_t dice = bench_random(random) >> 20;
    if (levels == 0 || dice % 16 == 0) {
        put(text, atoms[dice / 16 % 8]);
        return;
    }
    switch (dice / 16 % 8) {
    case 0:
        put(text, "-(");
        make_up(text, random, levels - 1);
        put(text, ")");
        return;
    case 1:
        put(text, function_names[dice / 128 % FUNCTIONS]);
        put(text, "(");
        make_up(text, random, levels - 1);
        put(text, ")");
        return;
    case 2:
        put(text, "(");
        make_up(text, random, levels - 1);
        put(text, dice & 128 ? ")^2" : ")^3");
        return;
    default:
        put(text, "(");
        make_up(text, random, levels - 1);
        put(text, operators[dice / 128 % 6]);
        make_up(text, random, levels - 1);
        put(text, ")");
    }
}

#endif
