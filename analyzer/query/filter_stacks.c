/* filter_stacks.c - see filter_stacks.h. The stacks of a run are read once; functions are matched once for
 * each place, not for each stack. */
#define _GNU_SOURCE
#include "filter_stacks.h"
#include "fold.h"
#include "names.h"
#include "profile.h"
#include "text.h"
#include "wrappers.h"

#include <ctype.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEAR 5        /* how many similar functions are named */
#define AUTO "auto"   /* for --skip-wrappers: the functions that look like wrappers */
#define FARTHEST 3000 /* how far out, in places, a line to charge is searched for */

/* Flags of places; the last one of nodes. */
enum { FUNCTION = 1, BELOW = 2, WRAPPER = 4, MINE = 8, RUNTIME = 16, TYPE = 32 };

struct filter_stacks {
    int64_t run;
    struct profile profile; /* without sites */
    unsigned char *flags;   /* by place */
    unsigned char *found;   /* by node: FUNCTION, BELOW of the node and all nodes further out; its own TYPE */
    struct filter_stacks *next;
};

/* ---- places ---------------------------------------------------------------------------------- */

/* True if it is in the comma-separated list; AUTO in the list is handled elsewhere. */
static int is_listed(const char *list, const char *function)
{
    int found = 0;

    while (list != NULL && *list != '\0' && !found) {
        size_t n = strcspn(list, ",");
        char *glob = strndup(list, n);

        found = *glob != '\0' && filter_function_matches(glob, function);
        free(glob);
        list += n + (list[n] == ',');
    }
    return found;
}

static int has_auto(const char *list)
{
    for (const char *at = list; at != NULL && *at != '\0';
         at += strcspn(at, ",") + (at[strcspn(at, ",")] == ','))
        if (strncmp(at, AUTO, sizeof AUTO - 1) == 0 &&
            (at[sizeof AUTO - 1] == ',' || at[sizeof AUTO - 1] == '\0'))
            return 1;
    return 0;
}

static int starts_with_folder(const char *path, const char *folder)
{
    size_t n = strlen(folder);

    return n > 1 && strncmp(path, folder, n) == 0 && path[n] == '/';
}

/* True if the file is below the run's directory, and not installed there. A relative path counts as the
 * program's own, if that file exists. */
static int is_mine(const struct run *run, const struct profile_place *place)
{
    if (place->file == NULL || strstr(place->file, "/site-packages/") != NULL ||
        strstr(place->file, "/dist-packages/") != NULL)
        return 0;
    if (place->file[0] == '/')
        return starts_with_folder(place->file, run->root);
    return place->file[0] != '<' && starts_with_folder(place->module, run->root);
}

static unsigned char flags_of(const struct filter *filter, const struct run *run,
                              const struct profile_place *place)
{
    unsigned char flags = 0;

    if (filter->function != NULL && filter_function_matches(filter->function, place->function))
        flags |= FUNCTION;
    if (filter->below != NULL && filter_function_matches(filter->below, place->function))
        flags |= BELOW;
    if (is_listed(filter->skip_wrappers, place->function))
        flags |= WRAPPER;
    if (filter->mine && is_mine(run, place))
        flags |= MINE;
    if (fold_is_runtime(place->function, place->file, place->library_code))
        flags |= RUNTIME;
    return flags;
}

static void guess_wrappers(struct filter_stacks *s)
{
    unsigned char *guessed = wrappers_guess(&s->profile);

    for (size_t i = 0; i < s->profile.place_count; i++)
        s->flags[i] |= guessed[i] ? WRAPPER : 0;
    free(guessed);
}

/* ---- stacks ---------------------------------------------------------------------------------- */

static void find_in_nodes(struct filter_stacks *s, const char *type)
{
    const struct profile *p = &s->profile;

    for (size_t i = 0; i < p->node_count; i++) {
        const struct profile_frame *frame = &p->frames[p->nodes[i].frame];
        unsigned char found = p->nodes[i].parent != PROFILE_NONE ? s->found[p->nodes[i].parent] : 0;

        found &= (unsigned char)~TYPE;
        if (type != NULL && p->nodes[i].type != 0 && filter_matches(type, p->types.text[p->nodes[i].type]))
            found |= TYPE;

        for (uint32_t k = 0; k < frame->count; k++)
            found |= s->flags[p->frame_places[frame->first + k]];
        s->found[i] = found;
    }
}

int filter_stacks_add(const struct report *report, struct filter *filter, const struct run *run)
{
    const struct profile_query query = {.run = run, .no_sites = 1};

    if (!filter_has_stacks(filter))
        return EXIT_FINE;
    struct filter_stacks *s = calloc(1, sizeof *s);

    s->run = run->number;
    s->next = filter->stacks;
    filter->stacks = s;
    int status = profile_load(report, &query, &s->profile);

    if (status != EXIT_FINE)
        return status;
    s->flags = calloc(s->profile.place_count + 1, 1);
    s->found = calloc(s->profile.node_count + 1, 1);
    for (size_t i = 0; i < s->profile.place_count; i++)
        s->flags[i] = flags_of(filter, run, &s->profile.places[i]);
    if (has_auto(filter->skip_wrappers))
        guess_wrappers(s);
    find_in_nodes(s, filter->type);
    return EXIT_FINE;
}

void filter_stacks_free(struct filter *filter)
{
    for (struct filter_stacks *s = filter->stacks, *next; s != NULL; s = next) {
        next = s->next;
        profile_free(&s->profile);
        free(s->flags);
        free(s->found);
        free(s);
    }
    filter->stacks = NULL;
}

static const struct filter_stacks *of_run(const struct filter *filter, int64_t run)
{
    const struct filter_stacks *s = filter != NULL ? filter->stacks : NULL;

    while (s != NULL && s->run != run)
        s = s->next;
    return s;
}

int filter_stacks_pass(const struct filter *filter, int64_t run, int64_t node)
{
    if (filter == NULL || (filter->function == NULL && filter->below == NULL && filter->type == NULL))
        return 1;
    const struct filter_stacks *s = of_run(filter, run);
    unsigned char wanted =
        (unsigned char)((filter->function != NULL ? FUNCTION : 0) | (filter->below != NULL ? BELOW : 0) |
                        (filter->type != NULL ? TYPE : 0));

    return s != NULL && (s->found[profile_node_index(&s->profile, node)] & wanted) == wanted;
}

/* ---- who is charged -------------------------------------------------------------------------- */

struct charging {
    const struct filter_stacks *s;
    int64_t line;     /* the line that it counts for without these options */
    int mine;         /* the innermost line of the user's own is wanted */
    int reached;      /* we are at the place that it counts for, or were already */
    int64_t found;    /* the line to charge; 0 = none yet */
    int64_t fallback; /* the first place further out that is no wrapper */
};

static void look_at(struct charging *c, const struct profile_place *place, unsigned char flags)
{
    if (place->number == c->line && !c->reached) {
        c->reached = 1;
        c->fallback = (flags & WRAPPER) == 0 ? c->line : 0;
    }
    if (place->number == INT64_MAX || (flags & (WRAPPER | RUNTIME)) != 0)
        return;
    if (c->mine && (flags & MINE) != 0 && c->found == 0)
        c->found = place->number;
    if (c->reached && c->fallback == 0)
        c->fallback = place->number;
}

int64_t filter_stacks_charge(const struct filter *filter, int64_t run, int64_t node, int64_t line)
{
    const struct filter_stacks *s = of_run(filter, run);
    struct charging c = {.s = s, .line = line, .mine = filter->mine};

    if (s == NULL)
        return line;
    const struct profile *p = &s->profile;
    int left = FARTHEST;

    for (uint32_t n = profile_node_index(p, node);
         n != PROFILE_NONE && left > 0 && c.found == 0 && (c.mine || c.fallback == 0);
         n = p->nodes[n].parent) {
        const struct profile_frame *frame = &p->frames[p->nodes[n].frame];

        for (uint32_t k = 0; k < frame->count && c.found == 0; k++, left--) {
            uint32_t place = p->frame_places[frame->first + k];

            look_at(&c, &p->places[place], s->flags[place]);
        }
    }
    /* If it does not count for a wrapper, it stays where it is: lines further out have nothing to do with
     * it. */
    return c.found != 0 ? c.found : c.fallback != 0 && filter->skip_wrappers != NULL ? c.fallback : line;
}

/* ---- names like it --------------------------------------------------------------------------- */

/* The glob's letters without wildcards, in lower case. */
static char *letters_of(const char *glob)
{
    char *text = strdup(glob), *out = text;

    for (const char *p = glob; *p != '\0'; p++)
        if (strchr("*?[]", *p) == NULL)
            *out++ = (char)tolower((unsigned char)*p);
    *out = '\0';
    return text;
}

/* How far a name is from the one asked for: 0 if it contains it, else the edits of what it is called itself; large = not
 * similar. */
static unsigned farness(const char *letters, const char *name)
{
    size_t length;
    const char *own = names_own(name, &length), *dot = memrchr(own, '.', length); /* of Python's classes */

    if (strcasestr(name, letters) != NULL)
        return 0;
    if (dot != NULL)
        length -= (size_t)(dot + 1 - own);
    char last[64];

    snprintf(last, sizeof last, "%.*s", (int)length, dot != NULL ? dot + 1 : own);
    for (char *p = last; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    unsigned edits = args_distance(letters, last);

    return edits <= strlen(letters) / 3 + 1 ? 1 + edits : UINT32_MAX;
}

/* Where names are looked for: the functions of places, or types. */
struct names {
    const char *what; /* "function" */
    size_t first, count;
    const char *(*at)(const struct profile *profile, size_t i);
};

static const char *function_at(const struct profile *profile, size_t i)
{
    return profile->places[i].function;
}

static const char *type_at(const struct profile *profile, size_t i)
{
    return profile->types.text[i];
}

/* Finds the most similar names, each once. */
static size_t nearest(const struct profile *profile, const struct names *names, const char *letters,
                      const char *near[NEAR])
{
    unsigned far[NEAR];
    size_t count = 0;

    for (size_t i = names->first; i < names->count; i++) {
        const char *name = names->at(profile, i);
        unsigned f = farness(letters, name);
        size_t at = count;
        int named = f == UINT32_MAX;

        for (size_t k = 0; k < count; k++)
            named |= strcmp(near[k], name) == 0;
        if (named)
            continue;
        while (at > 0 && far[at - 1] > f)
            at--;
        if (at == NEAR)
            continue;
        size_t move = (count < NEAR ? count : NEAR - 1) - at;

        memmove(near + at + 1, near + at, move * sizeof *near);
        memmove(far + at + 1, far + at, move * sizeof *far);
        near[at] = name;
        far[at] = f;
        count += count < NEAR;
    }
    return count;
}

static void print_near(const struct report *report, const struct profile *profile, const struct names *names,
                       const char *glob)
{
    const char *near[NEAR];
    char *letters = letters_of(glob), *harmless = text_harmless(glob);
    size_t count = *letters != '\0' ? nearest(profile, names, letters, near) : 0;

    printf("No %s is called %s%s", names->what, harmless, count > 0 ? "; there are:\n" : ".\n");
    for (size_t i = 0; i < count; i++) {
        char *name = text_harmless(near[i]);

        if (report->width > 4)
            name = text_cut(name, (size_t)report->width - 2, 0);
        printf("  %s\n", name);
        free(name);
    }
    free(harmless);
    free(letters);
}

static int is_found(const struct filter_stacks *all, unsigned char flag)
{
    for (const struct filter_stacks *s = all; s != NULL; s = s->next)
        for (size_t i = 0; i < s->profile.node_count; i++)
            if (s->found[i] & flag)
                return 1;
    return 0;
}

void filter_stacks_print(const struct report *report, const struct filter *filter)
{
    if (filter == NULL || filter->stacks == NULL)
        return;
    const struct profile *p = &filter->stacks->profile;
    const struct names functions = {"function", PROFILE_FIRST, p->place_count, function_at},
                       types = {"type", 1, p->types.count, type_at};

    if (filter->function != NULL && !is_found(filter->stacks, FUNCTION))
        print_near(report, p, &functions, filter->function);
    if (filter->below != NULL && !is_found(filter->stacks, BELOW))
        print_near(report, p, &functions, filter->below);
    if (filter->type != NULL && !is_found(filter->stacks, TYPE))
        print_near(report, p, &types, filter->type);
}
