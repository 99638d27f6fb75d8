/* pages.c - rules about where memory lies: what the latest look at the pages of the run's processes saw.
 *
 * pinned-pages   blocks of a line keep pages on which nearly everything else is free. It matters only if the program goes on
 *                with a small heap after its peak: at the end of a program that frees all first, nobody minds.
 * never-touched  blocks of 64 KiB and more of which no page is there. Nothing was swapped out; so nobody wrote to it, or
 *                somebody gave the pages back (MADV_DONTNEED): certain where there never was so much more resident that
 *                they may have been. It costs address space only.
 */
#include "advice_rules.h"
#include "units.h"

#include <string.h>

#define LEAST (1 << 20)
#define LEAST_PART 10      /* a tenth of what is resident */
#define PINS_TIMES 4       /* times what the blocks have themselves */
#define LATER 0.2          /* of the run's time, with half of the peak at most, after it */
#define UNTOUCHED_PART 0.5 /* of what the line holds */

static const struct profile_place *find_place(const struct advice *advice, const char *file, int64_t line,
                                              const char *function, uint32_t *index)
{
    for (size_t i = PROFILE_FIRST; file != NULL && function != NULL && i < advice->profile.place_count; i++) {
        const struct profile_place *p = &advice->profile.places[i];

        if (p->line == line && p->file != NULL && strcmp(p->file, file) == 0 &&
            strcmp(p->function, function) == 0) {
            *index = (uint32_t)i;
            return p;
        }
    }
    return NULL;
}

/* The part of the run's time that it spent after its peak with half of that at most. */
static double low_after_peak(const struct advice *advice)
{
    const struct times *times = &advice->times;
    double low = 0, peak_t = (double)advice->run->t.peak_ns / 1e9, end = (double)advice->run->t.wall_ns / 1e9;

    for (size_t k = 0; k < times->count; k++) {
        double until = k + 1 < times->count ? times->t[k + 1] : end;

        if (times->t[k] > peak_t && times->live[k] <= advice->run->t.m.peak_bytes / 2)
            low += until - times->t[k];
    }
    return end > 0 ? low / end : 0;
}

static const char *pinned_remedy(bool python)
{
    return python
               ? "Make what stays before what goes, or drop what holds it once it is not needed: an arena of "
                 "Python's goes "
                 "back as a whole."
               : "Allocate what stays apart from what goes: before it, or in an arena or a pool of its own.";
}

/* Of pages the line that allocates is known, but not who called it. */
static void set_remedy(const struct advice *advice, struct finding *finding, uint32_t place,
                       const char *remedy)
{
    if (advice->place_is_wrapper[place])
        finding_remedy(finding, "%s trace-report function %s says who calls it.", remedy,
                       advice->profile.places[place].function);
    else
        finding_remedy(finding, "%s", remedy);
}

void rule_pinned_pages(struct advice *advice)
{
    bool goes_on = low_after_peak(advice) >= LATER;

    for (size_t i = 0; i < advice->pinned.count; i++) {
        const struct resident_row *row = &advice->pinned.rows[i];
        char blocks[UNITS_SIZE], own[UNITS_SIZE], pinned[UNITS_SIZE];
        uint32_t index;
        const struct profile_place *place;
        int plain = advice->report->bytes;

        if (row->m.pinned < LEAST || row->m.pinned < advice->resident.moment.resident / LEAST_PART ||
            (double)row->m.pinned < PINS_TIMES * ((double)row->m.live + (double)row->m.rounding) ||
            (place = find_place(advice, row->file, row->line, row->function, &index)) == NULL)
            continue;
        struct finding *f = finding_new(advice, "pinned-pages", goes_on ? CERTAIN : ASK, index, NULL);

        f->saves_resident_bytes = whole((double)row->m.pinned);
        finding_evidence(f, "pinned_bytes", (double)row->m.pinned);
        finding_evidence(f, "blocks", (double)row->m.blocks);
        finding_evidence(f, "live_bytes", (double)row->m.live);
        finding_evidence(f, "moment_s", (double)advice->resident.moment.t_ns / 1e9);
        finding_what(f,
                     "%s blocks of %s in all lie scattered: on their pages %s are free, which cannot go back "
                     "to the system.",
                     units_count(blocks, row->m.blocks), units_bytes(own, row->m.live, plain),
                     units_bytes(pinned, row->m.pinned, plain));
        set_remedy(advice, f, index, pinned_remedy(strcmp(place->language, "python") == 0));
    }
}

/* What the line, as looks at pages name it, holds at the peak. */
static int64_t peak_of_line(const struct advice *advice, uint32_t line)
{
    int64_t sum = 0;

    for (size_t i = 0; i < advice->site_count; i++)
        if (advice->sites[i].line == line)
            sum = (int64_t)((uint64_t)sum + (uint64_t)advice->sites[i].peak_bytes);
    return sum;
}

/* What a line's blocks had resident when most of what was seen was; *seen: how much that was. */
static int64_t resident_when_highest(struct advice *advice, const struct resident_line *line, int64_t *seen)
{
    struct resident highest;
    int64_t found = 0;
    int status = resident_read(advice->report, advice->run, advice->filter, resident_highest, 0, &highest);

    *seen = status == EXIT_FINE ? highest.moment.resident : 0;
    for (size_t i = 0; status == EXIT_FINE && i < highest.parts[PAGES_LIVE].count; i++) {
        const struct resident_line *there = &highest.parts[PAGES_LIVE].lines[i];

        if (there->file != NULL && there->function != NULL && there->line == line->line &&
            strcmp(there->file, line->file) == 0 && strcmp(there->function, line->function) == 0)
            found += there->bytes;
    }
    resident_free(&highest);
    if (status != EXIT_FINE)
        advice->status = status;
    return found;
}

/* True if half of what has no page now may have had some before: so much more was resident once, and nobody saw that it was
 * something else. What was resident when nobody looked may have been just that. */
static bool may_be_given_back(struct advice *advice, const struct resident_line *line)
{
    int64_t most = advice->run->t.peak_rss_bytes, seen = advice->resident.moment.resident, there = 0;

    if (most - seen < line->bytes / 2)
        return false;
    if (advice->resident.highest.id != advice->resident.moment.id)
        there = resident_when_highest(advice, line, &seen);
    return there + (most - seen) >= line->bytes / 2;
}

void rule_never_touched(struct advice *advice)
{
    const struct resident_part *part = &advice->resident.parts[STORE_PAGES_UNTOUCHED];

    for (size_t i = 0; i < part->count && advice->resident.moment.swapped == 0; i++) {
        const struct resident_line *line = &part->lines[i];
        char bytes[UNITS_SIZE];
        uint32_t index;

        if (line->bytes < LEAST || find_place(advice, line->file, line->line, line->function, &index) == NULL)
            continue;
        int64_t peak = peak_of_line(advice, index);

        if ((double)line->bytes < UNTOUCHED_PART * (double)peak)
            continue;
        bool unsure = may_be_given_back(advice, line);
        struct finding *f = finding_new(advice, "never-touched", unsure ? ASK : CERTAIN, index, NULL);

        f->address_space = true;
        f->saves_peak_bytes = whole((double)(line->bytes < peak ? line->bytes : peak));
        finding_evidence(f, "untouched_bytes", (double)line->bytes);
        finding_evidence(f, "peak_bytes", (double)peak);
        finding_evidence(f, "moment_s", (double)advice->resident.moment.t_ns / 1e9);
        finding_what(f, "%s of its blocks %s: they cost address space, and no memory.",
                     units_bytes(bytes, line->bytes, advice->report->bytes),
                     unsure ? "have no pages, were never touched or were given back" : "were never touched");
        set_remedy(advice, f, index,
                   "Ask for what is needed, and for more when it is; or leave it, where nothing limits "
                   "address space.");
    }
}
