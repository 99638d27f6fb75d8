/* page_findings.c - what advise finds in the run.
 *
 *   "findings": {"list": [{rule, title, certainty, row, file, line, function, what, remedy, what it saves}, ...],
 *                "more": others, "suppressed": those that somebody accepts}
 *
 * file, function, what and remedy are numbers in "texts"; row 0 = its line is not in the table. On a page without source
 * no rule is asked that repeats names from it.
 */
#include "page.h"
#include "advice_rules.h"

#include <stdlib.h>
#include <string.h>

#define FINDINGS 10

static void write_finding(struct page *page, const struct advice *advice, const struct finding *f)
{
    const struct profile_place *place = &advice->profile.places[f->place];
    uint32_t index = profile_place_index(&page->profiles[0], place->number);
    struct json *json = page->json;

    json_object(json, NULL);
    json_text(json, "rule", f->rule->id);
    json_text(json, "title", f->rule->title);
    json_text(json, "certainty", certainty_names[f->certainty]);
    json_number(json, "row", index != PROFILE_NONE ? page->row_of[index] : 0);
    json_number(json, "file", page_file(page, page->runs[0], place->file));
    json_number(json, "line", place->line);
    json_number(json, "function", texts_number(&page->texts, place->function));
    json_number(json, "what", texts_number(&page->texts, f->what));
    json_number(json, "remedy", texts_number(&page->texts, f->remedy));
    json_number(json, "peak", f->saves_peak_bytes);
    json_true(json, "space", f->address_space);
    json_number(json, "resident", f->saves_resident_bytes);
    json_number(json, "end", f->saves_end_bytes);
    json_number(json, "bytes", f->saves_bytes);
    json_number(json, "allocations", f->saves_allocations);
    json_close(json);
}

static void write_findings(struct page *page, const struct advice *advice)
{
    size_t shown = advice->finding_count < FINDINGS ? advice->finding_count : FINDINGS;

    json_object(page->json, "findings");
    json_array(page->json, "list");
    for (size_t i = 0; i < shown; i++)
        write_finding(page, advice, &advice->findings[i]);
    json_close(page->json);
    json_number(page->json, "more", (int64_t)(advice->finding_count - shown));
    json_number(page->json, "suppressed",
                (int64_t)(advice->suppressed[SUPPRESSED_FILE] + advice->suppressed[SUPPRESSED_COMMENT]));
    json_close(page->json);
}

int page_findings(struct page *page)
{
    bool which[RULES_MOST] = {0};
    struct advice advice;

    for (const struct rule *rule = rules; rule->id != NULL; rule++)
        which[rule - rules] = page->source || !rule->quotes;
    int status = advice_read(page->report, page->runs[0],
                             &(struct advice_query){.filter = page->filter, .rules = which}, &advice);

    if (status == EXIT_FINE)
        write_findings(page, &advice);
    advice_free(&advice);
    return status;
}
