/* dict_per_instance.c - instances of a Python class that each have their attributes in a dict, or in an array of values
 * beside them.
 *
 * Evidence, of exact types: the instruction that makes an instance also makes one block without a type for each, all of one
 * size: since CPython 3.11 the array of values. Up to 3.10 a dict for each instance is made below that instruction, mostly in
 * __init__, and an array of values with it. With __slots__ both are gone, and the instance has a word for each attribute
 * behind its head. In 3.13 and later the values lie in the instance itself: there is nothing to see, and less to save.
 */
#include "advice_rules.h"
#include "units.h"

#include <stdlib.h>
#include <string.h>

#define LEAST 1000 /* instances at the peak */
#define WORD 8
#define POINTERS 16 /* to dict, values and weak references, before or in an instance; beside that, */
#define WEAKREF 8   /* in 3.11, is that to weak references */
#define LEVELS 8    /* calls from the class to where its dict is made */
#define SAME 0.01   /* that counts may differ by: dicts are taken from free lists, too */
#define FIXED 1.05  /* the mean size to the smallest, where all have the same attributes */

/* What belongs to the instances of a class that one line makes. */
struct instances {
    double objects, object_bytes, values_bytes, dict_bytes, all, all_bytes;
    const struct facts *dicts, *values; /* of those of the largest stack */
    double dicts_part, values_part;     /* the share of these that is meant */
};

static bool same_count(int64_t a, int64_t b)
{
    double x = (double)a, y = (double)b;

    return a > 0 && b > 0 && x <= y * (1 + SAME) && y <= x * (1 + SAME);
}

/* ---- whose class it is --------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end, size_t length)
{
    size_t n = strlen(text);

    return n >= length && memcmp(text + n - length, end, length) == 0;
}

/* True for a module's file, as the first characters of a dotted name: pkg.mod is pkg/mod.py or pkg/mod/__init__.py. */
static bool is_file_of(const char *file, const char *name, size_t length)
{
    char path[512];

    if (length + sizeof "/.py" > sizeof path)
        return false;
    path[0] = '/';
    for (size_t i = 0; i < length; i++)
        path[1 + i] = name[i] == '.' ? '/' : name[i];
    memcpy(path + 1 + length, ".py", 4);
    if (ends_with(file, path, length + 4) || strcmp(file, path + 1) == 0)
        return true;
    return strlen(file) > 12 && strcmp(file + strlen(file) - 12, "/__init__.py") == 0 &&
           strlen(file) >= 12 + length + 1 &&
           memcmp(file + strlen(file) - 12 - length - 1, path, length + 1) == 0;
}

/* A class of the program's own modules, written in Python: others have no __slots__ that could be added. */
static bool is_own_class(const struct advice *advice, const char *type)
{
    const struct profile *p = &advice->profile;

    if (strncmp(type, "__main__.", 9) == 0)
        return true;
    for (const char *dot = strchr(type, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
        for (size_t i = 0; i < p->place_count; i++)
            if (advice->place_is_own[i] && strcmp(p->places[i].language, "python") == 0 &&
                is_file_of(p->places[i].file, type, (size_t)(dot - type)))
                return true;
    return false;
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

/* The only site without a type from first to end that has a block for each of so many, all of one size. */
static const struct facts_site *one_for_each(const struct advice *advice, size_t first, size_t end,
                                             int64_t count)
{
    const struct facts_site *found = NULL;

    for (size_t i = first; i < end; i++) {
        const struct facts_site *site = &advice->sites[i];

        if (advice->facts[site->facts].type != 0 || !same_count(site->allocations, count))
            continue;
        if (found != NULL)
            return NULL;
        found = site;
    }
    return found;
}

/* True if the site is of stacks below a call, within some levels. */
static bool is_below(const struct advice *advice, const struct facts_site *site,
                     const struct facts_site *call)
{
    const struct profile_node *nodes = advice->profile.nodes;
    uint32_t node = site->call;

    for (int i = 0; i < LEVELS && node != PROFILE_NONE; i++, node = nodes[node].parent)
        if (nodes[node].frame == call->frame && nodes[node].parent == call->call)
            return true;
    return false;
}

/* Up to 3.10: the dicts made below the call, and the values made with them. */
static const struct facts_site *dict_for_each(const struct advice *advice, const struct facts_site *objects,
                                              uint32_t dict, const struct facts_site **values)
{
    for (size_t first = 0, end; first < advice->site_count; first = end) {
        end = end_of_call(advice, first);
        for (size_t i = first; i < end; i++) {
            const struct facts_site *site = &advice->sites[i];

            if (advice->facts[site->facts].type == dict &&
                same_count(site->allocations, objects->allocations) && is_below(advice, site, objects)) {
                *values = one_for_each(advice, first, end, objects->allocations);
                return site;
            }
        }
    }
    return NULL;
}

/* Adds what belongs to a site of instances; the sites of that call are from first to end. */
static void add(const struct advice *advice, struct instances *to, const struct facts_site *objects,
                size_t first, size_t end, uint32_t dict)
{
    const struct facts_site *values = one_for_each(advice, first, end, objects->allocations), *dicts = NULL;

    if (values == NULL && dict != 0)
        dicts = dict_for_each(advice, objects, dict, &values);
    if (values == NULL)
        return;
    if (to->values == NULL || objects->peak_allocations > to->objects / 2) {
        to->values = &advice->facts[values->facts];
        to->values_part = (double)values->peak_bytes /
                          (double)(to->values->m.peak_bytes > 0 ? to->values->m.peak_bytes : 1);
        to->dicts = dicts != NULL ? &advice->facts[dicts->facts] : NULL;
        to->dicts_part = dicts != NULL && to->dicts->m.peak_bytes > 0
                             ? (double)dicts->peak_bytes / (double)to->dicts->m.peak_bytes
                             : 0;
    }
    to->objects += (double)objects->peak_allocations;
    to->all += (double)objects->allocations;
    to->object_bytes = (double)objects->bytes / (double)objects->allocations;
    to->values_bytes = (double)values->bytes / (double)values->allocations;
    to->dict_bytes = dicts != NULL ? (double)dicts->bytes / (double)dicts->allocations : 0;
}

/* As the paths of Python's own modules tell. */
static bool is_3_11(const struct profile *profile)
{
    for (size_t i = PROFILE_FIRST; i < profile->place_count; i++)
        if (profile->places[i].file != NULL && strstr(profile->places[i].file, "/python3.11/") != NULL)
            return true;
    return false;
}

/* ---- the finding --------------------------------------------------------------------------------- */

static void make(struct advice *advice, const struct facts *facts, const struct instances *of)
{
    double words = (double)(int64_t)(of->values_bytes / WORD + 0.01),
           attributes = of->dicts != NULL ? words : words - 2,
           now = of->object_bytes + of->values_bytes + of->dict_bytes,
           then = of->object_bytes - POINTERS - (is_3_11(&advice->profile) ? WEAKREF : 0) + WORD * attributes;
    const char *type = facts_type(advice, facts), *dot = strrchr(type, '.');
    char count[UNITS_SIZE];

    if (of->objects < LEAST || attributes < 0 || now <= then)
        return;
    struct finding *f = finding_new(advice, "dict-per-instance", is_own_class(advice, type) ? CERTAIN : ASK,
                                    facts->place, facts);

    if (f == NULL)
        return;
    finding_relief(advice, f, of->values, of->values_part);
    if (of->dicts != NULL)
        finding_relief(advice, f, of->dicts, of->dicts_part);
    finding_relief(advice, f, facts, (of->object_bytes - then) / of->object_bytes);
    f->saves_bytes = (int64_t)(of->all * (now - then));
    f->saves_allocations = (int64_t)(of->all * (of->dicts != NULL ? 2 : 1));
    finding_evidence(f, "instances", of->objects);
    finding_evidence(f, "bytes_each", now);
    finding_evidence(f, "instance_bytes", of->object_bytes);
    finding_evidence(f, "values_bytes", of->values_bytes);
    finding_evidence(f, "dict_bytes", of->dict_bytes);
    finding_evidence(f, "bytes_each_with_slots", then);
    finding_what(f,
                 "%s instances of %s at the peak, each with %s beside it: %.0f bytes an instance. With "
                 "__slots__ it is %s%.0f.",
                 units_count(count, (int64_t)of->objects), dot != NULL ? dot + 1 : type,
                 of->dicts != NULL ? "a dict" : "a block for its attributes", now,
                 of->dicts != NULL ? "at most " : "", then);
    finding_remedy(
        f,
        "Unless something needs their __dict__ or sets further attributes: give the class, and those that it "
        "inherits from, __slots__ with the names of its attributes, or make it a @dataclass(slots=True).");
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

    if (of == NULL)
        advice->status = report_error(advice->report, EXIT_FAILED, "out of memory");
    for (size_t first = 0, end; of != NULL && first < advice->site_count; first = end) {
        end = end_of_call(advice, first);
        for (size_t i = first; i < end; i++) {
            const struct facts_site *site = &advice->sites[i];
            const struct facts *facts = &advice->facts[site->facts];

            /* Python's own types have no dot in their names. */
            if (facts->language == ADVICE_PYTHON && site->peak_allocations >= LEAST / 2 &&
                strchr(facts_type(advice, facts), '.') != NULL &&
                (double)facts->m.bytes <=
                    FIXED * (double)facts->m.allocations * (double)facts->blocks.smallest)
                add(advice, &of[site->facts], site, first, end, dict);
        }
    }
    size_t count = advice->facts_count;

    for (size_t i = 0; of != NULL && i < count; i++)
        if (of[i].values != NULL)
            make(advice, &advice->facts[i], &of[i]);
    free(of);
}
