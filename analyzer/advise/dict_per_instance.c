/* dict_per_instance.c - instances of a Python class that each have their attributes in a dict, or in an array of values
 * beside them.
 *
 * Evidence, of exact types: since CPython 3.11, the instruction that makes an instance also makes one block without a type
 * for each, all of one size: its array of values. Up to 3.10 a dict for each instance is made in what that instruction
 * calls (__init__), and an array of values with it, of a size that no other dict's keys have. With __slots__ both are gone,
 * and the instance has a word for each attribute behind its head. In 3.13 and later the values lie in the instance itself:
 * there is nothing to see, and less to save.
 *
 * How many attributes that are the array says at most, as it may have room to spare. The collector mostly has seen how many
 * names the class's instances share, which is exact: each of them takes a slot.
 *
 * Certain is it of instances of the size that has room for nothing but these pointers: what is larger may have another
 * reason for a block beside it (a list's items, slots). Nor is it if the source says that something needs the dict.
 */
#include "advice_rules.h"
#include "python_classes.h"
#include "units.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST 1000 /* instances at the peak */
#define WORD 8
#define POINTERS 16 /* to dict, values and weak references, before or in an instance; beside that, */
#define WEAKREF 8   /* in 3.11, is that to weak references */
#define PLAIN \
    48 /* bytes of an instance that has nothing but these pointers and its head; 3.11: and WEAKREF */
#define DICT_MOST 80 /* of values, up to 3.10: those of ten attributes. Keys of other dicts are larger */
#define DICT_SMALL 5 /* attributes that the smaller arrays of those have room for */
#define LEVELS 8     /* calls below the one that makes an instance that are looked at */
#define SAME 0.01    /* that counts may differ by: dicts are taken from free lists, too */
#define WORDED 40
#define FIXED 1.05 /* the mean size to the smallest, where all have the same attributes */

/* The sites of blocks that are made one for each instance. dicts: up to 3.10. */
struct beside {
    const struct facts_site *values, *dicts;
};

/* The instances of a class that one line makes. */
struct instances {
    double objects, all;                           /* at the peak, and in all */
    struct beside of;                              /* those of the stack with most of them, */
    double object_bytes, values_bytes, dict_bytes; /* and what each of these has */
};

static bool same_count(int64_t a, int64_t b)
{
    double x = (double)a, y = (double)b;

    return a > 0 && b > 0 && x <= y * (1 + SAME) && y <= x * (1 + SAME);
}

/* True if both have as many blocks, in all and at the peak. */
static bool one_each(const struct facts_site *a, const struct facts_site *b)
{
    return same_count(a->allocations, b->allocations) && same_count(a->peak_allocations, b->peak_allocations);
}

static double bytes_each(const struct facts_site *site)
{
    return (double)site->bytes / (double)site->allocations;
}

/* ---- what is beside the instances ---------------------------------------------------------------- */

/* Sites of one calling instruction lie next to each other. */
static size_t end_of_call(const struct advice *advice, size_t first)
{
    size_t end = first + 1;

    while (end < advice->site_count && advice->sites[end].call == advice->sites[first].call &&
           advice->sites[end].frame == advice->sites[first].frame)
        end++;
    return end;
}

/* The only site of what is no object, of a call's from first to end, that has a block for each of these. */
static const struct facts_site *one_for_each(const struct advice *advice, size_t first, size_t end,
                                             const struct facts_site *objects)
{
    const struct facts_site *found = NULL;

    for (size_t i = first; i < end; i++) {
        const struct facts_site *site = &advice->sites[i];

        const struct facts *facts = &advice->facts[site->facts];

        if ((facts->type != 0 && !facts->beside) || !one_each(site, objects))
            continue;
        if (found != NULL)
            return NULL;
        found = site;
    }
    return found;
}

/* How many calls below that one the site is made; 0 = it is not below it. */
static int calls_below(const struct advice *advice, const struct facts_site *site,
                       const struct facts_site *call)
{
    const struct profile_node *nodes = advice->profile.nodes;
    uint32_t node = site->call;

    for (int i = 1; i <= LEVELS && node != PROFILE_NONE; i++, node = nodes[node].parent)
        if (nodes[node].frame == call->frame && nodes[node].parent == call->call)
            return i;
    return 0;
}

static bool is_instance(const struct advice *advice, const struct facts_site *site)
{
    return strchr(facts_type(advice, &advice->facts[site->facts]), '.') !=
           NULL; /* Python's own types have no dot */
}

/* Up to 3.10: dicts that the call itself makes, and values with them; nothing if it makes other instances, too, as the
 * dicts may be theirs. */
static struct beside dict_for_each(const struct advice *advice, const struct facts_site *objects,
                                   uint32_t dict)
{
    struct beside found = {0};
    bool others = false;

    for (size_t first = 0, end; first < advice->site_count; first = end) {
        end = end_of_call(advice, first);
        for (size_t i = first; i < end; i++) {
            const struct facts_site *site = &advice->sites[i];
            int below = one_each(site, objects) ? calls_below(advice, site, objects) : 0;

            others |= below > 0 && is_instance(advice, site);
            if (below != 1 || advice->facts[site->facts].type != dict)
                continue;
            found.dicts = site;
            found.values = one_for_each(advice, first, end, objects);
            if (found.values != NULL && bytes_each(found.values) > DICT_MOST)
                found.values = NULL;
        }
    }
    if (others)
        found = (struct beside){0};
    return found;
}

/* Adds what belongs to a site of instances; the sites of that call are from first to end. */
static void add(const struct advice *advice, struct instances *to, const struct facts_site *objects,
                size_t first, size_t end, uint32_t dict)
{
    struct beside found = {.values = one_for_each(advice, first, end, objects)};

    if (found.values == NULL && dict != 0)
        found = dict_for_each(advice, objects, dict);
    if (found.values == NULL)
        return;
    to->objects += (double)objects->peak_allocations;
    to->all += (double)objects->allocations;
    if (to->of.values != NULL && to->of.values->peak_allocations >= found.values->peak_allocations)
        return;
    to->of = found;
    to->object_bytes = bytes_each(objects);
    to->values_bytes = bytes_each(found.values);
    to->dict_bytes = found.dicts != NULL ? bytes_each(found.dicts) : 0;
}

/* ---- the finding --------------------------------------------------------------------------------- */

/* The site's blocks would not be there: so much of its facts' bytes. */
static void relieve(struct advice *advice, struct finding *finding, const struct facts_site *site)
{
    const struct facts *facts = &advice->facts[site->facts];

    if (facts->m.peak_bytes > 0)
        finding_relief(advice, finding, facts, (double)site->peak_bytes / (double)facts->m.peak_bytes);
}

/* What the array has room for. */
static double attributes_at_most(const struct instances *of)
{
    double words = (double)whole(of->values_bytes / WORD + 0.01);

    return of->of.dicts != NULL ? words : words - 2; /* of 3.11 and 3.12 there is a head, and one to spare */
}

/* True if so many names may be all that there are. They may have been seen before the instances had all their attributes, and
 * never again: then the array has more room than those need. From 3.11 on that is for one more, and a byte for each. */
static bool is_all(const struct instances *of, int64_t keys)
{
    int64_t words = whole(of->values_bytes / WORD + 0.01);

    if (keys < 0 || (double)keys > attributes_at_most(of))
        return false;
    if (of->of.dicts != NULL)
        return keys > (words > DICT_SMALL ? DICT_SMALL : 0);
    int64_t room = keys + 1;

    return words <= room + (room + 2 + WORD - 1) / WORD;
}

/* " of 3 attributes"; nothing where it is not known. */
static void word_attributes(char text[WORDED], int64_t attributes)
{
    text[0] = '\0';
    if (attributes >= 0)
        snprintf(text, WORDED, " of %" PRId64 " attribute%s", attributes, attributes == 1 ? "" : "s");
}

static void make(struct advice *advice, const struct facts *facts, const struct instances *of)
{
    int64_t keys = python_class_keys(advice, facts_type(advice, facts));
    bool is_known = is_all(of, keys);
    double attributes = is_known ? (double)keys : attributes_at_most(of),
           plain = PLAIN + (python_is_3_11(&advice->profile) ? WEAKREF : 0),
           now = of->object_bytes + of->values_bytes + of->dict_bytes,
           then = of->object_bytes - POINTERS - (plain - PLAIN) + WORD * attributes;
    bool proved = python_class_is_own(advice, facts_type(advice, facts)) && of->object_bytes <= plain &&
                  of->objects >= LEAST && !python_class_needs_dict(advice, facts_type(advice, facts));
    const char *type = facts_type(advice, facts), *dot = strrchr(type, '.');
    char count[UNITS_SIZE], with[WORDED];

    word_attributes(with, is_known ? keys : -1);
    if (of->objects < LEAST || attributes < 0 || now <= then)
        return;
    struct finding *f = finding_new(advice, "dict-per-instance", proved ? CERTAIN : ASK, facts->place, facts);

    relieve(advice, f, of->of.values);
    if (of->of.dicts != NULL)
        relieve(advice, f, of->of.dicts);
    finding_relief(advice, f, facts, (of->object_bytes - then) / of->object_bytes);
    f->saves_bytes = whole(of->all * (now - then));
    f->saves_allocations = whole(of->all * (of->of.dicts != NULL ? 2 : 1));
    finding_evidence(f, "instances", of->objects);
    finding_evidence(f, "bytes_each", now);
    finding_evidence(f, "instance_bytes", of->object_bytes);
    finding_evidence(f, "values_bytes", of->values_bytes);
    finding_evidence(f, "dict_bytes", of->dict_bytes);
    finding_evidence(f, "bytes_each_with_slots", then);
    if (is_known)
        finding_evidence(f, "attributes", attributes);
    finding_what(f,
                 "%s instances of %s%s at the peak, each with %s beside it: %.0f bytes an instance. With "
                 "__slots__ it is %s%.0f.",
                 units_count(count, whole(of->objects)), dot != NULL ? dot + 1 : type, with,
                 of->of.dicts != NULL ? "a dict" : "a block for its attributes", now,
                 of->of.dicts != NULL && !is_known ? "at most " : "", then);
    finding_remedy(
        f,
        "Unless something needs their __dict__ or sets further attributes: give the class, and those that it "
        "inherits from, __slots__ with the names of its attributes (and \"__weakref__\", if there are weak "
        "references "
        "to it), or make it a @dataclass(slots=True).");
}

static uint32_t number_of_dict(const struct profile *profile)
{
    for (uint32_t i = 1; i < profile->types.count; i++)
        if (strcmp(profile->types.text[i], "dict") == 0)
            return i;
    return 0;
}

void rule_dict_per_instance(struct advice *advice)
{
    struct instances *of = calloc(advice->facts_count + 1, sizeof *of);
    uint32_t dict = number_of_dict(&advice->profile);

    for (size_t first = 0, end; first < advice->site_count; first = end) {
        end = end_of_call(advice, first);
        for (size_t i = first; i < end; i++) {
            const struct facts_site *site = &advice->sites[i];
            const struct facts *facts = &advice->facts[site->facts];

            if (facts->language == ADVICE_PYTHON && site->peak_allocations >= LEAST / 2 &&
                is_instance(advice, site) &&
                (double)facts->m.bytes <=
                    FIXED * (double)facts->m.allocations * (double)facts->blocks.smallest)
                add(advice, &of[site->facts], site, first, end, dict);
        }
    }
    size_t count = advice->facts_count;

    for (size_t i = 0; i < count; i++)
        if (of[i].of.values != NULL)
            make(advice, &advice->facts[i], &of[i]);
    free(of);
}
