/* page_resident.c - what was resident, by part, at each moment at which the pages were looked at; nothing if
 * there is none.
 *
 *   "resident": {
 *       "parts", "kinds": their names
 *       "moments": [time in ns, kind, name of the mark, resident, live but not resident, bytes of each part, ...]
 *       "moments_in_all": how many the run has, of which "moments" may hold only some
 *       "lines": the largest of each part at the latest moment: [part, file, line, function, name of a mapping, bytes, ...]
 *       "missing": what could not be seen at the latest moment, and why }
 *
 * Texts are numbers in "texts", 0 = none. Like the curve, it is of the whole run, whatever the filter.
 */
#include "page.h"
#include "resident_times.h"
#include "text.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define MOMENT (5 + PAGES_PARTS)
#define LINE 6
#define LINES 3 /* for each part */

static uint32_t text_number(struct page *page, const char *text)
{
    return text != NULL ? texts_number(&page->texts, text) : 0;
}

static uint32_t mark_name(struct page *page, const struct resident_moment *m, int *status)
{
    uint32_t number = 0;

    if (m->kind != STORE_PAGES_MARK)
        return 0;
    sqlite3_stmt *s = report_prepare(page->report, "SELECT name FROM mark WHERE run = ?1 AND id = ?2");

    if (s == NULL) {
        *status = EXIT_FAILED;
        return 0;
    }
    sqlite3_bind_int64(s, 1, page->runs[0]->number);
    sqlite3_bind_int64(s, 2, m->mark);
    if (report_step(page->report, s, status))
        number = text_number(page, (const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    return number;
}

/* The highest of the moments [from, to), or the very last: used to show some of many. */
static size_t choose(const struct resident_moments *moments, size_t from, size_t to)
{
    size_t best = from;

    if (to == moments->count)
        return to - 1;
    for (size_t i = from; i < to; i++)
        if (moments->list[i].resident > moments->list[best].resident)
            best = i;
    return best;
}

static int write_moments(struct page *page, const struct resident_times *times)
{
    const struct resident_moments *all = &times->moments;
    size_t kept = all->count < PAGE_MOMENTS ? all->count : PAGE_MOMENTS;
    int64_t *out = calloc(kept * MOMENT, sizeof *out);
    int status = EXIT_FINE;

    for (size_t i = 0; i < kept && status == EXIT_FINE; i++) {
        size_t chosen = choose(all, i * all->count / kept, (i + 1) * all->count / kept);
        const struct resident_moment *m = &all->list[chosen];
        int64_t *to = out + i * MOMENT;

        to[0] = m->t_ns;
        to[1] = m->kind;
        to[2] = mark_name(page, m, &status);
        to[3] = m->resident;
        to[4] = m->untouched;
        memcpy(to + 5, times->parts[chosen], sizeof *times->parts);
    }
    json_numbers(page->json, "moments", out, kept * MOMENT);
    json_number(page->json, "moments_in_all", (int64_t)all->count);
    free(out);
    return status;
}

static void write_lines(struct page *page, const struct resident *latest)
{
    int64_t out[PAGES_PARTS * LINES * LINE];
    size_t count = 0;

    for (int part = 0; part < PAGES_PARTS; part++)
        for (size_t i = 0; i < latest->parts[part].count; i++) {
            const struct resident_line *line = &latest->parts[part].lines[i];

            out[count++] = part;
            out[count++] = page_file(page, page->runs[0], line->file);
            out[count++] = line->line;
            out[count++] = text_number(page, line->function);
            out[count++] = text_number(page, line->name);
            out[count++] = line->bytes;
        }
    json_numbers(page->json, "lines", out, count);
    json_array(page->json, "missing");
    for (int i = 0; i < latest->missing.count; i++)
        json_text(page->json, NULL, latest->missing.text[i]);
    json_close(page->json);
}

static void write_names(struct json *json, const char *key, const char *const *names, int count)
{
    json_array(json, key);
    for (int i = 0; i < count; i++)
        json_text(json, NULL, names[i]);
    json_close(json);
}

static int write_resident(struct page *page, const struct resident_times *times)
{
    struct filter all = {0};
    struct resident latest;
    int status = resident_read(page->report, page->runs[0], &all, NULL, LINES, &latest);

    if (status == EXIT_FINE) {
        json_object(page->json, "resident");
        write_names(page->json, "parts", resident_part_names, PAGES_PARTS);
        write_names(page->json, "kinds", resident_kinds, STORE_PAGES_KINDS);
        status = write_moments(page, times);
        write_lines(page, &latest);
        json_close(page->json);
    }
    resident_free(&latest);
    return status;
}

int page_resident(struct page *page)
{
    struct resident_times times;
    int status = resident_times_read(page->report, page->runs[0], &times);

    if (status == EXIT_FINE && times.moments.count > 0)
        status = write_resident(page, &times);
    resident_times_free(&times);
    return status;
}
