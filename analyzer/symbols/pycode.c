/* pycode.c - decodes the line tables of CPython 3.8 and later. */
#include "pycode.h"

#define NO_LINE 0

/* Tables come from another process's memory and may be damaged: lines are added as unsigned numbers, so
 * that no sum is undefined, and what is no positive line becomes "no line". */
static int32_t checked_line(uint32_t line)
{
    return line >= 1 && line <= INT32_MAX ? (int32_t)line : NO_LINE;
}

/* 3.8 and 3.9, co_lnotab: pairs (bytes to advance, lines to add as a signed byte). */
static int32_t line_from_lnotab(const uint8_t *table, size_t size, uint32_t line, uint64_t offset)
{
    uint64_t address = 0;

    for (size_t i = 0; i + 2 <= size; i += 2) {
        address += table[i];
        if (address > offset)
            break;
        line += (uint32_t)(int8_t)table[i + 1];
    }
    return checked_line(line);
}

/* 3.10, co_linetable: pairs (bytes covered, lines to add before them as signed byte, -128 = no line). */
static int32_t line_from_pairs(const uint8_t *table, size_t size, uint32_t line, uint64_t offset)
{
    uint64_t end = 0;

    for (size_t i = 0; i + 2 <= size; i += 2) {
        int8_t delta = (int8_t)table[i + 1];

        if (delta != -128)
            line += (uint32_t)delta;
        end += table[i];
        if (end > offset)
            return delta == -128 ? NO_LINE : checked_line(line);
    }
    return NO_LINE;
}

/* A number in groups of six bits, lowest first; bit 6 means that another group follows. Bit 7 is set only
 * in the first byte of an entry, so a number that is cut off ends there. */
static uint32_t read_varint(const uint8_t *at, const uint8_t *end)
{
    uint32_t value = 0;

    for (unsigned shift = 0; at < end && !(*at & 0x80); shift += 6, at++) {
        if (shift < 32)
            value |= (uint32_t)(*at & 0x3f) << shift;
        if (!(*at & 0x40))
            break;
    }
    return value;
}

/* 3.11 and later: each entry starts with a byte 1 kkkk lll: its kind, and its length in instruction units,
 * minus one. */
enum location_kind {
    LOCATION_ONE_LINE = 10, /* 10, 11, 12: line +0, +1, +2; below 10: line +0 */
    LOCATION_NO_COLUMNS = 13,
    LOCATION_LONG = 14,
    LOCATION_NONE = 15,
};

static int32_t line_from_locations(const uint8_t *table, size_t size, uint32_t line, uint64_t offset)
{
    const uint8_t *at = table, *end = table + size;
    uint64_t covered = 0;

    while (at < end) {
        unsigned first = *at++;
        unsigned kind = first >> 3 & 15;

        if (kind == LOCATION_NO_COLUMNS || kind == LOCATION_LONG) {
            uint32_t value = read_varint(at, end); /* lowest bit: sign */
            line += value & 1 ? 0u - (value >> 1) : value >> 1;
        } else if (kind >= LOCATION_ONE_LINE && kind < LOCATION_NO_COLUMNS) {
            line += kind - LOCATION_ONE_LINE;
        }
        covered += 2 * ((first & 7) + 1);
        if (covered > offset)
            return kind == LOCATION_NONE ? NO_LINE : checked_line(line);
        while (at < end && !(*at & 0x80))
            at++;
    }
    return NO_LINE;
}

int32_t pycode_line(const uint8_t *table, size_t size, int32_t first_line, uint32_t version,
                    uint64_t instruction_offset)
{
    if ((int64_t)instruction_offset < 0)
        return checked_line((uint32_t)first_line);
    if (version < PYCODE_VERSION(3, 10))
        return line_from_lnotab(table, size, (uint32_t)first_line, instruction_offset);
    if (version < PYCODE_VERSION(3, 11))
        return line_from_pairs(table, size, (uint32_t)first_line, instruction_offset);
    return line_from_locations(table, size, (uint32_t)first_line, instruction_offset);
}
