/* findings.c - see findings.h and advice_rules.h. */
#define _GNU_SOURCE
#include "findings.h"
#include "advice_rules.h"
#include "source.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_OF_PEAK 100         /* a hundredth of the peak, */
#define LEAST_BYTES (64 << 10)    /* and no less than that; */
#define LEAST_OF_ALL 20           /* or a twentieth of all that is allocated, */
#define LEAST_ALLOCATED (4 << 20) /* and no less than that; */
#define LEAST_ALLOCATIONS 10000   /* or so many allocations */

/* ---- making -------------------------------------------------------------------------------------- */

struct finding *finding_new(struct advice *advice, const char *rule, enum certainty certainty, uint32_t place,
                            const struct facts *facts)
{
    struct finding *finding = profile_grow(&advice->findings, &advice->finding_count, sizeof *finding);

    for (const struct rule *r = rules; r->id != NULL; r++)
        if (strcmp(r->id, rule) == 0)
            finding->rule = r;
    finding->place = place;
    finding->foreign = !advice->place_is_own[place] || (facts != NULL && !facts->own);
    finding->certainty = finding->foreign ? ASK : certainty;
    if (facts != NULL) {
        finding->type = facts->type != 0 ? facts_type(advice, facts) : NULL;
        finding_relief(advice, finding, facts, 0);
    }
    return finding;
}

void finding_evidence(struct finding *finding, const char *name, double value)
{
    for (size_t i = 0; i < FINDING_EVIDENCE; i++)
        if (finding->evidence[i].name == NULL) {
            finding->evidence[i] = (struct evidence){name, value};
            return;
        }
}

void finding_relief(struct advice *advice, struct finding *finding, const struct facts *facts, double share)
{
    uint32_t index = (uint32_t)(facts - advice->facts);

    for (size_t i = 0; i < finding->relief_count; i++)
        if (finding->reliefs[i].facts == index) {
            finding->reliefs[i].share = share;
            return;
        }
    if (finding->relief_count < FINDING_RELIEFS)
        finding->reliefs[finding->relief_count++] = (struct relief){index, share, false};
}

static void set_text(char **to, const char *format, va_list arguments)
{
    free(*to);
    *to = text_format(format, arguments);
}

void finding_what(struct finding *finding, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    set_text(&finding->what, format, arguments);
    va_end(arguments);
}

void finding_remedy(struct finding *finding, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    set_text(&finding->remedy, format, arguments);
    va_end(arguments);
}

static void finding_free(struct finding *finding)
{
    free(finding->what);
    free(finding->remedy);
}

void findings_free(struct advice *advice)
{
    for (size_t i = 0; i < advice->finding_count; i++)
        finding_free(&advice->findings[i]);
    free(advice->findings);
}

/* ---- predicting ---------------------------------------------------------------------------------- */

/* What a copy has twice at a moment: nothing while there are fewer blocks than at the peak. */
static double copied_at(const struct advice *advice, const struct relief *relief, size_t moment)
{
    const struct facts *facts = &advice->facts[relief->facts];
    const struct facts_moment *m = facts->moment != NULL ? &facts->moment[moment] : NULL;

    return m != NULL && m->live_allocations >= facts->m.peak_allocations
               ? relief->share * (double)m->live_bytes
               : 0;
}

int64_t peak_without(const struct advice *advice, const struct relief *reliefs, size_t count)
{
    const struct times *times = &advice->times;
    double peak = (double)advice->run->t.m.peak_bytes, highest = peak;

    for (size_t i = 0; i < count; i++)
        highest -= reliefs[i].share * (double)advice->facts[reliefs[i].facts].m.peak_bytes;
    for (size_t k = 0; k < times->count; k++) {
        double live = (double)times->live[k];

        for (size_t i = 0; i < count; i++) {
            const struct facts_moment *m = advice->facts[reliefs[i].facts].moment;

            if (reliefs[i].copying)
                live -= copied_at(advice, &reliefs[i], k);
            else if (m != NULL)
                live -= reliefs[i].share * (double)m[k].live_bytes;
        }
        highest = live > highest ? live : highest;
    }
    if (highest >= peak)
        return advice->run->t.m.peak_bytes;
    return highest > 0 ? (int64_t)highest : 0;
}

static void predict(struct advice *advice, struct finding *finding)
{
    if (!finding->address_space || finding->saves_peak_bytes == 0)
        finding->saves_peak_bytes =
            whole((double)advice->run->t.m.peak_bytes -
                  (double)peak_without(advice, finding->reliefs, finding->relief_count));
}

/* All that is not ASK together: of blocks that several findings are about the largest share counts. */
static void predict_together(struct advice *advice)
{
    struct relief *all = calloc(advice->finding_count * FINDING_RELIEFS + 1, sizeof *all);
    size_t count = 0;

    for (size_t i = 0; i < advice->finding_count; i++) {
        const struct finding *f = &advice->findings[i];

        if (f->certainty == ASK)
            continue;
        advice->without_bytes += f->saves_bytes;
        advice->without_allocations += f->saves_allocations;
        advice->without_resident += f->saves_resident_bytes;
        advice->without_end += f->saves_end_bytes;
        advice->without_space += f->address_space ? f->saves_peak_bytes : 0;
        for (size_t k = 0; k < f->relief_count; k++) {
            size_t at = 0;

            while (at < count && all[at].facts != f->reliefs[k].facts)
                at++;
            if (at == count || all[at].share < f->reliefs[k].share)
                all[at] = f->reliefs[k];
            count += at == count;
        }
    }
    advice->peak_without = peak_without(advice, all, count);
    free(all);
}

/* ---- what is kept, and in which order ------------------------------------------------------------ */

static int64_t at_peak(const struct finding *f)
{
    return f->saves_peak_bytes > f->saves_resident_bytes ? f->saves_peak_bytes : f->saves_resident_bytes;
}

static bool counts_at_peak(const struct advice *advice, const struct finding *f)
{
    return at_peak(f) >= LEAST_BYTES && at_peak(f) >= advice->run->t.m.peak_bytes / LEAST_OF_PEAK;
}

/* A leak that is still below the peak, which may have been when the program started, will be above it one day. */
static bool counts_at_end(const struct advice *advice, const struct finding *f)
{
    return f->saves_end_bytes >= LEAST_BYTES && f->saves_end_bytes >= advice->times.held / LEAST_OF_PEAK;
}

/* What of the heap it saves, at the peak or, as it grows, at the end. */
static int64_t of_the_heap(const struct advice *advice, const struct finding *f)
{
    int64_t peak = counts_at_peak(advice, f) ? at_peak(f) : 0,
            end = counts_at_end(advice, f) ? f->saves_end_bytes : 0;

    return peak > end ? peak : end;
}

static bool is_worth_it(const struct advice *advice, const struct finding *f)
{
    const struct store_measures *all = &advice->run->t.m;

    if (f->rule->least > 0)
        return counts_at_peak(advice, f) && at_peak(f) >= f->rule->least;
    return of_the_heap(advice, f) > 0 ||
           (f->saves_bytes >= LEAST_ALLOCATED && f->saves_bytes >= all->bytes / LEAST_OF_ALL) ||
           (f->saves_allocations >= LEAST_ALLOCATIONS &&
            f->saves_allocations >= all->allocations / LEAST_OF_ALL);
}

/* Certain and likely ones come before those to ask about; memory before address space; what saves at the peak or the end
 * before what does not. */
static int in_order(const void *a, const void *b, void *context)
{
    const struct advice *advice = context;
    const struct finding *x = a, *y = b;
    int64_t p = of_the_heap(advice, x), q = of_the_heap(advice, y);

    if ((x->certainty == ASK) != (y->certainty == ASK))
        return x->certainty == ASK ? 1 : -1;
    if (x->foreign != y->foreign)
        return x->foreign ? 1 : -1;
    if (x->address_space != y->address_space)
        return x->address_space ? 1 : -1;
    if (p != q)
        return p > q ? -1 : 1;
    if (x->saves_bytes != y->saves_bytes)
        return x->saves_bytes > y->saves_bytes ? -1 : 1;
    if (x->saves_allocations != y->saves_allocations)
        return x->saves_allocations > y->saves_allocations ? -1 : 1;
    if (x->rule != y->rule)
        return x->rule < y->rule ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

static bool is_about(const struct finding *f, uint32_t facts)
{
    for (size_t i = 0; i < f->relief_count; i++)
        if (f->reliefs[i].facts == facts)
            return true;
    return false;
}

/* False for names that many functions of a file may have: "<listcomp>" and "<lambda>", as CPython up to 3.10 calls them. */
static bool is_of_one_function(const struct profile_place *place)
{
    return strcmp(place->language, "python") != 0 || *place->function != '<' ||
           strcmp(place->function, "<module>") == 0;
}

/* True if an earlier finding explains all blocks that this one is about, or is the same rule's in the same function. */
static bool has_cause(const struct advice *advice, const struct finding *earlier, const struct finding *f)
{
    const struct profile_place *p = &advice->profile.places[earlier->place],
                               *q = &advice->profile.places[f->place];
    bool same_file = p->file != NULL && q->file != NULL && strcmp(p->file, q->file) == 0,
         same_function = same_file && strcmp(p->function, q->function) == 0 && is_of_one_function(p),
         same_line = earlier->place == f->place || (same_file && p->line > 0 && p->line == q->line);

    if (earlier->suppressed != SUPPRESSED_NOT && f->suppressed == SUPPRESSED_NOT)
        return false; /* who accepts one thing wants to hear of the others */
    if (earlier->rule == f->rule && earlier->suppressed != f->suppressed)
        return false;
    if (earlier->rule == f->rule)
        return same_line || (f->rule->by_function && same_function) ||
               (f->rule->by_type && f->type != NULL && earlier->type == f->type);
    if (!is_worth_it(advice, earlier) || earlier->certainty == ASK)
        return false; /* nobody gets to see it; it is no cause that is known */
    for (size_t i = 0; i < f->relief_count; i++)
        if (!is_about(earlier, f->reliefs[i].facts))
            return false;
    return f->relief_count > 0;
}

/* Adds what the other one of the same rule saves; but nothing that is only to be asked about to what is more. */
static void merge(struct advice *advice, struct finding *into, const struct finding *other)
{
    if (other->certainty == ASK && into->certainty != ASK)
        return;
    into->more++;
    if (other->certainty > into->certainty)
        into->certainty = other->certainty;
    into->saves_bytes += other->saves_bytes;
    into->saves_allocations += other->saves_allocations;
    into->saves_resident_bytes += other->saves_resident_bytes;
    into->saves_end_bytes += other->saves_end_bytes;
    for (size_t i = 0; i < other->relief_count; i++)
        if (!is_about(into, other->reliefs[i].facts))
            finding_relief(advice, into, &advice->facts[other->reliefs[i].facts], other->reliefs[i].share);
    if (!into->address_space)
        predict(advice, into);
}

static void remove_at(struct advice *advice, size_t index)
{
    finding_free(&advice->findings[index]);
    advice->finding_count--;
    memmove(&advice->findings[index], &advice->findings[index + 1],
            (advice->finding_count - index) * sizeof *advice->findings);
}

static void sort(struct advice *advice)
{
    if (advice->finding_count > 0)
        qsort_r(advice->findings, advice->finding_count, sizeof *advice->findings, in_order, advice);
}

/* True if another rule says all that is to be said of these blocks. */
static bool is_said(const struct advice *advice, const struct finding *f)
{
    for (size_t i = 0; i < advice->finding_count && f->rule->unless != NULL; i++) {
        const struct finding *other = &advice->findings[i];

        if (strcmp(other->rule->id, f->rule->unless) == 0 && other->certainty != ASK &&
            other->suppressed == SUPPRESSED_NOT && f->relief_count > 0 &&
            is_about(other, f->reliefs[0].facts))
            return true;
    }
    return false;
}

static void drop_said(struct advice *advice)
{
    for (size_t i = 0; i < advice->finding_count;)
        if (is_said(advice, &advice->findings[i]))
            remove_at(advice, i);
        else
            i++;
}

/* One chain of cause is one finding. */
static void merge_causes(struct advice *advice)
{
    for (size_t i = 1; i < advice->finding_count;) {
        size_t k = 0;

        while (k < i && !has_cause(advice, &advice->findings[k], &advice->findings[i]))
            k++;
        if (k == i) {
            i++;
            continue;
        }
        if (advice->findings[k].rule == advice->findings[i].rule)
            merge(advice, &advice->findings[k], &advice->findings[i]);
        remove_at(advice, i);
    }
}

/* Finds out whether somebody does not want to see it. */
static void suppress(const struct advice *advice, struct finding *f)
{
    const struct profile_place *place = &advice->profile.places[f->place];
    char *line = NULL;

    if (suppressed_matches(&advice->known, f->rule, place)) {
        f->suppressed = SUPPRESSED_FILE;
    } else if (!f->foreign && source_line(advice->run, place->file, place->line, &line) == SOURCE_FINE) {
        enum ignored ignored = ignored_in_line(line, f->rule);

        f->suppressed = ignored == IGNORED ? SUPPRESSED_COMMENT : SUPPRESSED_NOT;
        f->misnamed = ignored == IGNORED_WHAT;
    }
    free(line);
}

void findings_settle(struct advice *advice, bool all)
{
    for (size_t i = 0; i < advice->finding_count; i++) {
        predict(advice, &advice->findings[i]);
        suppress(advice, &advice->findings[i]);
    }
    drop_said(advice);
    sort(advice);
    merge_causes(advice);
    sort(advice);
    for (size_t i = 0; i < advice->finding_count;) {
        const struct finding *f = &advice->findings[i];
        bool worth = is_worth_it(advice, f) && f->what != NULL && f->remedy != NULL;

        bool shown = worth && (f->certainty != ASK || all), suppressed = f->suppressed != SUPPRESSED_NOT;

        advice->asks += worth && f->certainty == ASK && !f->foreign && !suppressed;
        advice->suppressed[f->suppressed] += shown && suppressed;
        if (!shown || suppressed)
            remove_at(advice, i);
        else
            i++;
    }
    predict_together(advice);
}
