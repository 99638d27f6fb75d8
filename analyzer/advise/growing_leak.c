/* growing_leak.c - a line that holds more and more, steadily, to the end.
 *
 * Evidence: over at least 8 moments live bytes rise (Mann-Kendall, p < 0.01). Three things tell that from a cache. It fills
 * up: so in the last third the slope (Theil and Sen's) is that of all the growth there was, which it is not where most of it
 * came early. Once it is full, no more comes: so no hundredth of the growth is overdue. And it is emptied: so what the line
 * holds is a multiple of what it has ever given back. A program that loads its data looks the same. So it is likely only
 * where the program says itself that a piece of work is done (marks of one name, again and again) and more is held each
 * time, counted by pieces of work and not by seconds: a busy machine makes the last ones longer; or where it was recorded for
 * a minute at least, and stopped from outside. A server that has nothing to do at last leaks nothing meanwhile: so time may
 * also be counted by all that the run allocated, unless it had nothing to do for long: what is loaded first, and then only
 * used, would look the same.
 */
#include "advice_rules.h"
#include "trend.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>

#define P_MOST 0.01
#define SLOWING 0.6   /* of the growth a second of the whole, that the last third may have */
#define STAYS 0.95    /* of what it held at the last moment, that is never freed */
#define RATIO_LEAST 4 /* the last is so many times what the first one was: else it does not grow */
#define BACK_LEAST 4  /* it grew by so many times what it ever gave back */
#define PARTS 100     /* of the growth: how long does each take? */
#define OVERDUE 2     /* so many times the longest of those */
#define NEARLY 0.9    /* of the moments: nearly each of them */
#define IDLE_MOST 3   /* a third of the time it may have had nothing to do at last */
#define LONG_S 60.0

struct series {
    double *t;     /* seconds since the start */
    double *along; /* what it should rise steadily along: see enum along */
    double *bytes; /* live then */
    size_t count;
};

enum along { ALONG_TIME, ALONG_WORK, ALONG_MARKS };

/* What the line held at all moments from its first block on; for ALONG_MARKS, at marks of that name only. */
static void series_of(const struct advice *advice, const struct facts *facts, enum along along, size_t mark,
                      struct series *series)
{
    const struct times *times = &advice->times;
    double marks = 0;

    *series = (struct series){malloc((times->count + 1) * sizeof(double)),
                              malloc((times->count + 1) * sizeof(double)),
                              malloc((times->count + 1) * sizeof(double)), 0};
    for (size_t k = 0; k < times->count; k++) {
        if (along == ALONG_MARKS && times->mark[k] != mark)
            continue;
        marks++;
        if (facts->moment[k].allocations == 0)
            continue;
        series->t[series->count] = times->t[k];
        series->along[series->count] = along == ALONG_MARKS  ? marks
                                       : along == ALONG_WORK ? (double)times->made[k]
                                                             : times->t[k];
        series->bytes[series->count++] = (double)facts->moment[k].live_bytes;
    }
}

static void series_free(struct series *series)
{
    free(series->t);
    free(series->along);
    free(series->bytes);
}

/* True if nearly all that it held at last is never freed; of Python, not until its interpreter shuts down. */
static bool stays(const struct advice *advice, const struct facts *facts, const struct series *series)
{
    const struct times *times = &advice->times;
    bool python = facts->language == ADVICE_PYTHON && times->python_end;
    int64_t end = python ? facts->moment[times->count - 1].live_bytes : facts->m.live_bytes;

    return series->count > 0 && (double)end >= STAYS * series->bytes[series->count - 1];
}

/* True if it rises in the last third about as fast as it did in all, from the first moment to the last. Not asked is whether
 * that is as fast as the slope of all: where a cache is full early, both are those of how it changes since. */
static bool rises_on(const struct series *s, double growth)
{
    double span = s->along[s->count - 1] - s->along[0], third = s->along[0] + span * 2 / 3;
    size_t first = 0;

    while (first < s->count - 4 && s->along[first] < third)
        first++;
    return trend_slope(s->along + first, s->bytes + first, s->count - first) * span >= SLOWING * growth;
}

/* True if it rises from the first to the last, and neither fills up nor is emptied. */
static bool rises(const struct series *s)
{
    if (s->count < TREND_LEAST || trend_test(s->bytes, s->count).p >= P_MOST)
        return false;
    double first = s->bytes[0], last = s->bytes[s->count - 1], growth = last - first;

    if (last < RATIO_LEAST * first || growth <= 0 || growth < BACK_LEAST * trend_fall(s->bytes, s->count))
        return false;
    const struct trend_waits waits = trend_waits(s->along, s->bytes, s->count, growth / PARTS);

    return waits.last <= OVERDUE * waits.longest && rises_on(s, growth);
}

/* True if it rises as long as the run allocated anything, and that was not long ago. */
static bool rises_with_work(const struct advice *advice, const struct facts *facts)
{
    struct series s;

    series_of(advice, facts, ALONG_WORK, 0, &s);
    bool rising = rises(&s);

    if (rising) {
        double growth = s.bytes[s.count - 1] - s.bytes[0], span = s.t[s.count - 1] - s.t[0];

        rising = trend_waits(s.t, s.bytes, s.count, growth / PARTS).last <= span / IDLE_MOST;
    }
    series_free(&s);
    return rising;
}

/* The name that most moments are marks of, if a line can be told by it. 0 = none. */
static size_t repeated_mark(const struct times *times)
{
    size_t *counts = calloc(times->marks.count + 1, sizeof *counts), best = 0;

    for (size_t k = 0; k < times->count; k++)
        if (times->mark[k] != 0 && ++counts[times->mark[k]] > counts[best])
            best = times->mark[k];
    if (counts[best] < TREND_LEAST)
        best = 0;
    free(counts);
    return best;
}

static bool was_stopped(const struct advice *advice)
{
    const struct run *run = advice->run;

    return (double)run->t.wall_ns / 1e9 >= LONG_S && (run->state == RUN_RECORDING || run->t.exit_status < 0);
}

static const char *remedy(enum advice_language language)
{
    static const char *const remedies[ADVICE_LANGUAGES] = {
        [ADVICE_C] =
            "See who should free them: trace-report leaks shows their stacks. A cache needs a limit.",
        [ADVICE_CXX] = "See who owns them: trace-report leaks shows their stacks. A cache needs a limit.",
        [ADVICE_RUST] =
            "See which collection keeps them: trace-report leaks shows their stacks. A cache needs a limit.",
        [ADVICE_PYTHON] =
            ("See which container keeps them: trace-report leaks shows their stacks. A cache needs a limit "
             "(functools.lru_cache(maxsize=...)), or weak references."),
    };

    return remedies[language];
}

/* True if nearly each moment has more than the one before: else it is only so on the whole. */
static bool is_steady(const struct series *series)
{
    size_t more = 0;

    for (size_t k = 1; k < series->count; k++)
        more += series->bytes[k] > series->bytes[k - 1];
    return (double)more >= NEARLY * (double)(series->count - 1);
}

static void make(struct advice *advice, const struct facts *facts, const struct series *series, size_t mark,
                 bool marked)
{
    const struct trend_test test = trend_test(series->bytes, series->count);
    double slope = trend_slope(series->t, series->bytes, series->count); /* bytes a second */
    enum certainty certainty = marked || was_stopped(advice) ? LIKELY : ASK;
    struct finding *f = finding_new(advice, "growing-leak", certainty, facts->place, facts);
    double first = series->bytes[0], last = series->bytes[series->count - 1],
           seconds = series->t[series->count - 1] - series->t[0];
    int64_t held = facts->moment[advice->times.count - 1].live_allocations;
    char from[UNITS_SIZE], to[UNITS_SIZE], time[UNITS_SIZE], rate[UNITS_SIZE], hourly[UNITS_SIZE + 16],
        blocks[UNITS_SIZE];
    int plain = advice->report->bytes;

    finding_relief(advice, f, facts, 1);
    f->saves_end_bytes = whole(last);
    finding_evidence(f, "moments", (double)series->count);
    finding_evidence(f, "bytes_per_second", slope);
    finding_evidence(f, "mann_kendall_z", test.z);
    finding_evidence(f, "p", test.p);
    finding_evidence(f, "first_bytes", first);
    finding_evidence(f, "last_bytes", last);
    finding_evidence(f, "live_allocations", (double)held);
    snprintf(hourly, sizeof hourly, " (%s an hour)", units_bytes(rate, whole(slope * 3600), plain));
    finding_what(f,
                 "It held %s %zu moments%s%s%s: from %s to %s in %s%s, and no slower "
                 "towards the end. %s "
                 "blocks were still there then.%s",
                 is_steady(series) ? "more at nearly each of" : "more and more over", series->count,
                 marked ? " (marks '" : "", marked ? advice->times.marks.text[mark] : "", marked ? "')" : "",
                 units_bytes(from, whole(first), plain), units_bytes(to, whole(last), plain),
                 units_seconds(time, seconds), seconds >= LONG_S ? hourly : "", units_count(blocks, held),
                 certainty == ASK ? " It may be a leak, or data that is being loaded: the record cannot tell."
                                  : "");
    finding_remedy(f, "%s", remedy(facts->language));
}

static void look_at(struct advice *advice, const struct facts *facts, size_t mark)
{
    struct series all, marked = {0};

    if (facts->moment == NULL)
        return;
    series_of(advice, facts, ALONG_TIME, 0, &all);
    if (mark != 0)
        series_of(advice, facts, ALONG_MARKS, mark, &marked);
    bool by_marks = mark != 0 && rises(&marked);
    const struct series *s = by_marks ? &marked : &all;

    if ((by_marks || rises(&all) || rises_with_work(advice, facts)) && stays(advice, facts, s))
        make(advice, facts, s, mark, by_marks);
    series_free(&marked);
    series_free(&all);
}

void rule_growing_leak(struct advice *advice)
{
    size_t mark = repeated_mark(&advice->times);

    for (size_t i = 0; i < advice->facts_count; i++)
        look_at(advice, &advice->facts[i], mark);
}
