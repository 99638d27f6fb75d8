/* system_kept.c - see system_kept.h. Blocks are recognised by who allocated them.
 *
 * Kept is what glibc frees on request (__libc_freeres, which valgrind calls). Not kept is what a program
 * gets from glibc and has to give back (fopen, iconv_open, newlocale), nor what a library's initialisers
 * allocate, if any code in between is not the system's.
 */
#define _GNU_SOURCE
#include "system_kept.h"
#include "python_kept.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 12 };

/* A stack is of a kind if everything that is given here holds. */
static const struct rule {
    const char *what;
    const char *innermost;    /* module of the innermost frame: a glob */
    bool alone;               /* no frame is in a module that is not the system's, see system_modules */
    bool anywhere;            /* for below: the frame may be in any module, else only in the system's */
    const char *below[NAMES]; /* globs: the function of some frame matches one of these */
} rules[] = {
    {.what = "buffers of stdout and files",
     .below = {"_IO_file_doallocate", "__GI__IO_file_doallocate", "_IO_wfile_doallocate",
               "__GI__IO_wfile_doallocate"}},
    {.what = "libraries, thread-local storage", .innermost = "*/ld-linux*.so*"},
    {.what = "start of the C and C++ libraries", .alone = true},
    {.what = "start of Rust's library",
     .anywhere = true,
     .below = {"std::rt::init", "std::rt::init::*", "std::sys::*::stack_overflow::*"}},
    {.what = "locales and translations",
     .below = {"*setlocale", "_nl_find_locale", "*bindtextdomain", "*textdomain", "*__dcigettext",
               "__gconv_find_*", "__gconv_lookup_cache", "__gconv_load_*", "__wcsmbs_*"}},
    {.what = "names of users and services",
     .below = {"__nss_*", "nss_*", "getpw*", "getgr*", "gethostbyname*", "getserv*", "getproto*"}},
    {.what = "time zone",
     .below = {"*tzset", "tzset_internal", "__tzfile_*", "*__tz_convert", "localtime", "mktime"}},
    {.what = "copy of the environment", .below = {"*__add_to_environ"}},
};
#define RULES (sizeof rules / sizeof rules[0])

/* Kinds that come after those of the rules. */
enum { KIND_IMPORTS = RULES, KIND_INTERPRETER, KINDS };

static const char *const system_modules[] = {"*/ld-linux*.so*", "*/libc.so*", "*/libstdc++.so*",
                                             "*/libgcc_s.so*",  "*/libm.so*", "*/libpthread.so*",
                                             "*/libdl.so*"};

static bool one_matches(const char *const *globs, size_t count, const char *text)
{
    for (size_t i = 0; i < count && globs[i] != NULL; i++)
        if (sqlite3_strglob(globs[i], text) == 0)
            return true;
    return false;
}

/* ---- matching -------------------------------------------------------------------------------- */

/* What is known of a place, and of all frames of a stack together. */
struct facts {
    uint32_t below;    /* bits: the rules that have this function in `below` */
    bool foreign;      /* it is in a module that is not the system's */
    bool foreign_here; /* and that is not the interpreter's */
};

static struct facts facts_of(const struct profile_place *place)
{
    bool foreign =
        !one_matches(system_modules, sizeof system_modules / sizeof system_modules[0], place->module);
    struct facts facts = {0, foreign, foreign && !python_kept_is_interpreter(place->module)};

    for (size_t i = 0; i < RULES; i++)
        if ((rules[i].anywhere || !facts.foreign) && one_matches(rules[i].below, NAMES, place->function))
            facts.below |= 1u << i;
    return facts;
}

static unsigned char kind_of(const struct facts *stack, const char *innermost, enum python_kept code,
                             bool python)
{
    if (code == PYTHON_KEPT)
        return KIND_IMPORTS;
    for (size_t i = 0; i < RULES; i++)
        if ((rules[i].innermost == NULL || sqlite3_strglob(rules[i].innermost, innermost) == 0) &&
            (!rules[i].alone || !stack->foreign) && (rules[i].below[0] == NULL || stack->below >> i & 1))
            return (unsigned char)i;
    return python && code == PYTHON_NOWHERE && !stack->foreign_here ? KIND_INTERPRETER : KINDS;
}

static void match_nodes(struct kept *kept, bool python)
{
    const struct profile *p = &kept->profile;
    struct facts *of_place = calloc(p->place_count + 1, sizeof *of_place);
    struct facts *of_stack = calloc(p->node_count + 1, sizeof *of_stack);

    kept->of_node = malloc(p->node_count + 1);
    kept->python = python_kept_nodes(p);
    for (size_t i = 0; i < p->place_count; i++)
        of_place[i] = facts_of(&p->places[i]);
    for (size_t i = 0; i < p->node_count; i++) {
        const struct profile_frame *frame = &p->frames[p->nodes[i].frame];
        const char *module = "";

        if (p->nodes[i].parent != PROFILE_NONE)
            of_stack[i] = of_stack[p->nodes[i].parent];
        for (uint32_t k = 0; k < frame->count; k++) {
            uint32_t place = p->frame_places[frame->first + k];

            of_stack[i].below |= of_place[place].below;
            of_stack[i].foreign |= of_place[place].foreign;
            of_stack[i].foreign_here |= of_place[place].foreign_here;
            module = p->places[place].module;
        }
        kept->of_node[i] = kind_of(&of_stack[i], module, (enum python_kept)kept->python[i], python);
    }
    free(of_place);
    free(of_stack);
}

int kept_load(const struct report *report, const struct run *run, bool python, struct kept *kept)
{
    const struct profile_query query = {.run = run, .no_sites = 1};
    int status = profile_load(report, &query, &kept->profile);

    kept->kinds = calloc(KINDS, sizeof *kept->kinds);
    kept->count = KINDS;
    for (size_t i = 0; i < kept->count; i++)
        kept->kinds[i] =
            i == KIND_IMPORTS
                ? (struct kept_kind){.what = "start and imports: modules, code, types", .interpreter = true}
            : i == KIND_INTERPRETER
                ? (struct kept_kind){.what = "the interpreter itself", .interpreter = true}
                : (struct kept_kind){.what = rules[i].what};
    if (status == EXIT_FINE)
        match_nodes(kept, python);
    return status;
}

int kept_match(struct kept *kept, int64_t stack, const struct store_measures *m)
{
    unsigned char kind = kept->of_node[profile_node_index(&kept->profile, stack)];

    if (kind == KINDS)
        return 0;
    kept->kinds[kind].stacks++;
    measures_add(&kept->kinds[kind].m, m);
    return 1;
}

void kept_free(struct kept *kept)
{
    free(kept->kinds);
    free(kept->of_node);
    free(kept->python);
    profile_free(&kept->profile);
}
