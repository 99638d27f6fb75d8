/* names.c - a fuzz target: names of any bytes, in the page of html and in what export writes. They must not break out of
 * the page's script, of JSON, CSV, lines or protocol buffers. */
#include "changed.h"
#include "folder.h"
#include "formats.h"
#include "reports.h"

#include <sqlite3.h>
#include <stdlib.h>

static const struct {
    const char *words[6];
    int (*is_right)(const char *text, size_t size);
} outputs[] = {
    {{"html", "-o", "-", "--no-source"}, formats_page},
    {{"html", "-o", "-", "1", "2"}, formats_page},
    {{"export", "--format", "pprof"}, formats_pprof},
    {{"export", "--format", "csv"}, formats_csv},
    {{"export", "--format", "json"}, formats_json},
    {{"export", "--format", "dhat"}, formats_json},
    {{"export", "--format", "speedscope"}, formats_json},
    {{"export", "--format", "folded"}, formats_folded},
    {{"export", "--format", "massif"}, formats_text},
    {{"top", "--json", "--all-frames"}, formats_json},
    {{"top", "--json", "--group", "type"}, formats_json},
    {{"summary", "--json"}, formats_json},
    {{"rss", "--json"}, formats_json},
    {{"leaks", "--json"}, formats_json},
    {{"compare", "--json"}, formats_json},
    {{"tree", "--json"}, formats_json},
    {{"runs", "--json"}, formats_json},
    {{"top"}, formats_text},
    {{"tree", "--all-frames"}, formats_text},
    {{"summary"}, formats_text},
    {{"rss"}, formats_text},
    {{"timeline"}, formats_text},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    size_t which = input_number(&in, 1) % (sizeof outputs / sizeof *outputs), length;
    reports_database();
    sqlite3 *db = changed_open();
    changed_names(db, &in);
    sqlite3_close(db);
    if (reports_call_into("out", outputs[which].words) == EXIT_FINE) {
        char *text = folder_read("out", &length);
        if (!outputs[which].is_right(text, length))
            abort();
        free(text);
    }
    return 0;
}
