/* growth_by_copy.c - s += x, realloc(n + 1): a block that is replaced by one a little larger, again and again.
 *
 * Evidence: one block at a time (or the old and the new one), of sizes that rise evenly from small to large, and far more
 * bytes allocated in all than the largest has. A buffer that is made for records of random sizes looks the same; so a
 * second signal is needed:
 *   - at moments in between its size was what so many equal steps make of it: sizes do not go up and down; or
 *   - the most that was live at once is the two largest sizes, to a few steps: of blocks of random sizes those two do not
 *     meet.
 * The record does not know which block replaced which: so this is never certain. Of Python the source has to say that
 * the line makes something longer of what it had: `t = s + "x"` copies a text that grows elsewhere.
 */
#include "advice_rules.h"
#include "python_source.h"
#include "source.h"
#include "units.h"

#include <math.h>
#include <string.h>

#define STEPS_LEAST 32
#define BYTES_TIMES 16     /* times the largest block */
#define LARGEST_LEAST 4096 /* bytes that the largest has at least: less is quickly copied */
#define GROWN_TIMES 8      /* the largest is so many times the smallest */
#define FIT \
    0.1 /* of the largest, that a size may be off: two such moments are a chance of 1 in 25 at most, and */
#define FITS_LEAST 3  /* three of 1 in 100 */
#define PAIRED_PART 3 /* a third of the blocks are of stacks whose two largest ones met */

/* Of Python's own types those that are built piece by piece. Others grow by factors, or are numbers. */
static bool may_grow(const struct advice *advice, const struct facts *facts)
{
    static const char *const types[] = {"str", "bytes", "bytearray", "tuple", ""};
    const char *type = facts_type(advice, facts);

    if (facts->language != ADVICE_PYTHON)
        return true;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i], type) == 0)
            return true;
    return false;
}

/* True if one of two blocks may be as large as the steps make it, and the other one half as large at least: a library that
 * does not know the size in all copies what there is, and then makes room for more (C++'s a + b, Rust's format!). */
static bool may_be_made_of(double mean, double stepped, double largest)
{
    return mean >= stepped / 2 - FIT * largest && mean <= stepped;
}

/* How many moments fit to equal steps; -1 = one of them does not. */
static int fits(const struct advice *advice, const struct facts *facts)
{
    double largest = (double)facts->blocks.largest;
    int fit = 0;

    for (size_t k = 0; facts->moment != NULL && k < advice->times.count; k++) {
        const struct facts_moment *m = &facts->moment[k];
        double part = (double)m->allocations / (double)facts->m.allocations;

        if (m->live_allocations < 1 || m->live_allocations > 2 || part < 0.1 || part > 0.95)
            continue;
        double size = (double)m->live_bytes / (double)m->live_allocations;

        if (fabs(size - part * largest) <= FIT * largest)
            fit++;
        else if (m->live_allocations == 1 || !may_be_made_of(size, part * largest, largest))
            return -1;
    }
    return fit;
}

/* A library that copies and then makes room for more allocates at two stacks, about as often at each. */
static bool two_largest_met(const struct facts *facts)
{
    return facts->paired >= facts->m.allocations / PAIRED_PART;
}

/* False if it is not at hand, too. */
static bool source_agrees(const struct advice *advice, const struct facts *facts)
{
    const struct profile_place *place = &advice->profile.places[facts->place];
    const char *text;
    size_t size;

    return facts->language != ADVICE_PYTHON ||
           (source_whole(advice->run, place->file, &text, &size) == SOURCE_FINE &&
            python_extends(text, size, place->line));
}

static const char *remedy(enum advice_language language)
{
    static const char *const remedies[ADVICE_LANGUAGES] = {
        [ADVICE_C] = "Let it grow by a factor (twice the size whenever it is full), or allocate once if the "
                     "number is known.",
        [ADVICE_CXX] =
            "Do not reserve one more each time: push_back() and append() grow by a factor by themselves, or "
            "reserve() once what is needed in all.",
        [ADVICE_RUST] =
            "Do not reserve_exact() each time: push() grows by a factor by itself, or with_capacity() once.",
        [ADVICE_PYTHON] =
            "Collect the pieces in a list and join them once (''.join(pieces)), or write to io.StringIO; of "
            "bytes, append to a bytearray.",
    };

    return remedies[language];
}

static void look_at(struct advice *advice, const struct facts *facts)
{
    const struct histograms *b = &facts->blocks;
    char count[UNITS_SIZE], smallest[UNITS_SIZE], largest[UNITS_SIZE], bytes[UNITS_SIZE];
    int plain = advice->report->bytes;

    if (!facts->direct || facts->m.allocations < STEPS_LEAST || b->largest < LARGEST_LEAST ||
        b->smallest > b->largest / GROWN_TIMES || facts->m.bytes / BYTES_TIMES <= facts->largest_each ||
        facts_highest(&facts->m) / 2 > facts->largest_each || !may_grow(advice, facts) ||
        !sizes_rise_evenly(facts))
        return;
    int fit = fits(advice, facts);
    bool met = two_largest_met(facts),
         likely = (fit >= FITS_LEAST || (fit >= 0 && met)) && source_agrees(advice, facts);

    if (fit < 0 ||
        (facts->language == ADVICE_PYTHON && !met)) /* Python resizes a text of one owner in place */
        return;
    struct finding *f = finding_new(advice, "growth-by-copy", likely ? LIKELY : ASK, facts->place, facts);

    f->saves_bytes = whole((double)facts->m.bytes - 2 * (double)facts->largest_each);
    f->saves_allocations =
        whole((double)facts->m.allocations - (double)facts->stacks * ceil(log2((double)b->largest)));
    finding_evidence(f, "allocations", (double)facts->m.allocations);
    finding_evidence(f, "bytes", (double)facts->m.bytes);
    finding_evidence(f, "smallest", (double)b->smallest);
    finding_evidence(f, "largest", (double)b->largest);
    finding_evidence(f, "own_peak_bytes", (double)facts_highest(&facts->m));
    finding_evidence(f, "moments_that_fit", fit > 0 ? fit : 0);
    finding_what(f,
                 "%s blocks of %s to %s, %s: %s was allocated, and what could not stay in place copied, to "
                 "end with %s.%s",
                 units_count(count, facts->m.allocations), units_bytes(smallest, b->smallest, plain),
                 units_bytes(largest, b->largest, plain),
                 likely ? "each a little larger than the one before it"
                        : "as many of each size as if each was a little larger than the one before it",
                 units_bytes(bytes, facts->m.bytes, plain), largest,
                 met ? " The old and the new one are held at the same time." : "");
    finding_remedy(f, "%s", remedy(facts->language));
}

void rule_growth_by_copy(struct advice *advice)
{
    for (size_t i = 0; i < advice->facts_count; i++)
        look_at(advice, &advice->facts[i]);
}
