/* test_filter_stacks.c - which stacks have a function or a type in them, which line a stack is charged to, and which names are
 * offered in the place of one that nothing is called. */
#define _GNU_SOURCE
#include "filter_stacks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "queried.h"

#include <string.h>

/* The lines of the runs, and frames of them with the same numbers. */
enum {
    START = 1,
    MAIN,
    LOAD,
    XMALLOC,
    PUSH,
    FETCH,
    DIST,
    GENERATED,
    STRING,
    OTHER,
    NEAR_IT,
    ZLIB,
    NOWHERE,
    ROOTED,
    PACKS,
    LINES = PACKS + 7
};

static const struct {
    const char *file, *function, *module;
    int library_code;
} lines[LINES] = {
    [START] = {"/src/shop/start.c", "_start", "/src/shop/app", 0},
    [MAIN] = {"/src/shop/main.c", "main", "/src/shop/app", 0},
    [LOAD] = {"/src/shop/load.c", "load(int)", "/src/shop/app", 0},
    [XMALLOC] = {"/src/shop/mem.c", "xmalloc", "/src/shop/app", 0},
    [PUSH] = {"/src/shop/vector.h", "std::vector<int>::push_back(int const&)", "/src/shop/app", 1},
    [FETCH] = {"/src/shop/site-packages/x.py", "Site.fetch", "/src/shop/python", 0},
    [DIST] = {"/src/shop/dist-packages/y.py", "dist", "/src/shop/python", 0},
    [GENERATED] = {"gen.c", "generated", "/src/shop/app", 0},
    [STRING] = {"<string>", "<module>", "/src/shop/app", 0},
    [OTHER] = {"/usr/src/other.c", "other", "/src/shop/app", 0},
    [NEAR_IT] = {"/src/shopping/near.c", "near_it", "/src/shop/app", 0},
    [ZLIB] = {"inflate.c", "ZLib::inflate", "/usr/lib/libz.so", 0},
    [NOWHERE] = {NULL, "nowhere", "/src/shop/app", 0},
    [ROOTED] = {"/src/shop", "rooted", "/src/shop", 0},
    [PACKS] = {NULL, "pack_a", "", 0},
    {NULL, "pack_b", "", 0},
    {NULL, "pack_d", "", 0},
    {NULL, "pack_c", "", 0},
    {NULL, "pack_e", "", 0},
    {NULL, "unpack_d(int)", "", 0},
    {NULL, "pack_d", "", 0},
};

/* A frame of two lines: xmalloc() as part of load(). And one without any. */
enum { INLINED = LINES, NAMELESS };

static const struct {
    int64_t node, parent, frame;
} nodes[] = {
    {1, 0, START},     {2, 1, MAIN},      {3, 2, LOAD},      {4, 3, XMALLOC}, {5, 2, INLINED},
    {6, 3, PUSH},      {7, 6, XMALLOC},   {8, 2, OTHER},     {9, 8, XMALLOC}, {10, -1, XMALLOC},
    {11, 0, NAMELESS}, {12, 11, XMALLOC}, {13, 2, FETCH},    {14, 2, DIST},   {15, 2, STRING},
    {16, 2, NEAR_IT},  {17, 2, ZLIB},     {18, 2, NOWHERE},  {19, 2, ROOTED}, {20, 2, GENERATED},
    {21, 8, PUSH},     {22, 21, OTHER},   {23, 12, XMALLOC},
};

/* From here on each node is one frame deeper than the one before: main(), and then other(). */
enum { DEEP = 1000, DEPTH = 3010 };

static void add_run(const char *root)
{
    const struct store_run totals = {.wall_ns = 1000000000};
    int64_t run;

    check(store_run_add(writer, "a", "a", "2026-01-01T00:00:00Z", root, &run));
    check(store_module(writer, 1, "/src/shop/app", NULL, 0, 0));
    for (int i = START; i < LINES; i++) {
        check(store_line(writer, i, lines[i].file, 1, lines[i].function, lines[i].module, "native",
                         lines[i].library_code));
        check(store_frame(writer, i, 1, 16 * i));
        check(store_frame_line(writer, i, 0, i));
    }
    check(store_frame(writer, INLINED, 1, 16 * INLINED));
    check(store_frame_line(writer, INLINED, 0, XMALLOC));
    check(store_frame_line(writer, INLINED, 1, LOAD));
    check(store_frame(writer, NAMELESS, 1, 16 * NAMELESS));
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
        check(store_node(writer, nodes[i].node, nodes[i].parent, nodes[i].frame));
    for (int i = 0; i < DEPTH; i++)
        check(store_node(writer, DEEP + i, i > 0 ? DEEP + i - 1 : 0, i > 0 ? OTHER : MAIN));
    check(store_stack_type(writer, 4, "std::string", STORE_TYPE_EXACT));
    check(store_stack_type(writer, 6, "Shop::Item", STORE_TYPE_EXACT));
    check(store_run_totals(writer, &totals));
    check(store_run_state(writer, "complete"));
}

static void queried_rows(void)
{
    add_run("/src/shop");
    add_run("/"); /* which is no folder of anybody's own */
}

static struct run runs[2];

static int begin(void **state)
{
    unsetenv("LIBTRACE_SKIP_WRAPPERS");
    queried_begin(state);
    for (int i = 0; i < 2; i++)
        assert_int_equal(run_load(&report, i + 1, &runs[i]), EXIT_FINE);
    return 0;
}

static int end(void **state)
{
    for (int i = 0; i < 2; i++)
        run_free(&runs[i]);
    return queried_end(state);
}

static void prepare(struct filter *filter, int both)
{
    for (int i = 0; i <= both; i++)
        assert_int_equal(filter_stacks_add(&report, filter, &runs[i]), EXIT_FINE);
}

/* ---- which stacks pass ----------------------------------------------------------------------- */

static void assert_nodes(struct filter filter, const char *expected)
{
    char text[256] = "";
    int n = 0;

    prepare(&filter, 0);
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
        if (filter_stacks_pass(&filter, 1, nodes[i].node))
            n += sprintf(text + n, "%s%d", n > 0 ? " " : "", (int)nodes[i].node);
    assert_string_equal(text, expected);
    filter_stacks_free(&filter);
    assert_null(filter.stacks);
}

static void functions_in_stacks(void **state)
{
    (void)state;
    assert_nodes((struct filter){.function = "load"}, "3 4 5 6 7");
    assert_nodes((struct filter){.below = "load(int)"}, "3 4 5 6 7");
    assert_nodes((struct filter){.function = "xmalloc"},
                 "4 5 7 9 10 12 23"); /* one of them is part of a frame */
    assert_nodes((struct filter){.function = "xmalloc", .below = "load"}, "4 5 7");
    assert_nodes((struct filter){.function = "std::*"}, "6 7 21 22");
    assert_nodes((struct filter){.function = "app+0x*"}, "11 12 23");
    assert_nodes((struct filter){.function = "nobody"}, "");
}

static void types_of_stacks(void **state)
{
    (void)state;
    assert_nodes((struct filter){.type = "std::string"}, "4");
    assert_nodes((struct filter){.type = "*"}, "4 6"); /* what is further out has a type of its own */
    assert_nodes((struct filter){.type = "*", .function = "xmalloc"}, "4");
    assert_nodes((struct filter){.type = "*", .function = "push_back"}, "");
    assert_nodes((struct filter){.type = "Shop*", .below = "main", .function = "load"}, "6");
}

static void stacks_of_runs(void **state)
{
    struct filter filter = {.function = "load"}, wrappers = {.skip_wrappers = "load"}, none = {0};

    (void)state;
    prepare(&filter, 0);
    assert_true(filter_stacks_pass(&filter, 1, 3));
    assert_false(filter_stacks_pass(&filter, 2, 3)); /* which was not read */
    assert_false(filter_stacks_pass(&filter, 1, 999));
    filter_stacks_free(&filter);
    prepare(&filter, 1);
    assert_true(filter_stacks_pass(&filter, 1, 3) && filter_stacks_pass(&filter, 2, 3));
    assert_false(filter_stacks_pass(&filter, 3, 3));
    filter_stacks_free(&filter);
    assert_true(filter_stacks_pass(NULL, 1, 3));
    prepare(&wrappers, 0);
    assert_non_null(wrappers.stacks);
    assert_true(filter_stacks_pass(&wrappers, 1, 13)); /* nothing is left out */
    filter_stacks_free(&wrappers);
    prepare(&none, 0);
    assert_null(none.stacks);
}

/* ---- who is charged -------------------------------------------------------------------------- */

static void assert_charged(struct filter filter, int run, int64_t node, int64_t line, int64_t expected)
{
    prepare(&filter, 1);
    assert_int_equal(filter_stacks_charge(&filter, run, node, line), expected);
    filter_stacks_free(&filter);
}

static void wrappers_are_skipped(void **state)
{
    const struct filter xmalloc = {.skip_wrappers = "xmalloc"}, more = {.skip_wrappers = "nothing,load,xm*,"};

    (void)state;
    assert_charged(xmalloc, 1, 4, XMALLOC, LOAD);
    assert_charged(xmalloc, 1, 5, XMALLOC, LOAD); /* in one frame */
    assert_charged(xmalloc, 1, 7, XMALLOC, LOAD); /* push_back() is the library's */
    assert_charged(xmalloc, 1, 9, XMALLOC, OTHER);
    assert_charged(xmalloc, 1, 10, XMALLOC, XMALLOC); /* cut off: nobody is known */
    assert_charged(xmalloc, 1, 12, XMALLOC, XMALLOC); /* nameless: nobody has a line */
    assert_charged(xmalloc, 1, 4, LOAD, LOAD);
    assert_charged(xmalloc, 1, 4, MAIN, MAIN); /* what it counts for is no wrapper */
    assert_charged(xmalloc, 1, 6, PUSH, PUSH);
    assert_charged(xmalloc, 1, 4, OTHER, OTHER); /* which is not in it */
    assert_charged(xmalloc, 3, 4, XMALLOC, XMALLOC);
    assert_charged(more, 1, 4, XMALLOC, MAIN);
    assert_charged(more, 1, 4, LOAD, MAIN);
    assert_charged((struct filter){.skip_wrappers = "main"}, 1, 4, MAIN,
                   MAIN); /* further out is only the runtime */
    assert_charged((struct filter){.skip_wrappers = ",xmalloc"}, 1, 4, XMALLOC, LOAD);
    assert_charged((struct filter){.skip_wrappers = "xmalloc,other"}, 1, 22, OTHER, MAIN);
    assert_charged((struct filter){.skip_wrappers = ""}, 1, 4, XMALLOC, XMALLOC);
}

/* The names of wrappers say what they are; whom the list names besides is one as well. */
static void wrappers_are_guessed(void **state)
{
    static const char *const lists[] = {"auto", "auto,nobody", "nobody,auto", "nobody,auto,other", ",auto,"};

    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        assert_charged((struct filter){.skip_wrappers = lists[i]}, 1, 4, XMALLOC, LOAD);
    assert_charged((struct filter){.skip_wrappers = "auto,load"}, 1, 4, XMALLOC, MAIN);
    assert_charged((struct filter){.skip_wrappers = "load,auto"}, 1, 4, XMALLOC, MAIN);
    assert_charged((struct filter){.skip_wrappers = "automatic"}, 1, 4, XMALLOC, XMALLOC);
    assert_charged((struct filter){.skip_wrappers = "notauto"}, 1, 4, XMALLOC, XMALLOC);
    assert_charged((struct filter){.skip_wrappers = "aut"}, 1, 4, XMALLOC, XMALLOC);
}

static void mine_is_below_the_root(void **state)
{
    const struct filter mine = {.mine = 1}, both = {.mine = 1, .skip_wrappers = "xmalloc,generated"};

    (void)state;
    assert_charged(mine, 1, 4, XMALLOC, XMALLOC);
    assert_charged(mine, 1, 4, LOAD, XMALLOC); /* the innermost of all that are mine */
    assert_charged(mine, 1, 6, PUSH, LOAD);
    assert_charged(mine, 1, 8, OTHER, MAIN);
    assert_charged(mine, 1, 1, START, START); /* the runtime's, wherever its source is */
    assert_charged(mine, 2, 8, OTHER, OTHER);
    for (int64_t node = 13; node <= 19; node++) /* installed, made up, elsewhere, or not known */
        assert_charged(mine, 1, node, nodes[node - 1].frame, MAIN);
    assert_charged(mine, 1, 20, GENERATED, GENERATED); /* a relative path, in a program of mine */
    assert_charged(both, 1, 20, GENERATED, MAIN);
    assert_charged(both, 1, 9, XMALLOC, MAIN);
    assert_charged(both, 1, 10, XMALLOC, XMALLOC);
    assert_charged(both, 2, 9, XMALLOC, OTHER); /* nothing is mine: who calls the wrapper */
    assert_charged(mine, 2, 9, XMALLOC, XMALLOC);
}

/* 3000 frames are looked at. */
static void deep_stacks(void **state)
{
    const struct filter mine = {.mine = 1}, wrapper = {.skip_wrappers = "other"};

    (void)state;
    assert_charged(mine, 1, DEEP + 2999, OTHER, MAIN);
    assert_charged(mine, 1, DEEP + 3000, OTHER, OTHER);
    assert_charged(wrapper, 1, DEEP + 2999, OTHER, MAIN);
    assert_charged(wrapper, 1, DEEP + 3000, OTHER, OTHER);
}

/* ---- names like it --------------------------------------------------------------------------- */

static void assert_printed(struct filter filter, const char *expected)
{
    prepare(&filter, 1);
    listen_to(1);
    filter_stacks_print(&report, &filter);
    assert_string_equal(heard(), expected);
    filter_stacks_free(&filter);
}

static void names_like_it(void **state)
{
    (void)state;
    assert_printed((struct filter){0}, "");
    assert_printed((struct filter){.function = "load", .below = "main", .type = "std::*"}, "");
    assert_printed((struct filter){.function = "laod"},
                   "No function is called laod; there are:\n  load(int)\n");
    assert_printed((struct filter){.function = "*LOAD*"},
                   "No function is called *LOAD*; there are:\n  load(int)\n");
    assert_printed(
        (struct filter){.function = "puhs_bakc"},
        "No function is called puhs_bakc; there are:\n  std::vector<int>::push_back(int const&)\n");
    assert_printed((struct filter){.function = "fecth"},
                   "No function is called fecth; there are:\n  Site.fetch\n");
    assert_printed((struct filter){.below = "push_ba"},
                   "No function is called push_ba; there are:\n  std::vector<int>::push_back(int const&)\n");
    assert_printed((struct filter){.function = "genxxxxed"},
                   "No function is called genxxxxed; there are:\n  generated\n");
    assert_printed((struct filter){.function = "genxxxxxd"}, "No function is called genxxxxxd.\n");
    assert_printed((struct filter){.function = "inflatf"},
                   "No function is called inflatf; there are:\n  ZLib::inflate\n");
    assert_printed((struct filter){.function = "[zx]malloc[zx]"},
                   "No function is called [zx]malloc[zx]; there are:\n  xmalloc\n");
    assert_printed((struct filter){.function = "qqq"}, "No function is called qqq.\n");
    assert_printed((struct filter){.function = "[]"}, "No function is called [].\n");
    assert_printed((struct filter){.type = "shop"}, "No type is called shop; there are:\n  Shop::Item\n");
    assert_printed((struct filter){.type = "*load*"}, "No type is called *load*.\n");
    assert_printed((struct filter){.function = "\033[J"}, "No function is called ^[[J.\n");
    report.width = 20;
    assert_printed((struct filter){.function = "push_bac"},
                   "No function is called push_bac; there are:\n  std::vector<int>:…\n");
    report.width = 0;
}

/* The nearest five, in the order of their lines where they are alike. */
static void five_names(void **state)
{
    (void)state;
    assert_printed((struct filter){.function = "?pack_d"},
                   "No function is called ?pack_d; there are:\n  pack_d\n  unpack_d(int)\n  pack_a\n  "
                   "pack_b\n  pack_c\n");
    assert_printed((struct filter){.function = "near_i"},
                   "No function is called near_i; there are:\n  near_it\n");
}

static void ask_once(void)
{
    struct filter filter = {.function = "near_i", .skip_wrappers = "xmalloc,auto"};

    prepare(&filter, 1);
    listen_to(1);
    filter_stacks_print(&report, &filter);
    heard();
    filter_stacks_free(&filter);
}

static void all_is_freed(void **state)
{
    (void)state;
    assert_int_equal(left_by(ask_once), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_in_stacks),  cmocka_unit_test(types_of_stacks),
        cmocka_unit_test(stacks_of_runs),       cmocka_unit_test(wrappers_are_skipped),
        cmocka_unit_test(wrappers_are_guessed), cmocka_unit_test(mine_is_below_the_root),
        cmocka_unit_test(deep_stacks),          cmocka_unit_test(names_like_it),
        cmocka_unit_test(five_names),           cmocka_unit_test(all_is_freed),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
