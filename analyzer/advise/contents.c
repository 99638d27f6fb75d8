/* contents.c - what looks at the contents of blocks found: line by line, as bytes at the peak. */
#include "advice_rules.h"
#include "facts.h"
#include "repeats.h"

#include <sqlite3.h>
#include <stdlib.h>

static void add(int64_t *sum, int64_t value)
{
    *sum = (int64_t)((uint64_t)*sum + (uint64_t)value); /* sums in a stranger's file may wrap */
}

/* Columns: node, process, thread, what was looked at, and the site's blocks and bytes at the peak. */
static void take(struct advice *advice, const uint32_t *of, sqlite3_stmt *s)
{
    int64_t node = sqlite3_column_int64(s, 0);
    uint32_t index = filter_site(advice->filter, advice->run->number, sqlite3_column_int64(s, 1),
                                 sqlite3_column_int64(s, 2), node)
                         ? of[profile_node_index(&advice->profile, node)]
                         : PROFILE_NONE;

    advice->contents_known = true;
    if (index == PROFILE_NONE)
        return;
    struct facts_contents *contents = &advice->facts[index].contents;
    const struct repeats repeats = {.blocks = sqlite3_column_double(s, 3),
                                    .bytes = sqlite3_column_double(s, 4),
                                    .alone = sqlite3_column_double(s, 5),
                                    .alone_bytes = sqlite3_column_double(s, 6),
                                    .contents_bytes = sqlite3_column_double(s, 8),
                                    .all = sqlite3_column_double(s, 12)};
    double bytes = sqlite3_column_double(s, 13);
    int64_t apart_ns = sqlite3_column_int64(s, 11);

    contents->saved += bytes * repeats_share(&repeats);
    contents->variance += bytes * bytes * repeats_variance(&repeats);
    add(&contents->blocks, sqlite3_column_int64(s, 3));
    contents->repeated = whole((double)contents->repeated + repeats.blocks - repeats.alone);
    add(&contents->contents, sqlite3_column_int64(s, 7));
    add(&contents->again, sqlite3_column_int64(s, 9));
    add(&contents->changed, sqlite3_column_int64(s, 10));
    contents->apart_ns = apart_ns > contents->apart_ns ? apart_ns : contents->apart_ns;
}

int contents_read(struct advice *advice)
{
    uint32_t *of = facts_by_node(advice);
    sqlite3_stmt *s =
        report_prepare(advice->report, "SELECT {key: #}, c.blocks, c.bytes, alone, alone_bytes, contents, "
                                       "contents_bytes, again, changed, apart_ns, s.peak_allocations, "
                                       "s.peak_bytes FROM site_content c "
                                       "JOIN site s USING (run, {key: #}) WHERE run = ?1");
    int status = s != NULL ? EXIT_FINE : EXIT_FAILED;

    if (s != NULL)
        sqlite3_bind_int64(s, 1, advice->run->number);
    while (s != NULL && report_step(advice->report, s, &status))
        take(advice, of, s);
    sqlite3_finalize(s);
    free(of);
    return status;
}
