/* rss_advice.c - see rss_advice.h. */
#define _GNU_SOURCE
#include "rss_advice.h"
#include "show.h"
#include "text.h"
#include "units.h"

#include <stdlib.h>

#define LEAST_BYTES (1 << 20)
#define LEAST_SHARE 10 /* one tenth */
#define MANY_THREADS 4 /* each may have an arena of its own */
#define SMALL_BLOCKS 4 /* rounding takes at least a quarter of what was asked for */

static int is_large(const struct resident *r, int64_t bytes)
{
    return bytes >= LEAST_BYTES && bytes >= r->moment.resident / LEAST_SHARE;
}

/* "cache.c:40 (cache_put)", malloc'ed; NULL = not known. */
static char *name_of(const struct run *run, const struct resident_part *part)
{
    const struct resident_line *line = part->count > 0 ? &part->lines[0] : NULL;

    if (line == NULL || line->name != NULL || line->function == NULL)
        return NULL;
    char *place = show_place(run, line->file, line->line),
         *name = text_make(place != NULL ? "%s (%s)" : "%s%s", place != NULL ? place : "", line->function);

    free(place);
    return name;
}

static void on_pinned(const struct report *report, const struct run *run, const struct resident *r,
                      struct sentences *advice)
{
    const struct resident_part *part = &r->parts[PAGES_PINNED];
    char *name = name_of(run, part), bytes[UNITS_SIZE];
    const char *else_try = r->allocator == RESIDENT_GLIBC
                               ? " An allocator that keeps each size apart (jemalloc, "
                                 "tcmalloc, mimalloc) pins less."
                               : "";

    if (name != NULL && part->python)
        sentences_add(
            advice,
            "pinned: objects of %s keep %s of otherwise free memory. Where they are no longer needed, del "
            "what holds them and gc.collect(); else make them before what goes.",
            name, units_bytes(bytes, part->lines[0].bytes, report->bytes));
    else if (name != NULL)
        sentences_add(
            advice,
            "pinned: blocks of %s keep %s of otherwise free memory. Allocate what stays apart from what "
            "goes: an arena or a pool of its own.%s",
            name, units_bytes(bytes, part->lines[0].bytes, report->bytes), else_try);
    free(name);
}

static void on_free(const struct run *run, const struct resident *r, struct sentences *advice)
{
    static const char *const helps[] = {
        [RESIDENT_GLIBC] = "malloc_trim(0), after a phase that frees much, gives it back",
        [RESIDENT_JEMALLOC] = "MALLOC_CONF=dirty_decay_ms:0,muzzy_decay_ms:0 gives freed pages back at once",
        [RESIDENT_TCMALLOC] = "MallocExtension's ReleaseFreeMemory() gives it back",
        [RESIDENT_MIMALLOC] = "mi_collect(true) gives it back",
    };

    if (r->parts[PAGES_LIVE].python)
        sentences_add(advice, "free: CPython gives an arena back once no object is left in it; "
                              "ctypes.CDLL(None).malloc_trim(0) does so with what is free in the C library.");
    if (r->allocator == RESIDENT_UNKNOWN || r->parts[PAGES_LIVE].python)
        return;
    sentences_add(advice, "free: %s to the system.%s", helps[r->allocator],
                  r->allocator == RESIDENT_GLIBC && run->threads > MANY_THREADS
                      ? " Each thread may have an arena of its own: MALLOC_ARENA_MAX=2 allows fewer."
                      : "");
}

static void on_rounding(const struct report *report, const struct resident *r, struct sentences *advice)
{
    const struct resident_part *part = &r->parts[PAGES_ROUNDING], *live = &r->parts[PAGES_LIVE];
    char each[UNITS_SIZE], blocks[UNITS_SIZE], size[UNITS_SIZE];

    if (live->blocks <= 0 || part->bytes < live->bytes / SMALL_BLOCKS)
        return;
    sentences_add(
        advice,
        "rounding: %s blocks of %s on average cost %s more each. Fewer and larger ones (an array of them) "
        "do not.",
        units_count(blocks, live->blocks), units_bytes(size, live->bytes / live->blocks, report->bytes),
        units_bytes(each, part->bytes / live->blocks, report->bytes));
}

void rss_advice(const struct report *report, const struct run *run, const struct resident *r,
                struct sentences *advice)
{
    if (is_large(r, r->parts[PAGES_PINNED].bytes))
        on_pinned(report, run, r, advice);
    if (is_large(r, r->parts[PAGES_FREE].bytes))
        on_free(run, r, advice);
    if (is_large(r, r->parts[PAGES_ROUNDING].bytes))
        on_rounding(report, r, advice);
    if (is_large(r, r->parts[PAGES_MAPPED].bytes) && r->parts[PAGES_MAPPED].lines[0].function != NULL)
        sentences_add(
            advice, "mapped: munmap(), or madvise(MADV_DONTNEED) on what is not needed now, gives it back.");
    if (is_large(r, r->parts[PAGES_STACKS].bytes))
        sentences_add(
            advice, "stacks: what a thread has once used of its stack stays until it ends: fewer threads, or "
                    "large arrays elsewhere.");
    if (is_large(r, r->parts[PAGES_FILES].bytes))
        sentences_add(advice,
                      "files: the system takes back what was not written to when memory is short, and "
                      "processes share it.");
    if (is_large(r, r->parts[PAGES_TRACER].bytes))
        sentences_add(advice, "tracer: without libtrace it is not there.");
    if (is_large(r, r->parts[STORE_PAGES_UNTOUCHED].bytes))
        sentences_add(advice, "never touched: it takes address space and no memory. Where a limit counts it "
                              "(RLIMIT_AS, strict overcommit), ask for less at first.");
}
