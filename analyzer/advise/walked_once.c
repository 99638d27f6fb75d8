/* walked_once.c - a Python list that is built whole, walked once, and never used again: a generator would hold one of its
 * elements at a time.
 *
 * Two signals: the record says that one list of many elements is held at the peak, with all that was made for it (what is
 * allocated by its line, and below it); the source says that its name is used once more, in a loop that keeps nothing, see
 * python_source.h. Without the source there is nothing to tell.
 */
#include "python_source.h"
#include "advice_rules.h"
#include "source.h"
#include "units.h"

#include <stdlib.h>
#include <string.h>

#define LEAST 10000 /* elements */
#define POINTER 8
#define LEAST_PART 100 /* what has less than a hundredth of the list and its elements is not told apart */

static bool has_place(const struct profile *p, uint32_t node, uint32_t place)
{
    const struct profile_place *wanted = &p->places[place];

    for (; node != PROFILE_NONE; node = p->nodes[node].parent) {
        const struct profile_frame *frame = &p->frames[p->nodes[node].frame];

        for (uint32_t i = 0; i < frame->count; i++) {
            const struct profile_place *there = &p->places[p->frame_places[frame->first + i]];

            if (there == wanted || (there->line == wanted->line && there->file != NULL &&
                                    wanted->file != NULL && strcmp(there->file, wanted->file) == 0))
                return true;
        }
    }
    return false;
}

/* What is held at the peak of blocks that were made by this line or below it, by index of facts. Returns the sum. */
static double made_by(const struct advice *advice, uint32_t place, double *held)
{
    double sum = 0;

    for (size_t i = 0; i < advice->site_count; i++) {
        const struct facts_site *site = &advice->sites[i];

        if (site->peak_bytes > 0 && has_place(&advice->profile, site->node, place)) {
            held[site->facts] += (double)site->peak_bytes;
            sum += (double)site->peak_bytes;
        }
    }
    return sum;
}

static void make(struct advice *advice, const struct facts *list, const struct python_walk *walk,
                 double *held)
{
    double elements = (double)list->blocks.largest / POINTER, sum = made_by(advice, list->place, held);
    struct finding *f = finding_new(advice, "walked-once", LIKELY, list->place, list);
    char count[UNITS_SIZE], array[UNITS_SIZE], all[UNITS_SIZE];
    int plain = advice->report->bytes;

    f->type = "list";
    for (size_t i = 0; i < advice->facts_count; i++)
        if (held[i] * LEAST_PART > sum)
            finding_relief(advice, f, &advice->facts[i],
                           held[i] / (double)advice->facts[i].m.peak_bytes * (1 - 1 / elements));
    f->saves_bytes = whole((double)list->m.bytes);
    f->saves_allocations = whole((double)list->m.allocations);
    finding_evidence(f, "elements_at_most", elements);
    finding_evidence(f, "list_bytes", (double)list->blocks.largest);
    finding_evidence(f, "bytes_at_peak", sum);
    finding_evidence(f, "walked_at_line", (double)walk->line);
    finding_what(f,
                 "'%s' is built whole and then only walked once, in line %lld: at the peak it holds up to %s "
                 "elements, %s with all that was made for them (the list itself %s).",
                 walk->name, (long long)walk->line, units_count(count, whole(elements)),
                 units_bytes(all, whole(sum), plain), units_bytes(array, list->blocks.largest, plain));
    finding_remedy(
        f,
        "Make it a generator: round brackets instead of square ones, or without list(). Each element is then "
        "made when the loop asks for it, and freed after its step.");
}

/* A list's array is no object: looks may have shown what it is. */
static bool is_list(const struct advice *advice, const struct facts *facts)
{
    bool array = facts->type == 0 || (facts->beside && strcmp(facts_type(advice, facts), "list items") == 0);

    return facts->language == ADVICE_PYTHON && facts->own && array && facts->m.peak_allocations == 1 &&
           facts->blocks.largest >= LEAST * POINTER && facts->m.peak_bytes >= LEAST * POINTER;
}

void rule_walked_once(struct advice *advice)
{
    double *held = calloc(advice->facts_count + 1, sizeof *held);

    for (size_t i = 0; i < advice->facts_count; i++) {
        const struct facts *facts = &advice->facts[i];
        const struct profile_place *place = &advice->profile.places[facts->place];
        struct python_walk walk;
        const char *text;
        size_t size;

        if (!is_list(advice, facts) || source_whole(advice->run, place->file, &text, &size) != SOURCE_FINE ||
            !python_walked_once(text, size, place->line, &walk))
            continue;
        memset(held, 0, (advice->facts_count + 1) * sizeof *held);
        make(advice, facts, &walk, held);
    }
    free(held);
}
