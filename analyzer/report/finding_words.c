/* finding_words.c - see finding_words.h. */
#define _GNU_SOURCE
#include "finding_words.h"
#include "advice_rules.h"
#include "sampled_rules.h"
#include "show.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *finding_place(const struct advice *advice, const struct finding *finding)
{
    const struct profile_place *place = &advice->profile.places[finding->place];
    char *where = show_place(advice->run, place->file, place->line),
         *text = text_make("%s (%s)", where != NULL ? where : text_basename(place->module), place->function);

    free(where);
    return text;
}

/* What is less than a hundredth of all is left out; of = 0: all of it is not known. */
static size_t __attribute__((format(printf, 4, 0)))
saving(char *out, int64_t saved, int64_t of, const char *what, const char *number)
{
    char share[UNITS_SIZE];

    if (saved <= 0 || saved < of / 100)
        return 0;
    int used = snprintf(out, FINDING_SAVING, what, number);

    if (of > 0 && used > 0 && used < FINDING_SAVING)
        snprintf(out + used, FINDING_SAVING - (size_t)used, " (%s)",
                 units_percent(share, (double)saved, (double)of));
    return 1;
}

size_t finding_savings(const struct report *report, const struct advice *advice,
                       const struct finding *finding, char savings[FINDING_SAVINGS][FINDING_SAVING])
{
    const struct store_measures *m = &advice->run->t.m;
    const struct finding *f = finding;
    int plain = report->bytes;
    char number[UNITS_SIZE];
    size_t n = 0;

    n += saving(savings[n], f->saves_peak_bytes, m->peak_bytes,
                f->address_space ? "%s of the peak, in address space" : "about %s of the peak",
                units_bytes(number, f->saves_peak_bytes, plain));
    if (f->saves_end_bytes / 2 > f->saves_peak_bytes)
        n += saving(savings[n], f->saves_end_bytes, 0, "%s of what is held at the end",
                    units_bytes(number, f->saves_end_bytes, plain));
    n += saving(savings[n], f->saves_resident_bytes, 0, "about %s of resident memory",
                units_bytes(number, f->saves_resident_bytes, plain));
    n += saving(savings[n], f->saves_bytes, m->bytes, "%s of all that is allocated",
                units_bytes(number, f->saves_bytes, plain));
    n += saving(savings[n], f->saves_allocations, m->allocations, "%s allocations",
                units_count(number, f->saves_allocations));
    return n;
}

char *finding_claim(const struct report *report, const struct advice *advice, const struct finding *finding)
{
    char savings[FINDING_SAVINGS][FINDING_SAVING];
    size_t count = finding_savings(report, advice, finding, savings);

    return text_make("%s (%s, %s)%s%s", finding->rule->title, finding->rule->id,
                     certainty_names[finding->certainty], count > 0 ? "; saves " : "",
                     count > 0 ? savings[0] : "");
}

char *finding_sentence(const struct report *report, const struct advice *advice,
                       const struct finding *finding)
{
    char *place = finding_place(advice, finding), *claim = finding_claim(report, advice, finding),
         *harmless = text_harmless(place), *text = text_make("%s: %s", harmless, claim);

    free(harmless);
    free(claim);
    free(place);
    return text;
}

/* Why the rule cannot tell; NULL = it can, or was not asked. */
static const char *lack(const struct advice *advice, const struct rule *rule, const bool *which)
{
    return which == NULL || which[rule - rules] ? rule_lacks(advice, rule) : NULL;
}

/* True if a rule before this one lacks the same. */
static bool is_said(const struct advice *advice, const struct rule *rule, const bool *which, const char *why)
{
    for (const struct rule *before = rules; before < rule; before++)
        if (lack(advice, before, which) == why)
            return true;
    return false;
}

/* Those for the same reason together. */
void finding_lacks(const struct report *report, const struct advice *advice, const bool *which,
                   const char *space)
{
    char text[400] = "";

    for (const struct rule *rule = rules; rule->id != NULL; rule++) {
        const char *why = lack(advice, rule, which);

        if (why == NULL || is_said(advice, rule, which, why))
            continue;
        snprintf(text, sizeof text, "%s", rule->id);
        for (const struct rule *other = rule + 1; other->id != NULL; other++)
            if (lack(advice, other, which) == why)
                snprintf(text + strlen(text), sizeof text - strlen(text), ", %s", other->id);
        snprintf(text + strlen(text), sizeof text - strlen(text), " cannot tell of this run: %s", why);
        fputs(space, stdout);
        text_wrap(stdout, text, (size_t)report->width, 2);
    }
}

void finding_json_place(struct json *json, const struct advice *advice, const struct finding *finding)
{
    const struct profile_place *place = &advice->profile.places[finding->place];

    json_text(json, "rule", finding->rule->id);
    json_text(json, "certainty", certainty_names[finding->certainty]);
    json_text(json, "file", place->file);
    json_number(json, "line", place->line);
    json_text(json, "function", place->function);
}

void finding_json_savings(struct json *json, const struct finding *finding)
{
    json_number(json, "saves_peak_bytes", finding->saves_peak_bytes);
    json_number(json, "saves_bytes", finding->saves_bytes);
    json_number(json, "saves_allocations", finding->saves_allocations);
    json_number(json, "saves_resident_bytes", finding->saves_resident_bytes);
    json_number(json, "saves_end_bytes", finding->saves_end_bytes);
}

void finding_json(struct json *json, const struct advice *advice, const struct finding *f)
{
    json_object(json, NULL);
    finding_json_place(json, advice, f);
    json_text(json, "type", f->type);
    json_object(json, "evidence");
    for (size_t i = 0; i < FINDING_EVIDENCE && f->evidence[i].name != NULL; i++)
        json_real(json, f->evidence[i].name, f->evidence[i].value);
    json_close(json);
    json_text(json, "what", f->what);
    json_text(json, "remedy", f->remedy);
    finding_json_savings(json, f);
    json_number(json, "merged", f->more);
    json_close(json);
}

void finding_json_lacks(struct json *json, const struct advice *advice, const bool *which)
{
    json_array(json, "cannot_tell");
    for (const struct rule *rule = rules; rule->id != NULL; rule++) {
        const char *why = lack(advice, rule, which);

        if (why == NULL)
            continue;
        json_object(json, NULL);
        json_text(json, "rule", rule->id);
        json_text(json, "why", why);
        json_close(json);
    }
    json_close(json);
}

void finding_suppressed(const struct report *report, const struct advice *advice, const char *space)
{
    size_t by_file = advice->suppressed[SUPPRESSED_FILE], by_comment = advice->suppressed[SUPPRESSED_COMMENT];

    if (by_file + by_comment == 0)
        return;
    char *file = text_harmless(advice->known.file != NULL ? advice->known.file : "");
    const char *comments = by_comment == 1 ? "a comment" : "comments";
    const char *are = by_file + by_comment == 1 ? " is" : "s are";
    char *text = by_comment == 0 ? text_make("%zu finding%s suppressed by %s", by_file, are, file)
                 : by_file == 0  ? text_make("%zu finding%s suppressed by %s", by_comment, are, comments)
                                 : text_make("%zu finding%s suppressed: %zu by %s, %zu by %s",
                                             by_file + by_comment, are, by_file, file, by_comment, comments);

    fputs(space, stdout);
    text_wrap(stdout, text, (size_t)report->width, 2);
    free(text);
    free(file);
}

void finding_json_suppressed(struct json *json, const struct advice *advice)
{
    json_number(json, "suppressed",
                (int64_t)(advice->suppressed[SUPPRESSED_FILE] + advice->suppressed[SUPPRESSED_COMMENT]));
}

const struct finding *finding_first(const struct advice *advice)
{
    return advice->finding_count > 0 && advice->findings[0].certainty != ASK ? &advice->findings[0] : NULL;
}
