/* formats.c - the table of formats, and what several of them share. */
#define _GNU_SOURCE
#include "export.h"
#include "text.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>

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
    char *text = NULL;
    int n = p->file != NULL && p->line > 0 ? asprintf(&text, "0x%llX: %s (%s:%lld)", address, p->function,
                                                      text_basename(p->file), (long long)p->line)
            : p->file != NULL
                ? asprintf(&text, "0x%llX: %s (%s)", address, p->function, text_basename(p->file))
                : asprintf(&text, "0x%llX: %s (in %s)", address, p->function,
                           *p->module != '\0' ? p->module : "unknown memory");

    if (n < 0)
        return NULL;
    char *harmless = text_harmless(text);

    free(text);
    return harmless;
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
    while (status == EXIT_FINE && report_step(export->report, s, &status)) {
        struct export_process *process = profile_grow(processes, count, sizeof *process);

        if (process != NULL)
            *process = (struct export_process){sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1)};
        else
            status = report_error(export->report, EXIT_FAILED, "out of memory");
    }
    sqlite3_finalize(s);
    return status;
}
