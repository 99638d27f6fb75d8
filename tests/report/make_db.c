/* make_db.c - writes databases for tests, through store.h, without any traced program.
 *
 *   make_db FILE small [LABEL [SCALE]]   one run of a few sites, two processes; SCALE multiplies the counts
 *   make_db FILE large                   230,000 sites on 400,000 nodes, as a big C++ program leaves
 *   make_db FILE stacks [N]             N (100,000) distinct stacks of 15 frames or so, a few of them large
 *   make_db FILE empty                   a complete run that allocated nothing
 *   make_db FILE one                     a run of a single allocation
 *   make_db FILE hostile                 names with newlines, escape sequences, HTML, bad UTF-8, 10 KB
 *   make_db FILE unresolved              still running, no symbols yet
 *   make_db FILE symbols [SECONDS]       in the phase 'symbols' for so long, then complete
 *   make_db FILE resident                small, with its resident memory at a mark, a new high and the end
 *   make_db FILE dead                    recording, but its collector (this program) is gone
 *
 * A run's totals are sums over its sites, as a collector's are.
 */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct store *store;
static struct store_run totals;
static const char *label = "list";
static long scale = 1;
static int living; /* the run's processes have not ended */
static int with_resident;
static int waiting; /* its collector lives until it is killed */

static void check(int code)
{
    if (code == 0)
        return;
    fprintf(stderr, "make_db: %s\n", store_error(store));
    exit(1);
}

static void site(struct store_site *s)
{
    measures_add(&totals.m, &s->m);
    totals.frees += s->m.allocations - s->m.live_allocations;
    totals.freed_bytes += s->m.bytes - s->m.live_bytes;
    check(store_site(store, s));
}

/* count blocks of size bytes from a stack; kept of them live at the end, at_peak at the peak. */
static void simple_site(int64_t process, int64_t node, int64_t line, int64_t leaf, int64_t count,
                        int64_t size, int64_t at_peak, int64_t kept, int64_t temporary)
{
    uint64_t sizes[STORE_HISTOGRAM_CLASSES] = {0};
    uint8_t encoded[STORE_HISTOGRAM_MAX];
    unsigned class = 0;

    count *= scale, at_peak *= scale, kept *= scale, temporary *= scale;
    while (size >> class != 0)
        class ++;
    sizes[class] = (uint64_t)count;
    struct store_site s = {
        .key = {.node = node, .process = process},
        .line = line,
        .leaf = leaf,
        .m = {.allocations = count,
              .bytes = count * size,
              .peak_allocations = at_peak,
              .peak_bytes = at_peak * size,
              .live_allocations = kept,
              .live_bytes = kept * size,
              .temporary = temporary,
              .own_peak_bytes = at_peak * size,
              .own_peak_bytes_least = at_peak * size},
        .smallest = size,
        .largest = size,
        .sizes = encoded,
        .sizes_size = store_histogram_encode(sizes, encoded),
    };

    site(&s);
}

static void begin(const char *path, const char *command)
{
    int64_t run;

    check(store_open(path, &store));
    check(store_begin(store));
    check(store_run_add(store, label, command, "2026-06-01T12:00:00Z", "/src/demo", &run));
}

static void finish(const char *state)
{
    totals.wall_ns = 1234567890;
    totals.cpu_ns = 1000000000;
    totals.exit_known = 1;
    totals.peak_ns = 600000000;
    totals.peak_rss_bytes = 40 << 20;
    totals.end_allocations = totals.m.live_allocations;
    totals.end_bytes = totals.m.live_bytes;
    check(store_run_totals(store, &totals));
    if (strcmp(state, "recording") != 0)
        check(store_line_totals(store));
    check(store_run_state(store, state));
    check(store_commit(store));
    if (strcmp(state, "recording") == 0) {
        if (waiting)
            pause(); /* the collector of a run that goes on is alive */
        _exit(0);    /* and that of one that was killed leaves its WAL behind */
    }
    check(store_finish(store));
    store_close(store);
}

static void process(int64_t id, const char *command, int64_t allocations, int64_t bytes)
{
    struct store_process p = {.id = id,
                              .pid = waiting ? (int)getpid() : 1000 + (int)id,
                              .parent_pid = id > 1 ? 1001 : 999,
                              .command = command,
                              .executable = "/src/demo/list",
                              .started_ns = (id - 1) * 1000000,
                              .ended_ns = living ? -1 : 1200000000,
                              .exit_known = 1,
                              .m = {.allocations = allocations * scale, .bytes = bytes * scale}};

    check(store_process(store, &p));
    check(store_thread(store, id, 1, 1000 + (int)id, "main", allocations * scale, bytes * scale, 0));
}

/* Where the demo's source text can be found: lines of this very file. */
static const char *source(void)
{
    return getenv("MAKE_DB_SOURCE") != NULL ? getenv("MAKE_DB_SOURCE") : "/src/demo/list.c";
}

/* main -> load -> (read_record inlined) -> malloc, main -> index -> calloc; a cut stack; no symbols in libz.
 */
static void small_stacks(int resolved)
{
    static const uint8_t id[] = {0xde, 0xad, 0xbe, 0xef};

    check(store_module(store, 1, "/src/demo/list", id, sizeof id, resolved ? 0 : -1));
    check(store_module(store, 2, "/usr/lib/libz.so.1", NULL, 0, resolved ? 2 : -1));
    for (int i = 1; i <= 5; i++)
        check(store_frame(store, i, i == 5 ? 2 : 1, 0x1000 + 16 * i));
    check(store_node(store, 1, 0, 1));
    check(store_node(store, 2, 1, 2));
    check(store_node(store, 3, 1, 3));
    check(store_node(store, 4, 1, 5));
    check(store_node(store, 5, -1, 4));
    if (!resolved)
        return;
    check(store_line(store, 1, source(), 10, "main", "/src/demo/list", "native", 0));
    check(store_line(store, 2, source(), 20, "read_record", "/src/demo/list", "native", 0));
    check(store_line(store, 3, source(), 30, "load", "/src/demo/list", "native", 0));
    check(store_line(store, 4, source(), 40, "build_index", "/src/demo/list", "native", 0));
    check(store_line(store, 5, "/usr/include/c++/vector", 99, "std::vector<[int; 2]>::grow()",
                     "/src/demo/list", "native", 1));
    check(store_line(store, 6, NULL, 0, "libz.so.1+0x1050", "/usr/lib/libz.so.1", "native", 0));
    check(store_frame_line(store, 1, 0, 1));
    check(store_frame_line(store, 2, 0, 2));
    check(store_frame_line(store, 2, 1, 3));
    check(store_frame_line(store, 3, 0, 4));
    check(store_frame_line(store, 4, 0, 5));
    check(store_frame_line(store, 5, 0, 6));
}

static void page_row(int64_t moment, int64_t process, int part, int64_t node, const char *name, int64_t bytes,
                     int64_t blocks)
{
    const struct store_page_row row = {.moment = moment,
                                       .process = process,
                                       .part = part,
                                       .node = node,
                                       .name = name,
                                       .bytes = bytes,
                                       .blocks = blocks};

    check(store_page_row(store, &row));
}

/* What the probe saw that came before `trace-report rss`: a block in fifty is kept, all others were freed. */
static void resident_end(int64_t moment)
{
    const struct store_page_moment end[] = {{.id = moment,
                                             .process = 1,
                                             .t_ns = 1200000000,
                                             .kind = STORE_PAGES_END,
                                             .resident = 350000000,
                                             .pss = 349000000,
                                             .untouched = 66060288,
                                             .swapped = 3 << 20},
                                            {.id = moment,
                                             .process = 2,
                                             .t_ns = 1200000100,
                                             .kind = STORE_PAGES_END,
                                             .resident = 8192,
                                             .pss = 8192}};

    for (size_t i = 0; i < sizeof end / sizeof end[0]; i++)
        check(store_page_moment(store, &end[i]));
    page_row(moment, 1, PAGES_LIVE, 2, "", 2500000, 40000);
    page_row(moment, 1, PAGES_LIVE, 3, "", 40000000, 2);
    page_row(moment, 1, PAGES_ROUNDING, 2, "", 640000, 40000);
    page_row(moment, 1, PAGES_PINNED, 2, "", 163000000, 40000);
    page_row(moment, 1, PAGES_PINNED, 4, "", 1000000, 100);
    page_row(moment, 1, PAGES_FREE, 0, "", 133000000, 0);
    page_row(moment, 1, PAGES_STACKS, 0, "[stack]", 132000, 0);
    page_row(moment, 1, PAGES_STACKS, 0, "stack of thread 1002", 8000, 0);
    page_row(moment, 1, PAGES_FILES, 0, "/usr/lib/libc.so.6", 1700000, 0);
    page_row(moment, 1, PAGES_FILES, 0, "/src/demo/list", 20000, 0);
    page_row(moment, 1, PAGES_TRACER, 0, "arena", 8000000, 2);
    page_row(moment, 1, STORE_PAGES_UNTOUCHED, 3, "", 66060288, 1);
    page_row(moment, 2, PAGES_LIVE, 2, "", 240, 10);
    page_row(moment, 2, PAGES_FILES, 0, "/usr/lib/libc.so.6", 7952, 0);
}

static void resident(void)
{
    const struct store_mark mark = {.id = 1, .t_ns = 100000000, .process = 1, .name = "loaded", .sampled = 1};
    struct store_page_moment m = {
        .id = 1, .process = 1, .t_ns = 300000000, .kind = STORE_PAGES_HIGH, .pss = -1};

    check(store_mark(store, &mark));
    check(store_page_moment(store, &m));
    page_row(1, 1, PAGES_FREE, 0, "", 1, 0);
    check(store_page_forget(store, 1)); /* there was a higher one */
    m.id = 2, m.t_ns = 600000000, m.resident = 400 << 20;
    check(store_page_moment(store, &m));
    page_row(2, 1, PAGES_LIVE, 3, "", 400 << 20, 3);
    m.id = 3, m.t_ns = 102000000, m.kind = STORE_PAGES_MARK, m.mark = 1, m.resident = 4096;
    check(store_page_moment(store, &m));
    page_row(3, 1, PAGES_OTHER, 0, "[vdso]", 4096, 0);
    resident_end(4);
    totals.peak_rss_bytes = 400 << 20;
}

static void make_small(const char *path, int resolved, const char *state)
{
    begin(path, "./list 40000");
    process(1, "./list 40000", 90103, 4564096);
    process(2, "./list 40000", 500, 12000);
    small_stacks(resolved);
    simple_site(1, 2, resolved ? 2 : 0, resolved ? 2 : 0, 40000, 48, 40000, 0, 0);
    simple_site(2, 2, resolved ? 2 : 0, resolved ? 2 : 0, 500, 24, 0, 10, 490);
    simple_site(1, 3, resolved ? 4 : 0, resolved ? 4 : 0, 3, 700000, 2, 0, 0);
    simple_site(1, 4, resolved ? 6 : 0, resolved ? 6 : 0, 100, 4096, 50, 100, 0);
    simple_site(1, 5, resolved ? 1 : 0, resolved ? 5 : 0, 50000, 16, 1, 0, 50000);
    for (int i = 0; i < 20; i++)
        check(store_sample(store, i * 50000000ll, i * 2000, i * 300000, (5 << 20) + i * 400000));
    if (with_resident)
        resident();
    finish(state);
}

static void make_large(const char *path)
{
    char function[160], file[160];
    int64_t line_of_frame = 0;

    begin(path, "espresso largest.espresso");
    process(1, "espresso largest.espresso", 0, 0);
    check(store_module(store, 1, "/opt/espresso", NULL, 0, 0));
    for (int64_t i = 1; i <= 12000; i++) {
        snprintf(function, sizeof function, "espresso::cover<%lld>::expand_function_%lld(int, char const*)",
                 (long long)i % 7, (long long)i / 8);
        snprintf(file, sizeof file, "/opt/src/espresso/file%lld.cc", (long long)i / 400);
        check(store_line(store, i, file, i % 400 + 1, function, "/opt/espresso", "native", i % 10 == 0));
    }
    for (int64_t i = 1; i <= 10000; i++) {
        check(store_frame(store, i, 1, 0x1000 + 5 * i));
        check(store_frame_line(store, i, 0, line_of_frame = i));
        if (i % 5 == 0)
            check(store_frame_line(store, i, 1, i % 12000 + 1));
    }
    for (int64_t i = 1; i <= 400000; i++)
        /* Calls go on for 36 frames before they branch: some 140 frames at the deepest. */
        check(store_node(store, i, i % 37 == 0 ? i / 37 : i - 1, 1 + i * 31 % 10000));
    for (int64_t i = 0; i < 230000; i++) {
        int64_t n = 1 + i * 7919 % 300;

        simple_site(1, 1 + i * 400000 / 230000, 1 + i * 131 % 9000, 1 + i * 31 % 10000, n, 8 + i % 500, n / 3,
                    n / 9, n / 2);
    }
    finish("complete");
}

/* Each frame has up to four below it; what stacks allocate falls off from the first to the last. */
static void make_stacks(const char *path, int64_t count)
{
    enum { TRUNK = 6, FRAMES = 10000 };
    char function[80], file[80];
    int64_t inner = count / 3;

    label = "stacks";
    begin(path, "./stacks");
    process(1, "./stacks", 0, 0);
    check(store_module(store, 1, "/opt/stacks", NULL, 0, 0));
    for (int64_t i = 1; i <= FRAMES; i++) {
        snprintf(function, sizeof function, "work::stage_%lld<%lld>(int)", (long long)i / 3,
                 (long long)i % 5);
        snprintf(file, sizeof file, "/opt/src/stage%lld.cc", (long long)i / 100);
        check(store_line(store, i, file, i % 100 + 1, function, "/opt/stacks", "native", 0));
        check(store_frame(store, i, 1, 0x1000 + 5 * i));
        check(store_frame_line(store, i, 0, i));
    }
    for (int64_t i = 1; i <= TRUNK + inner + count; i++)
        check(store_node(store, i, i <= TRUNK ? i - 1 : TRUNK + (i - TRUNK) / 4, 1 + i * 31 % FRAMES));
    for (int64_t i = 0; i < count; i++) {
        int64_t n = 1 + 30000000 / ((i * 7919 % count) + 100);

        simple_site(1, TRUNK + inner + 1 + i, 1 + i * 131 % FRAMES, 1 + i * 31 % FRAMES, n, 8 + i % 500,
                    n / 3, n / 9, n / 2);
    }
    finish("complete");
}

static void make_hostile(const char *path)
{
    enum { NESTED = 1280 };
    static char big[8 * NESTED + 3 + 1]; /* a template in a template in ... */
    static const char *const names[] = {
        "line\nbreak\ttab",
        "\x1b[31mred\x1b]0;title\x07\x1b[2J",
        "<script>alert(1)</script>",
        "bad\xff\xc0\xaf utf8",
        "quote\"back\\slash'",
        big,
        "\xe2\x80\xae\xd7\xa9gnp.exe \xef\xbf\xbd \xc2\x9b"
        "31m",
        "a;b;c",
        "",
    };

    for (size_t i = 0; i < NESTED; i++) {
        memcpy(big + 7 * i, "nested<", 7);
        big[sizeof big - 2 - i] = '>';
    }
    memcpy(big + 7 * NESTED, "int", 3);
    label = "ev\x1b[31mil\n";
    begin(path, "./evil \"\x1b[2J\" 'x\ny'");
    process(1, "./evil\n", 9, 9);
    check(store_module(store, 1, "/tmp/ev\x1b[31mil\nmodule", NULL, 0, 3));
    for (int64_t i = 0; i < (int64_t)(sizeof names / sizeof names[0]); i++) {
        check(store_line(store, i + 1, i % 2 == 0 ? names[i] : "/etc/passwd\n", i, names[i], names[i],
                         "native", 0));
        check(store_frame(store, i + 1, 1, i));
        check(store_frame_line(store, i + 1, 0, i + 1));
        check(store_node(store, i + 1, i, i + 1));
        simple_site(1, i + 1, i + 1, i + 1, 10 + i, 10, 5, 1, 2);
    }
    finish("complete");
}

static void make_symbols(const char *path, double seconds)
{
    begin(path, "./list 40000");
    process(1, "./list 40000", 5, 500);
    small_stacks(1);
    simple_site(1, 2, 0, 0, 5, 100, 5, 0, 0);
    totals.wall_ns = 5000000;
    check(store_run_totals(store, &totals));
    check(store_run_phase(store, "symbols", 0));
    check(store_commit(store));
    for (int i = 1; i <= 20; i++) {
        usleep((useconds_t)(seconds * 1e6 / 20));
        check(store_begin(store));
        check(store_run_phase(store, "symbols", i / 20.0));
        check(store_commit(store));
    }
    check(store_begin(store));
    memset(&totals, 0, sizeof totals);
    simple_site(1, 2, 2, 2, 5, 100, 5, 0, 0);
    finish("complete");
}

int main(int argc, char **argv)
{
    const char *path = argc > 2 ? argv[1] : "", *kind = argc > 2 ? argv[2] : "";

    if (argc > 3 && strcmp(kind, "small") == 0)
        label = argv[3];
    if (argc > 4)
        scale = atol(argv[4]);
    with_resident = strcmp(kind, "resident") == 0;
    if (strcmp(kind, "small") == 0 || with_resident) {
        make_small(path, 1, "complete");
    } else if (strcmp(kind, "large") == 0) {
        make_large(path);
    } else if (strcmp(kind, "stacks") == 0) {
        make_stacks(path, argc > 3 ? atol(argv[3]) : 100000);
    } else if (strcmp(kind, "empty") == 0) {
        begin(path, "./static");
        finish("complete");
    } else if (strcmp(kind, "one") == 0) {
        begin(path, "./one");
        process(1, "./one", 1, 1);
        small_stacks(1);
        simple_site(1, 2, 2, 2, 1, 1, 1, 1, 0);
        finish("complete");
    } else if (strcmp(kind, "hostile") == 0) {
        make_hostile(path);
    } else if (strcmp(kind, "unresolved") == 0 || strcmp(kind, "dead") == 0) {
        living = 1;
        waiting = strcmp(kind, "unresolved") == 0;
        make_small(path, 0, "recording");
    } else if (strcmp(kind, "symbols") == 0) {
        make_symbols(path, argc > 3 ? atof(argv[3]) : 1);
    } else {
        fprintf(
            stderr,
            "usage: make_db FILE small|large|stacks|empty|one|hostile|unresolved|symbols|resident|dead\n");
        return 2;
    }
    return 0;
}
