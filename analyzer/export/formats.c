/* formats.c - the table of formats, and what several of them share. */
#define _GNU_SOURCE
#include "export.h"
#include "text.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>

#define PAGE 0x1000ull

const struct export_format export_formats[] = {
    {"pprof", export_pprof, EXPORT_PROCESSES, 0, 1, "go tool pprof -http=: FILE"},
    {"folded", export_folded, EXPORT_STACKS, 0, 0, "flamegraph.pl FILE >flames.svg"},
    {"speedscope", export_speedscope, EXPORT_STACKS, 0, 0, "open it in speedscope"},
    {"dhat", export_dhat, EXPORT_LIFETIMES, 1, 0, "open it in valgrind's dh_view.html"},
    {"massif", export_massif, EXPORT_STACKS, 1, 0, "ms_print FILE"},
    {"csv", export_csv, EXPORT_NO_PROFILE, 0, 0, "open it as a spreadsheet"},
    {"json", export_json, EXPORT_PROCESSES, 1, 0, "jq .run FILE"},
    {0},
};

char *export_place(const struct profile *profile, const struct profile_frame *frame, uint32_t place)
{
    const struct profile_place *p = &profile->places[place];
    unsigned long long address = frame->address;
    char *text = p->file != NULL && p->line > 0 ? text_make("0x%llX: %s (%s:%lld)", address, p->function,
                                                            text_basename(p->file), (long long)p->line)
                 : p->file != NULL
                     ? text_make("0x%llX: %s (%s)", address, p->function, text_basename(p->file))
                     : text_make("0x%llX: %s (in %s)", address, p->function,
                                 *p->module != '\0' ? p->module : "unknown memory");
    char *harmless = text_harmless(text);

    free(text);
    return harmless;
}

/* No module is larger than 2^40 bytes: addresses beyond that are damage, and are taken for its beginning. */
uint64_t export_address(const struct profile_frame *frame)
{
    return frame->address >> 40 == 0 ? frame->address : 0;
}

uint64_t *export_ranges(const struct profile *profile)
{
    uint64_t *ranges = calloc(profile->module_count + 1, sizeof *ranges), next = PAGE;

    for (size_t i = PROFILE_FIRST; i < profile->frame_count; i++) {
        const struct profile_frame *frame = &profile->frames[i];

        if (export_address(frame) >= ranges[frame->module + 1])
            ranges[frame->module + 1] = export_address(frame) + 1; /* its size so far */
    }
    for (size_t i = 1; i <= profile->module_count; i++) {
        ranges[i] = next;
        if (i < profile->module_count)
            next += (ranges[i + 1] + PAGE - 1) / PAGE * PAGE + PAGE;
    }
    return ranges;
}

int export_is_news(enum measure measure)
{
    return measure == MEASURE_allocations || measure == MEASURE_bytes ||
           measure == MEASURE_live_allocations || measure == MEASURE_live_bytes;
}

int export_has_news(const struct store_measures *m)
{
    for (int i = 0; i < MEASURES; i++)
        if (export_is_news((enum measure)i) && measure_value(m, i) != 0)
            return 1;
    return 0;
}

int64_t export_started(const struct run *run)
{
    struct tm tm = {0};

    return strptime(run->started, "%Y-%m-%dT%H:%M:%S", &tm) != NULL ? timegm(&tm) : 0;
}

int export_processes(const struct export *export, struct export_process **processes, size_t *count)
{
    sqlite3_stmt *s = report_prepare(export->report, "SELECT id, pid FROM process WHERE run = ? ORDER BY id");
    int status = EXIT_FINE;

    *processes = NULL;
    *count = 0;
    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, export->run->number);
    while (report_step(export->report, s, &status)) {
        struct export_process *process = profile_grow(processes, count, sizeof *process);

        *process = (struct export_process){sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1)};
    }
    sqlite3_finalize(s);
    return status;
}
