/* test_suppressed.c - which comments in a line of source keep findings back, and which lines of a file do. */
#include "suppressed.h"
#include "advice_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static enum ignored said(const char *line)
{
    return ignored_in_line(line, rule_find("churn", 5));
}

static void comments(void **state)
{
    static const char *const all[] = {"rows = []  # libtrace: ignore",
                                      "rows = []  #libtrace:ignore  ",
                                      "p = malloc(8); // libtrace: ignore",
                                      "p = malloc(8); /* libtrace: ignore */ q = 1;",
                                      "f()  # noqa  # libtrace: ignore (it is small)",
                                      "f()  # libtrace: ignore: it is small",
                                      "f()  # libtrace: ignore -- it is small",
                                      "f()  # libtrace: ignore churn",
                                      "f()  # libtrace: ignore small-blocks, churn",
                                      "f()  // libtrace: ignore small-blocks churn, as it is small",
                                      "f() /* libtrace: ignore churn*/",
                                      "s = \"libtrace: ignore\"  # libtrace: ignore churn"},
                             *const none[] = {"",
                                              "#",
                                              "libtrace: ignore",
                                              "s = \"libtrace: ignore\"",
                                              "# libtrace: ignored",
                                              "# libtrace ignore",
                                              "/ libtrace: ignore",
                                              "# libtrace: ignore small-blocks",
                                              "# libtrace: ignore small-blocks as churn is worse",
                                              "# libtrace:"},
                             *const what[] = {"# libtrace: ignore chrun", "# libtrace: ignore churn2",
                                              "# libtrace: ignore small-blocks, chrun"};

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        assert_int_equal(said(all[i]), IGNORED);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_int_equal(said(none[i]), IGNORED_NOT);
    for (size_t i = 0; i < sizeof what / sizeof what[0]; i++)
        assert_int_equal(said(what[i]), IGNORED_WHAT);
}

static bool matches(const char *rule, const char *pattern, const char *file)
{
    char text[64];
    struct suppressed_line line = {*rule == '*' ? NULL : rule_find(rule, strlen(rule)), text};
    const struct suppressed list = {.lines = &line, .count = 1};
    char path[64], function[] = "read<int>(char *)", module[] = "/home/me/program";
    const struct profile_place place = {
        .file = file != NULL ? strcpy(path, file) : NULL, .line = 12, .function = function, .module = module};

    strcpy(text, pattern);
    return suppressed_matches(&list, rule_find("churn", 5), &place);
}

static void patterns(void **state)
{
    static const char *const fitting[] = {"*",       "list.c",   "list.c:12", "src/*.c", "src/list.c:12",
                                          "*.c:1?",  "list.c:*", "read<int>", "read<*",  "/a/src/list.c:12",
                                          "a/*/l*.c"},
                             *const others[] = {"list", "list.c:1",    "rc/list.c",
                                                "read", "/src/list.c", "program"};

    (void)state;
    for (size_t i = 0; i < sizeof fitting / sizeof fitting[0]; i++) {
        assert_true(matches("churn", fitting[i], "/a/src/list.c"));
        assert_false(matches("small-blocks", fitting[i], "/a/src/list.c"));
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(matches("*", others[i], "/a/src/list.c"));
    assert_true(matches("*", "read*", NULL));
    assert_false(matches("*", "list.c*", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(comments), cmocka_unit_test(patterns)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
