/* facts.c - one query for all sites; the line that each counts for here is the program's own, see own_lines.h, where its
 * stack has one: reports elsewhere show the line of the library that was called. Of a wrapper of malloc it is who calls
 * that: a wrapper cannot do without what others ask it for. */
#define _GNU_SOURCE
#include "facts.h"
#include "advice_rules.h"
#include "own_lines.h"
#include "python_kept.h"
#include "wrappers.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAIR_LEAST 32  /* blocks of a stack, to say of two that they are the largest; */
#define PAIR_STEPS 8   /* what these may lack of twice the largest, in steps from one to the next */
#define LEAST_PART 100 /* what is less than a hundredth of the run does not matter */

/* Functions of the C library whose result is a block of the caller's. */
static const char *const callers_own[] = {"strdup",    "strndup", "wcsdup",   "asprintf",
                                          "vasprintf", "getline", "getdelim", "realpath"};

struct reading {
    struct advice *advice;
    struct texts keys;   /* of facts, by index */
    unsigned char *kept; /* by node: enum python_kept */
    bool charged;        /* the filter says which line counts: no other is searched for */
    bool *passes;        /* by place: whether the filter lets it through */
};

/* ---- whose line it is ---------------------------------------------------------------------------- */

static bool is_callers_own(const char *function)
{
    function += strspn(function, "_");
    for (size_t i = 0; i < sizeof callers_own / sizeof callers_own[0]; i++)
        if (strcmp(function, callers_own[i]) == 0)
            return true;
    return false;
}

/* A thrown exception's block is the language's. */
static bool is_exception(const char *function)
{
    return strcmp(function, "__cxa_allocate_exception") == 0 ||
           strcmp(function, "__cxa_allocate_dependent_exception") == 0;
}

/* An own place of a stack that allocates, and whether no other code is called by it. */
struct caller {
    uint32_t place; /* PROFILE_NONE = there is none */
    bool direct;
};

/* True if who calls a wrapper is of another language, which has rules of its own. */
static bool is_foreign_to(const struct advice *advice, uint32_t place, const struct caller *wrapper)
{
    const struct profile_place *places = advice->profile.places;

    return wrapper->place != PROFILE_NONE &&
           strcmp(places[place].language, places[wrapper->place].language) != 0;
}

/* The innermost own place of a stack; a wrapper only if nothing else of the program calls it. */
static struct caller own_place(const struct advice *advice, uint32_t node)
{
    const struct profile *p = &advice->profile;
    struct caller wrapper = {PROFILE_NONE, true};
    bool direct = true;

    for (; node != PROFILE_NONE; node = p->nodes[node].parent) {
        const struct profile_frame *frame = &p->frames[p->nodes[node].frame];

        for (uint32_t i = 0; i < frame->count; i++) {
            uint32_t place = p->frame_places[frame->first + i];
            const struct profile_place *other = &p->places[place];

            if (!advice->place_is_own[place])
                direct &= (other->library_code && !is_exception(other->function)) ||
                          is_callers_own(other->function);
            else if (is_foreign_to(advice, place, &wrapper))
                return wrapper;
            else if (!advice->place_is_wrapper[place])
                return (struct caller){place, direct};
            else if (wrapper.place == PROFILE_NONE)
                wrapper = (struct caller){place, direct};
        }
    }
    return wrapper.place != PROFILE_NONE ? wrapper : (struct caller){PROFILE_NONE, direct};
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

static enum advice_language language_of(const struct profile_place *place)
{
    static const char *const cxx[] = {".cc", ".cpp", ".cxx", ".C", ".hpp", ".hh", ".hxx", ".ipp", ".tcc"};
    const char *file = place->file != NULL ? place->file : "";

    if (strcmp(place->language, "python") == 0)
        return ADVICE_PYTHON;
    if (ends_with(file, ".rs"))
        return ADVICE_RUST;
    for (size_t i = 0; i < sizeof cxx / sizeof cxx[0]; i++)
        if (ends_with(file, cxx[i]))
            return ADVICE_CXX;
    /* A header may be of either. Demangled names have brackets. */
    return strchr(place->function, '(') != NULL || strstr(place->function, "::") != NULL ? ADVICE_CXX
                                                                                         : ADVICE_C;
}

/* ---- what a stack's blocks tell ------------------------------------------------------------------ */

int64_t facts_highest(const struct store_measures *m)
{
    return m->own_peak_bytes > m->peak_bytes ? m->own_peak_bytes : m->peak_bytes;
}

/* True if the most that a stack held is its two largest blocks, but for a few steps. */
static bool two_largest_met(const struct store_measures *m, int64_t largest)
{
    double twice = 2 * (double)largest, both = (double)facts_highest(m);

    return m->allocations >= PAIR_LEAST && both <= twice &&
           both >= twice - PAIR_STEPS * (double)largest / (double)m->allocations;
}

/* ---- reading ------------------------------------------------------------------------------------- */

static struct facts *facts_of(struct reading *r, uint32_t place, uint32_t type, int how, bool own,
                              bool direct, uint32_t *index)
{
    struct advice *a = r->advice;
    size_t known = r->keys.count;
    char key[64];

    snprintf(key, sizeof key, "%u %u %d", place, type, direct);
    *index = texts_number(&r->keys, key);
    if (r->keys.count > known) {
        struct facts *new = profile_grow(&a->facts, &a->facts_count, sizeof *new);

        new->place = place;
        new->type = type;
        new->own = own;
        new->direct = direct;
        new->language = language_of(&a->profile.places[place]);
        new->beside = new->language == ADVICE_PYTHON &&how == STORE_TYPE_SAMPLED;
        new->one_each = true;
    }
    return &a->facts[*index];
}

#define MEASURES_FROM 4
#define BLOCKS_FROM (MEASURES_FROM + MEASURES)

static void take(struct reading *r, sqlite3_stmt *s)
{
    struct advice *a = r->advice;
    uint32_t node = profile_node_index(&a->profile, sqlite3_column_int64(s, 0)), index;
    const struct profile_node *n = &a->profile.nodes[node];
    struct caller caller = {PROFILE_NONE, true};
    bool own = false;
    uint32_t place, line;

    if (!filter_site(a->filter, a->run->number, sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2),
                     sqlite3_column_int64(s, 0)))
        return;
    if (!r->charged && r->kept[node] != PYTHON_KEPT)
        caller = own_place(a, node);
    place = caller.place;
    line = sqlite3_column_type(s, 3) != SQLITE_NULL
               ? profile_place_index(&a->profile, sqlite3_column_int64(s, 3))
               : PROFILE_NONE;
    if (line == PROFILE_NONE)
        line = a->profile.frame_places[a->profile.frames[n->frame].first];
    if (place == PROFILE_NONE) {
        place = line;
        own = r->charged && a->place_is_own[place];
    } else {
        own = true;
    }
    if (!r->passes[place])
        return;
    struct facts *facts = facts_of(r, place, n->type, n->how, own, caller.direct, &index);
    struct facts_site *site = profile_grow(&a->sites, &a->site_count, sizeof *site);

    const struct store_measures m = lines_column_measures(s, MEASURES_FROM);
    int64_t largest = sqlite3_column_int64(s, BLOCKS_FROM + 4);

    measures_add(&facts->m, &m);
    histograms_add(&facts->blocks, s, BLOCKS_FROM, NULL);
    if (two_largest_met(&m, largest))
        facts->paired = (int64_t)((uint64_t)facts->paired + (uint64_t)m.allocations);
    facts->stacks++;
    facts->largest_each = (int64_t)((uint64_t)facts->largest_each + (uint64_t)largest);
    /* The own peak of an exact type may miss a block whose type was told late: after others of it were taken from a free
     * list (CPython 3.13). */
    facts->one_each &= m.own_peak_bytes <= largest && m.peak_bytes <= largest &&
                       (n->type == 0 || n->how == STORE_TYPE_INFERRED || facts->beside);
    *site = (struct facts_site){.facts = index,
                                .node = node,
                                .line = line,
                                .call = n->parent,
                                .frame = n->frame,
                                .allocations = m.allocations,
                                .bytes = m.bytes,
                                .peak_allocations = m.peak_allocations,
                                .peak_bytes = m.peak_bytes};
}

/* Those of one calling instruction together. */
static int by_call(const void *a, const void *b)
{
    const struct facts_site *x = a, *y = b;

    if (x->call != y->call)
        return x->call < y->call ? -1 : 1;
    if (x->frame != y->frame)
        return x->frame < y->frame ? -1 : 1;
    return (x->node > y->node) - (x->node < y->node);
}

static int read_sites(struct reading *r)
{
    struct advice *a = r->advice;
    sqlite3_stmt *s = report_prepare_text(
        a->report,
        sqlite3_mprintf("SELECT {key: #}, %s, {measures: #}, %s FROM %s WHERE run = ?1 "
                        "ORDER BY node, process",
                        filter_sql_charge(a->filter), histograms_columns(a->run), window_sites(a->run)));
    int status = EXIT_FINE;

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, a->run->number);
    while (report_step(a->report, s, &status))
        take(r, s);
    sqlite3_finalize(s);
    if (a->site_count > 0)
        qsort(a->sites, a->site_count, sizeof *a->sites, by_call);
    return status;
}

int facts_read(struct advice *advice)
{
    struct profile *p = &advice->profile;
    struct reading r = {.advice = advice,
                        .kept = python_kept_nodes(p),
                        .charged = advice->filter->skip_wrappers != NULL || advice->filter->mine,
                        .passes = calloc(p->place_count + 1, sizeof(bool))};

    advice->place_is_own = own_lines(p);
    advice->place_is_wrapper = wrappers_guess(p);
    for (size_t i = 0; i < p->place_count; i++)
        r.passes[i] =
            filter_line(advice->filter, p->places[i].file, p->places[i].module, p->places[i].language) != 0;
    int status = read_sites(&r);

    texts_free(&r.keys);
    free(r.kept);
    free(r.passes);
    return status;
}

/* What the same instruction allocates, as other types. */
static uint32_t facts_of_call(const struct advice *advice, const struct profile_node *node)
{
    size_t low = 0, high = advice->site_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct facts_site *site = &advice->sites[middle];

        if (site->call < node->parent || (site->call == node->parent && site->frame < node->frame))
            low = middle + 1;
        else
            high = middle;
    }
    return low < advice->site_count && advice->sites[low].call == node->parent &&
                   advice->sites[low].frame == node->frame
               ? advice->sites[low].facts
               : PROFILE_NONE;
}

/* A stack of which nothing is left was of objects whose type turned out to be another one. */
uint32_t *facts_by_node(const struct advice *advice)
{
    uint32_t *of = malloc((advice->profile.node_count + 1) * sizeof *of);

    memset(of, 0xff, (advice->profile.node_count + 1) * sizeof *of);
    for (size_t i = 0; i < advice->site_count; i++)
        of[advice->sites[i].node] = advice->sites[i].facts;
    for (size_t i = PROFILE_FIRST; i < advice->profile.node_count; i++)
        if (of[i] == PROFILE_NONE)
            of[i] = facts_of_call(advice, &advice->profile.nodes[i]);
    return of;
}

bool facts_matter(const struct advice *advice, const struct facts *facts)
{
    const struct store_measures *all = &advice->run->t.m, *m = &facts->m;

    return m->peak_bytes > all->peak_bytes / LEAST_PART || m->live_bytes > all->peak_bytes / LEAST_PART ||
           m->bytes > all->bytes / LEAST_PART || m->allocations > all->allocations / LEAST_PART ||
           m->peak_allocations > all->peak_allocations / LEAST_PART;
}
