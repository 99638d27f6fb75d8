/* profile.h - a run in memory: its stacks, frames and places, as exports and the HTML page need them.
 *
 *   site -> node -> node -> ...     a stack, from its innermost frame outwards
 *            |
 *          frame -> place, place    inlined functions first
 *
 * All are arrays in the order of their numbers in the database, and refer to each other by index. The database
 * may come from a stranger, so profile_load() checks it (a parent comes before its child, a frame exists):
 * whoever reads a profile may follow every index, and every walk ends.
 */
#ifndef LIBTRACE_QUERY_PROFILE_H
#define LIBTRACE_QUERY_PROFILE_H

#include "histograms.h"
#include "by_line.h"
#include "store.h"
#include "texts.h"

#define PROFILE_NONE UINT32_MAX

/* Indices in nodes, frames and places of what stands for frames that were cut off, or are not known. */
enum { PROFILE_CUT, PROFILE_UNKNOWN, PROFILE_FIRST };

/* Index 0 is memory that belongs to no file. */
struct profile_module {
    int64_t number;
    char *path, *build_id; /* '' = none */
};

/* What frames resolve to; where no name is known, 'module+0xoffset'. */
struct profile_place {
    int64_t number;
    char *file; /* NULL = not known */
    int64_t line;
    char *function, *module, *language;
    int library_code; /* of an allocator or a standard library */
};

struct profile_frame {
    int64_t number;
    uint32_t module;
    uint64_t address;      /* of the call, in its module's own addresses */
    uint32_t first, count; /* its places: frame_places[first ...]; one at least */
};

struct profile_node {
    int64_t number;
    uint32_t parent; /* comes before it; PROFILE_NONE = outermost */
    uint32_t frame;
    uint32_t type; /* of its blocks: a number in types; 0 = not known */
    enum store_type_how how;
    int64_t seen, looks; /* where blocks were looked at: how many were of its type */
    uint32_t box;        /* the node for its type, see type_boxes.h; 0 = none */
};

struct profile_site {
    int64_t process; /* number in the run; of the first one where processes are added up */
    uint32_t node;
    uint32_t place; /* that it counts for */
    struct store_measures m;
    /* Where histograms were asked for: */
    double lifetime_s; /* of all its blocks together, as near as the histogram tells */
};

struct profile_query {
    const struct run *run;
    const struct filter *filter; /* prepared: sites that it keeps back are left out; NULL = none */
    int by_process;              /* a site for each process of a stack; else they are added up */
    int histograms;              /* sizes and lifetimes too */
    int no_sites;                /* stacks alone */
};

struct profile {
    const struct run *run;
    const struct profile_query *query; /* while it is loaded */
    struct profile_module *modules;
    struct profile_place *places;
    struct profile_frame *frames;
    uint32_t *frame_places;
    struct profile_node *nodes;
    struct profile_site *sites;
    struct variances *variances; /* by site; NULL = the run is exact */
    struct texts types;          /* the first one is "" */
    size_t module_count, place_count, frame_count, frame_place_count, node_count, site_count, variance_count;
    size_t named;                 /* places with a number of their own come before this */
    struct histograms histograms; /* all 0 where they were not asked for */
    struct store_measures sum;
    struct variances sum_v;
    unsigned char *visible; /* by visible_at[node] + number of the place: see fold.h; NULL = all are shown */
    size_t *visible_at;
    unsigned char *passing; /* by place: whether the filter lets it through; NULL = all do */
};

/* profile_free after failure too. */
int profile_load(const struct report *report, const struct profile_query *query, struct profile *profile);
void profile_free(struct profile *profile);

/* The node of that number, else PROFILE_UNKNOWN. */
uint32_t profile_node_index(const struct profile *profile, int64_t number);

/* The place of that number, else PROFILE_NONE. */
uint32_t profile_place_index(const struct profile *profile, int64_t number);

/* A stack's places, the innermost first. */
typedef void profile_visit(void *context, const struct profile_frame *frame, uint32_t place);
void profile_walk(const struct profile *profile, uint32_t node, profile_visit *visit, void *context);

/* A stack's places as a list, at least one, the innermost first; for one stack after the other. */
struct profile_stack {
    int64_t *places;
    size_t count;
};
void profile_stack(const struct profile *profile, uint32_t node, struct profile_stack *stack);

/* A growing array: room for one more element of size bytes, zeroed. */
void *profile_grow(void *array, size_t *count, size_t size);

#endif
