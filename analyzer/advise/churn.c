/* churn.c - a block that is made and freed again, many times, where one that is kept would do.
 *
 * Certain: each was freed before its thread's next allocation (temporary), or the process had one thread and no stack ever
 * had two of them. Python's own objects are none of it: every loop makes them, and Python keeps their memory. Of them only
 * large buffers are worth a look.
 */
#include "advice_rules.h"
#include "units.h"

#include <stdio.h>
#include <string.h>

#define LEAST 10000 /* blocks, if they have a lot of bytes in all; */
#define MUCH (64 << 20)
#define MANY 100000 /* or so many, of whatever size: fewer take no time worth a change */
#define ALL 0.99
#define LARGE 4096 /* bytes of a Python object that is a buffer rather than a value */

static bool is_buffer(const struct advice *advice, const struct facts *facts)
{
    const char *type = facts_type(advice, facts);

    return facts->m.bytes / facts->m.allocations >= LARGE &&
           (strcmp(type, "bytes") == 0 || strcmp(type, "bytearray") == 0 || *type == '\0');
}

static const char *remedy(enum advice_language language)
{
    static const char *const remedies[ADVICE_LANGUAGES] = {
        [ADVICE_C] =
            "Allocate one block before the loop and use it again, or, if it is small, an array on the stack.",
        [ADVICE_CXX] = ("Keep one object outside the loop and clear() it, which keeps its memory; or pass it "
                        "by reference."),
        [ADVICE_RUST] = "Keep one outside the loop and clear() it, which keeps its memory.",
        [ADVICE_PYTHON] =
            "Keep one bytearray and fill it anew: readinto() instead of read(), memoryview for parts.",
    };

    return remedies[language];
}

#define HOW_SIZE 96

/* In words; each stack is looked at by itself. */
static const char *one_by_one(char how[HOW_SIZE], const struct facts *facts, bool at_once)
{
    char count[UNITS_SIZE];

    if (at_once)
        return "each is freed before the next allocation of its thread";
    if (facts->stacks == 1)
        return "there are never two of them at the same time";
    snprintf(how, HOW_SIZE, "none of its %s callers ever has two of them at the same time",
             units_count(count, facts->stacks));
    return how;
}

static void look_at(struct advice *advice, const struct facts *facts)
{
    const struct store_measures *m = &facts->m;
    char count[UNITS_SIZE], bytes[UNITS_SIZE], most[UNITS_SIZE], how[HOW_SIZE];
    int plain = advice->report->bytes;

    if (!facts->direct || m->allocations < (m->bytes >= MUCH ? LEAST : MANY) ||
        (sizes_rise_evenly(facts) && m->temporary == 0))
        return;
    bool at_once = (double)m->temporary >= ALL * (double)m->allocations,
         alone = facts->one_each && advice->run->threads <= advice->run->processes,
         python = facts->language == ADVICE_PYTHON;

    if ((!at_once && !facts->one_each) || (python && !is_buffer(advice, facts)))
        return;
    struct finding *f =
        finding_new(advice, "churn", !python && (at_once || alone) ? CERTAIN : ASK, facts->place, facts);

    f->saves_allocations = whole((double)m->allocations - (double)facts->stacks);
    f->saves_bytes = whole((double)m->bytes - (double)facts->largest_each);
    finding_evidence(f, "allocations", (double)m->allocations);
    finding_evidence(f, "temporary", (double)m->temporary);
    finding_evidence(f, "bytes", (double)m->bytes);
    finding_evidence(f, "largest", (double)facts->blocks.largest);
    finding_evidence(f, "own_peak_bytes", (double)m->own_peak_bytes);
    finding_what(f, "%s blocks (%s) one after the other: %s. The largest has %s.",
                 units_count(count, m->allocations), units_bytes(bytes, m->bytes, plain),
                 one_by_one(how, facts, at_once), units_bytes(most, facts->blocks.largest, plain));
    finding_remedy(f, "%s", remedy(facts->language));
}

void rule_churn(struct advice *advice)
{
    for (size_t i = 0; i < advice->facts_count; i++)
        look_at(advice, &advice->facts[i]);
}
