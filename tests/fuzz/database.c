/* database.c - a fuzz target: reports on a database that somebody has changed: cells with any values, then any bytes of
 * the file. */
#include "changed.h"
#include "folder.h"
#include "reports.h"

#include <sqlite3.h>
#include <stdlib.h>

#define WORDS 8

static const char *const calls[][WORDS] = {
    {"top"},
    {"top", "--group", "stack", "--json"},
    {"top", "--group", "type"},
    {"top", "--by", "resident"},
    {"top", "--from", "loaded"},
    {"tree"},
    {"tree", "--inverted", "--min", "0"},
    {"function", "main"},
    {"leaks", "--json"},
    {"advise", "--all", "--limit", "0"},
    {"rss"},
    {"timeline"},
    {"histogram"},
    {"temporary"},
    {"compare"},
    {"check", "--max-peak", "1G", "--max-rss", "1G"},
    {"summary"},
    {"summary", "--json"},
    {"runs"},
    {"sql", "SELECT * FROM lines"},
    {"sql", "SELECT * FROM resident"},
    {"sql", "SELECT * FROM types"},
    {"html", "-o", "-"},
    {"export", "--format", "pprof"},
    {"export", "--format", "massif"},
    {"export", "--format", "dhat"},
    {"annotate", "*", "--json"},
    {"top", "--kind", "mapped"},
};

static void change_bytes(struct input *in)
{
    size_t size, length;
    char *bytes = folder_read("trace.db", &size);
    while (bytes && size && input_left(in) > 4) {
        size_t at = input_number(in, 4) % size;
        const uint8_t *from = input_bytes(in, 16, &length);
        memcpy(bytes + at, from, length < size - at ? length : size - at);
    }
    folder_write("trace.db", bytes, size);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    const char *const *words = calls[input_number(&in, 1) % (sizeof calls / sizeof *calls)];
    int cells = (int)input_number(&in, 1) % 16;
    reports_database();
    sqlite3 *db = changed_open();
    changed_cells(db, &in, cells);
    sqlite3_close(db);
    if (input_left(&in) > 4)
        change_bytes(&in);
    reports_call(words);
    return 0;
}
