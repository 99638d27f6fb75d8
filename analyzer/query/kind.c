/* kind.c - see kind.h. */
#include "kind.h"
#include "by_line.h"
#include "store.h"
#include "units.h"

#include <sqlite3.h>
#include <stdio.h>

int kind_shown = KIND_HEAP;
const char *const kind_names[] = {"heap", "mapped", NULL};

const char *kind_words(void)
{
    return kind_shown == KIND_MAPPED ? "what programs map by themselves" : NULL;
}

void kind_print(const struct report *report)
{
    if (kind_words() != NULL)
        printf("%sOnly %s%s\n", report_color(report, "yellow"), kind_words(), report_color(report, "reset"));
}

int kind_show(struct report *report)
{
    if (kind_shown == KIND_HEAP || store_show_mapped(report->store) == 0)
        return EXIT_FINE;
    return report_error(report, EXIT_FAILED, "%s", store_error(report->store));
}

int kind_totals(const struct report *report, struct run *run)
{
    if (kind_shown == KIND_HEAP)
        return EXIT_FINE;
    sqlite3_stmt *s = report_prepare(report, "SELECT {measures: add(#)} FROM mapped_site WHERE run = ?1");
    int status = EXIT_FINE;

    if (s == NULL)
        return EXIT_FAILED;
    run->divided = 0;
    run->sampling = (struct store_sampling){0}; /* mappings are all counted */
    sqlite3_bind_int64(s, 1, run->number);
    if (report_step(report, s, &status)) {
        run->t.m = lines_column_measures(s, 0);
        measures_of_run(&run->t.m);
        run->t.frees = run->t.m.allocations - run->t.m.live_allocations;
        run->t.freed_bytes = run->t.m.bytes - run->t.m.live_bytes;
        run->t.end_allocations = run->t.m.live_allocations;
        run->t.end_bytes = run->t.m.live_bytes;
    }
    sqlite3_finalize(s);
    return status;
}

void kind_text(const struct report *report, const struct run *run, char *text, size_t size)
{
    const struct store_measures *m = &run->t.m;
    char count[UNITS_SIZE], bytes[UNITS_SIZE], peak[UNITS_SIZE], live[UNITS_SIZE];

    snprintf(text, size, "%s mapping%s by itself, %s of address space; peak %s; %s still mapped at its end",
             units_count(count, m->allocations), m->allocations == 1 ? "" : "s",
             units_bytes(bytes, m->bytes, report->bytes), units_bytes(peak, m->peak_bytes, report->bytes),
             units_bytes(live, m->live_bytes, report->bytes));
}
