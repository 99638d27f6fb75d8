/* check_advice.c - see check_advice.h. */
#define _GNU_SOURCE
#include "check_advice.h"
#include "check_lines.h"
#include "finding_words.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int check_advice_choose(const struct report *report, const char *list, struct check_advice *check)
{
    check->asked = true;
    check->all = strcmp(list, "all") == 0;
    for (const struct rule *rule = rules; check->all && rule->id != NULL; rule++)
        check->rules[rule - rules] = true;
    while (!check->all) {
        size_t length = strcspn(list, ",");
        const struct rule *rule = rule_find(list, length);
        char ids[RULES_TEXT];

        if (rule == NULL)
            return report_error(report, EXIT_USAGE, "there is no rule '%.*s'; 'all', or some of: %s",
                                (int)(length < 40 ? length : 40), list, rules_text(ids));
        check->rules[rule - rules] = true;
        if (list[length] == '\0')
            break;
        list += length + 1;
    }
    return EXIT_FINE;
}

int check_advice_read(struct report *report, const struct run *run, const struct filter *filter,
                      struct check_advice *check)
{
    const struct advice_query query = {.filter = filter, .rules = check->rules};

    if (run->window.set || filter->from != NULL || filter->to != NULL)
        return report_error(report, EXIT_USAGE,
                            "advice is about whole runs: --advice goes without --from, --to and RUN@MOMENT.");
    return advice_read(report, run, &query, &check->advice);
}

void check_advice_free(struct check_advice *check)
{
    if (check->asked)
        advice_free(&check->advice);
}

void check_advice_print(const struct report *report, const struct check_advice *check)
{
    for (size_t i = 0; i < check->advice.finding_count; i++) {
        char *sentence = finding_sentence(report, &check->advice, &check->advice.findings[i]);
        char *text =
            text_make("%sadvice%s: %s", report_color(report, "red"), report_color(report, "reset"), sentence);

        text_wrap(stdout, text, (size_t)report->width, 2);
        free(text);
        free(sentence);
    }
}

void check_advice_annotate(const struct report *report, const struct check_advice *check)
{
    for (size_t i = 0; i < check->advice.finding_count; i++) {
        const struct finding *f = &check->advice.findings[i];
        const struct profile_place *place = &check->advice.profile.places[f->place];
        char *what = finding_sentence(report, &check->advice, f),
             *more = text_make(". %s %s", f->what, f->remedy);

        check_lines_error(place->file, place->line, f->rule->title, what, more);
        free(more);
        free(what);
    }
}

void check_advice_fine(const struct check_advice *check)
{
    const char *separator = " by ";

    fputs("no advice", stdout);
    for (const struct rule *rule = rules; !check->all && rule->id != NULL; rule++)
        if (check->rules[rule - rules]) {
            printf("%s%s", separator, rule->id);
            separator = ", ";
        }
}

void check_advice_foot(const struct report *report, const struct check_advice *check)
{
    finding_suppressed(report, &check->advice, "");
    finding_lacks(report, &check->advice, check->rules, "");
}

void check_advice_json(struct json *json, const struct check_advice *check)
{
    json_object(json, "advice");
    json_array(json, "rules");
    for (const struct rule *rule = rules; rule->id != NULL; rule++)
        if (check->rules[rule - rules])
            json_text(json, NULL, rule->id);
    json_close(json);
    finding_json_suppressed(json, &check->advice);
    json_array(json, "findings");
    for (size_t i = 0; i < check->advice.finding_count; i++)
        finding_json(json, &check->advice, &check->advice.findings[i]);
    json_close(json);
    finding_json_lacks(json, &check->advice, check->rules);
    json_close(json);
}
