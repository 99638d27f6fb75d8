/* test_pycode.c - the decoder of Python line tables.
 *
 *   test_pycode           known tables, and damaged ones: nothing may be read beyond their end
 *   test_pycode - <FILE   records of line_oracle.py: every instruction's line must be the interpreter's
 */
#include "pycode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned failures;

#define CHECK(condition, ...)                             \
    do {                                                  \
        if (!(condition) && failures++ < 20)              \
            fprintf(stderr, "test_pycode: " __VA_ARGS__); \
    } while (0)

static void *must_allocate(size_t size)
{
    void *p = malloc(size ? size : 1);

    if (!p) {
        perror("test_pycode");
        exit(1);
    }
    return p;
}

static int read_whole(void *to, size_t size)
{
    return fread(to, 1, size, stdin) == size;
}

struct record {
    uint32_t table_size;
    int32_t first_line;
    uint32_t version;
    uint32_t instructions;
};

static int check_records(void)
{
    struct record r;
    unsigned long codes = 0, instructions = 0;

    while (read_whole(&r, sizeof r)) {
        uint8_t *table = must_allocate(r.table_size);
        int32_t *lines = must_allocate(r.instructions * sizeof *lines);

        if (!read_whole(table, r.table_size) || !read_whole(lines, r.instructions * sizeof *lines)) {
            fprintf(stderr, "test_pycode: the input ends within a record\n");
            return 1;
        }
        for (uint32_t i = 0; i < r.instructions; i++) {
            int32_t line = pycode_line(table, r.table_size, r.first_line, r.version, 2ull * i);

            CHECK(line == lines[i], "version %x, code %lu (line %d), offset %u: %d, not %d\n", r.version,
                  codes, r.first_line, 2 * i, line, lines[i]);
        }
        codes++;
        instructions += r.instructions;
        free(table);
        free(lines);
    }
    printf("%lu code objects, %lu instructions, %u differ\n", codes, instructions, failures);
    CHECK(codes > 100, "only %lu code objects\n", codes);
    return failures != 0;
}

static const uint32_t versions[] = {PYCODE_VERSION(3, 8), PYCODE_VERSION(3, 10), PYCODE_VERSION(3, 11),
                                    PYCODE_VERSION(3, 14)};

/* Random tables in blocks of exactly their size: a sanitizer or valgrind sees a read beyond the end. */
static void check_damaged(void)
{
    unsigned seed = 1;

    for (int round = 0; round < 200000; round++) {
        uint8_t bytes[48];
        size_t size = (size_t)(rand_r(&seed) % 49);
        int bias = rand_r(&seed) % 3; /* as they come; mostly entry starts; mostly long numbers */
        uint8_t *table = must_allocate(size);

        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)(rand_r(&seed) >> 3);
            if (bias == 1 && i % 3 == 0)
                bytes[i] |= 0xe8;
            if (bias == 2 && i)
                bytes[i] |= 0x40;
        }
        memcpy(table, bytes, size);
        for (size_t v = 0; v < sizeof versions / sizeof *versions; v++) {
            uint64_t offset = (uint64_t)(rand_r(&seed) % 300);
            int32_t first = round & 1 ? INT32_MAX - 3 : round % 1000;
            int32_t line = pycode_line(table, size, first, versions[v], offset);

            CHECK(line >= 0, "a damaged table gives line %d\n", line);
        }
        free(table);
    }
}

static void check_known(void)
{
    static const uint8_t lnotab[] = {0, 1, 8, 2, 255, 0, 10, 127, 4, 0xfe};
    static const uint8_t pairs[] = {2, 0, 4, 128, 6, 255, 2, 5};
    static const uint8_t locations[] = {0x80 | 15 << 3,
                                        0x80 | 11 << 3 | 1,
                                        1,
                                        2,
                                        0x80 | 13 << 3,
                                        0x05,
                                        0x80 | 14 << 3 | 7,
                                        0x40 | 2,
                                        1,
                                        0,
                                        1,
                                        1};

    CHECK(pycode_line(lnotab, sizeof lnotab, 10, PYCODE_VERSION(3, 8), 0) == 11, "lnotab: at 0\n");
    CHECK(pycode_line(lnotab, sizeof lnotab, 10, PYCODE_VERSION(3, 9), 8) == 13, "lnotab: at 8\n");
    CHECK(pycode_line(lnotab, sizeof lnotab, 10, PYCODE_VERSION(3, 9), 272) == 13, "lnotab: at 272\n");
    CHECK(pycode_line(lnotab, sizeof lnotab, 10, PYCODE_VERSION(3, 9), 273) == 140, "lnotab: at 273\n");
    CHECK(pycode_line(lnotab, sizeof lnotab, 10, PYCODE_VERSION(3, 9), 9999) == 138, "lnotab: behind\n");
    CHECK(pycode_line(pairs, sizeof pairs, 10, PYCODE_VERSION(3, 10), 0) == 10, "pairs: at 0\n");
    CHECK(pycode_line(pairs, sizeof pairs, 10, PYCODE_VERSION(3, 10), 4) == 0, "pairs: no line\n");
    CHECK(pycode_line(pairs, sizeof pairs, 10, PYCODE_VERSION(3, 10), 6) == 9, "pairs: at 6\n");
    CHECK(pycode_line(pairs, sizeof pairs, 10, PYCODE_VERSION(3, 10), 14) == 0, "pairs: behind\n");
    CHECK(pycode_line(locations, sizeof locations, 10, PYCODE_VERSION(3, 11), 0) == 0, "locations: none\n");
    CHECK(pycode_line(locations, sizeof locations, 10, PYCODE_VERSION(3, 12), 2) == 11, "locations: at 2\n");
    CHECK(pycode_line(locations, sizeof locations, 10, PYCODE_VERSION(3, 13), 6) == 9, "locations: at 6\n");
    CHECK(pycode_line(locations, sizeof locations, 10, PYCODE_VERSION(3, 14), 8) == 42, "locations: long\n");
    CHECK(pycode_line(locations, sizeof locations, 10, PYCODE_VERSION(3, 14), 99) == 0,
          "locations: behind\n");
    for (size_t v = 0; v < sizeof versions / sizeof *versions; v++) {
        CHECK(pycode_line(NULL, 0, 7, versions[v], (uint64_t)-2) == 7, "not started\n");
        CHECK(pycode_line(NULL, 0, -7, versions[v], (uint64_t)-2) == 0, "negative first line\n");
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "-"))
        return check_records();
    check_known();
    check_damaged();
    return failures != 0;
}
