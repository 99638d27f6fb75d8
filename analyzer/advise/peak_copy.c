/* peak_copy.c - the run held most while a block took the place of another one, and both were there.
 *
 *   counted   the peak was over when a thread freed a block right after it had made a larger one at the same stack. That
 *             is how a container grows, and so does what is made from its predecessor and needs it. Certain where the
 *             library that does it is known to copy (std::vector, std::string, hash tables); of Python likely where the
 *             source says that the line extends what it assigns to; else worth a look.
 *   inside    realloc moved a block: within the call both are there. No count of blocks sees that, resident memory does.
 *             Where glibc moves a mapping of its own it copies nothing; the collector leaves that out. Certain, as
 *             realloc keeps the contents.
 */
#include "advice_rules.h"
#include "python_source.h"
#include "source.h"
#include "units.h"

#include <string.h>

/* Functions of libraries that make a block in place of a smaller one and copy, or move, what was in it. */
static const char *const growths[] = {
    "_M_realloc_", "_M_default_append", "_M_fill_insert", "_M_range_insert", "_M_insert_aux",
    "_M_rehash",   "::reserve",         "_M_mutate",      "_M_append",       "_slow_path",
    "::__append",  "::__grow_by",       "__do_rehash",    "shrink_to_fit",   "grow_amortized",
    "finish_grow", "_M_reallocate_map"};

static bool is_growth(const char *function)
{
    for (size_t i = 0; i < sizeof growths / sizeof growths[0]; i++)
        if (strstr(function, growths[i]) != NULL)
            return true;
    return false;
}

/* True if a library's function that grows what it holds is called by the program's own line of this stack. */
static bool library_grows(const struct advice *advice, uint32_t node)
{
    const struct profile *p = &advice->profile;

    for (; node != PROFILE_NONE; node = p->nodes[node].parent) {
        const struct profile_frame *frame = &p->frames[p->nodes[node].frame];

        for (uint32_t i = 0; i < frame->count; i++) {
            uint32_t place = p->frame_places[frame->first + i];

            if (advice->place_is_own[place])
                return false;
            if (p->places[place].library_code && is_growth(p->places[place].function))
                return true;
        }
    }
    return false;
}

static enum certainty how_sure(const struct advice *advice, const struct facts *facts, uint32_t node)
{
    const struct profile_place *place = &advice->profile.places[facts->place];
    const char *text;
    size_t size;

    if (facts->language != ADVICE_PYTHON)
        return library_grows(advice, node) ? CERTAIN : ASK;
    return source_whole(advice->run, place->file, &text, &size) == SOURCE_FINE &&
                   python_extends(text, size, place->line)
               ? LIKELY
               : ASK;
}

static const char *remedy(enum advice_language language)
{
    static const char *const remedies[ADVICE_LANGUAGES] = {
        [ADVICE_C] = "Allocate once what is needed in all, if that is known or can be estimated; or keep the "
                     "data in pieces, which never move.",
        [ADVICE_CXX] = "reserve() what is needed in all before filling it, if that is known or can be "
                       "estimated; or take a std::deque, whose elements never move.",
        [ADVICE_RUST] = "Reserve once what is needed in all (with_capacity), if that is known or can be "
                        "estimated.",
        [ADVICE_PYTHON] = "Fill one bytearray of the final size, or write to a file or io.BytesIO; of text, "
                          "join the pieces once.",
    };

    return remedies[language];
}

static struct finding *begin(struct advice *advice, const struct peak_copy *copy, enum certainty certainty)
{
    const struct facts *facts = &advice->facts[copy->facts];
    struct finding *f = finding_new(advice, "peak-copy", certainty, facts->place, facts);

    finding_evidence(f, "old_bytes", (double)copy->old_bytes);
    finding_evidence(f, "new_bytes", (double)copy->new_bytes);
    finding_evidence(f, "height", (double)copy->height);
    finding_evidence(f, "moves", (double)facts->fate.moves);
    finding_evidence(f, "moved_bytes", (double)facts->fate.moved_bytes);
    finding_remedy(f, "%s", remedy(facts->language));
    return f;
}

static void look_at_counted(struct advice *advice, const struct peak_copy *copy)
{
    const struct facts *facts = &advice->facts[copy->facts];
    char old[UNITS_SIZE], new[UNITS_SIZE];
    int plain = advice->report->bytes;

    if (copy->old_bytes <= 0 || facts->m.peak_bytes < copy->old_bytes)
        return;
    struct finding *f = begin(advice, copy, how_sure(advice, facts, copy->node));

    f->reliefs[0] =
        (struct relief){copy->facts, (double)copy->old_bytes / (double)facts->m.peak_bytes, .copying = true};
    finding_what(
        f,
        "When the run held most, a block of %s had just taken the place of one of %s, which was still "
        "there.",
        units_bytes(new, copy->new_bytes, plain), units_bytes(old, copy->old_bytes, plain));
}

static void look_inside(struct advice *advice, const struct peak_copy *copy)
{
    int64_t peak = advice->run->t.m.peak_bytes,
            otherwise = peak > copy->next_height ? peak : copy->next_height,
            smaller = copy->old_bytes < copy->new_bytes ? copy->old_bytes : copy->new_bytes;
    char old[UNITS_SIZE], new[UNITS_SIZE], more[UNITS_SIZE];
    int plain = advice->report->bytes;
    double above = (double)copy->height - (double)otherwise;

    if (smaller <= 0 || above <= 0)
        return;
    struct finding *f = begin(advice, copy, CERTAIN);

    f->saves_resident_bytes = whole(above < (double)smaller ? above : (double)smaller);
    finding_what(
        f,
        "realloc moved a block of %s into one of %s: while it copied both were there, %s more than the "
        "peak that is counted.",
        units_bytes(old, copy->old_bytes, plain), units_bytes(new, copy->new_bytes, plain),
        units_bytes(more, whole((double)copy->height - (double)peak), plain));
}

void rule_peak_copy(struct advice *advice)
{
    const struct peak_copy *counted = &advice->copies[STORE_COPY_COUNTED],
                           *inside = &advice->copies[STORE_COPY_INSIDE];

    if (counted->facts != PROFILE_NONE)
        look_at_counted(advice, counted);
    if (inside->facts != PROFILE_NONE)
        look_inside(advice, inside);
}
