/* small_blocks.c - many small blocks of one size, each of which the C library rounds up and puts a header before.
 *
 * What that costs is glibc's (malloc/malloc.c, request2size): 8 bytes more, up to a multiple of 16, 32 at least. Other
 * allocators keep sizes apart and have no headers; Python has an allocator of its own: nothing is said of those. Certain
 * where all blocks that were ever made were there at once: then they can be in one piece of memory that is freed as a whole.
 */
#include "advice_rules.h"
#include "units.h"

#include <math.h>

#define LEAST 10000
#define SMALL 64         /* bytes */
#define LEAST_PART 0.2   /* of what they take in all */
#define PIECE (64 << 10) /* bytes that are allocated at once instead */
#define ALL 0.99

static int64_t chunk(int64_t size)
{
    int64_t needed = (size + 8 + 15) & ~15ll;

    return needed < 32 ? 32 : needed;
}

static const char *remedy(enum advice_language language, bool together)
{
    static const char *const remedies[ADVICE_LANGUAGES][2] = {
        [ADVICE_C] = {"Take them from a pool: an array of them, with a list of those that are free.",
                      "Take them from an arena: one large block after the other, freed as a whole."},
        [ADVICE_CXX] =
            {"Give the container a pool (std::pmr::unsynchronized_pool_resource), or use one that lies in "
             "one piece "
             "(std::vector, a flat map).",
             "Use a container that lies in one piece (std::vector, a flat map), or give it an arena "
             "(std::pmr::monotonic_buffer_resource)."},
        [ADVICE_RUST] = {"Keep them in a Vec and refer to them by index (slab), rather than in a Box each.",
                         "Keep them in a Vec and refer to them by index, or in an arena (typed-arena), "
                         "rather than in a Box "
                         "each."},
    };

    return remedies[language][together];
}

static void look_at(struct advice *advice, const struct facts *facts)
{
    const struct store_measures *m = &facts->m;
    char count[UNITS_SIZE], size[UNITS_SIZE], over[UNITS_SIZE];
    int64_t largest = facts->blocks.largest, each = largest > 0 && largest <= SMALL ? largest : 0,
            extra = chunk(each) - each;
    int plain = advice->report->bytes;

    if (!facts->direct || facts->language == ADVICE_PYTHON || m->peak_allocations < LEAST || each == 0 ||
        facts->blocks.smallest != each || (double)extra < LEAST_PART * (double)chunk(each))
        return;
    bool together = (double)m->peak_allocations >= ALL * (double)m->allocations;
    struct finding *f = finding_new(advice, "small-blocks", together ? CERTAIN : ASK, facts->place, facts);

    f->saves_resident_bytes = whole((double)m->peak_allocations * (double)extra);
    f->saves_allocations = together ? whole((double)m->allocations - ceil((double)m->bytes / PIECE)) : 0;
    finding_evidence(f, "peak_allocations", (double)m->peak_allocations);
    finding_evidence(f, "allocations", (double)m->allocations);
    finding_evidence(f, "size", (double)each);
    finding_evidence(f, "bytes_beside_each", (double)extra);
    finding_what(f,
                 "%s blocks of %s at the peak: header and rounding of malloc take %s beside them, %.0f %% of "
                 "what was asked "
                 "for.%s",
                 units_count(count, m->peak_allocations), units_bytes(size, each, plain),
                 units_bytes(over, f->saves_resident_bytes, plain), 100 * (double)extra / (double)each,
                 together ? " All that were ever made were there at once." : "");
    finding_remedy(f, "%s", remedy(facts->language, together));
}

static bool is_glibc(const struct advice *advice)
{
    return advice->resident.moments == 0 || advice->resident.allocator <= RESIDENT_GLIBC;
}

void rule_small_blocks(struct advice *advice)
{
    for (size_t i = 0; is_glibc(advice) && i < advice->facts_count; i++)
        look_at(advice, &advice->facts[i]);
}
