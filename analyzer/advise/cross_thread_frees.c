/* cross_thread_frees.c - blocks that one thread makes and others free, again and again.
 *
 * An allocator keeps what a thread frees for that thread: who makes such blocks gets them from memory that others hold, and
 * giving them back takes a lock, or an atomic list, of the thread that made them. Evidence: nearly all blocks of a line
 * were freed elsewhere. That alone is no fault: who reads a file in one thread and drops what was read in another is right.
 * Second signal: there are many, and never more than a few at once, so that these few, handed back, would do.
 */
#include "advice_rules.h"
#include "units.h"

#include <math.h>

#define LEAST 100000 /* blocks: fewer take no time worth a change */
#define NEARLY_ALL 0.9
#define AT_ONCE 0.01 /* of all that were made */

static const char *remedy(enum advice_language language)
{
    static const char *const remedies[ADVICE_LANGUAGES] = {
        [ADVICE_C] =
            "Hand the blocks back, by a second queue, to the thread that makes them, which uses them "
            "again; or hand on many in one block.",
        [ADVICE_CXX] = "Hand the objects back, by a second queue, to the thread that makes them, which uses "
                       "them again; or hand on a std::vector of many.",
        [ADVICE_RUST] = "Send the buffers back, by a second channel, to the thread that makes them, which "
                        "uses them again; or send a Vec of many.",
    };

    return remedies[language];
}

static void look_at(struct advice *advice, const struct facts *facts)
{
    const struct store_measures *m = &facts->m;
    double frees = (double)m->allocations - (double)m->live_allocations,
           elsewhere = fmin((double)facts->fate.freed_elsewhere, frees);
    char count[UNITS_SIZE], all[UNITS_SIZE], most[UNITS_SIZE];

    if (facts->language == ADVICE_PYTHON || !facts->direct || elsewhere < LEAST ||
        elsewhere < NEARLY_ALL * frees || m->bytes <= 0)
        return;
    double each = (double)m->bytes / (double)m->allocations, at_once = ceil((double)m->own_peak_bytes / each);

    if (at_once > AT_ONCE * (double)m->allocations)
        return;
    struct finding *f = finding_new(advice, "cross-thread-frees", LIKELY, facts->place, facts);

    f->saves_allocations = whole(elsewhere - at_once);
    f->saves_bytes = whole((elsewhere - at_once) * each);
    finding_evidence(f, "allocations", (double)m->allocations);
    finding_evidence(f, "frees", frees);
    finding_evidence(f, "freed_elsewhere", elsewhere);
    finding_evidence(f, "own_peak_bytes", (double)m->own_peak_bytes);
    finding_what(f,
                 "%s of its %s blocks were freed by other threads than the one that made them, and about %s "
                 "of them were there at once: the threads contend for the allocator's memory.",
                 units_count(count, whole(elsewhere)), units_count(all, m->allocations),
                 units_count(most, whole(at_once)));
    finding_remedy(f, "%s", remedy(facts->language));
}

void rule_cross_thread_frees(struct advice *advice)
{
    for (size_t i = 0; i < advice->facts_count; i++)
        look_at(advice, &advice->facts[i]);
}
