/* test_python_source.c - which lists are walked once, as their source says; what is not understood is not claimed. */
#include "python_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

/* The list is in the first line that begins with "rows =". Returns the line that walks it, 0 = it is not said to be
 * walked once. The text ends where its memory does. */
static int64_t walk_of(const char *text)
{
    struct python_walk walk;
    size_t size = strlen(text);
    char *copy = malloc(size > 0 ? size : 1);
    int64_t line = 1, found = 0;

    assert_non_null(copy);
    memcpy(copy, text, size);
    for (const char *p = text; strncmp(p + strspn(p, " "), "rows =", 6) != 0; p = strchr(p, '\n') + 1)
        line++;
    if (python_walked_once(copy, size, line, &walk)) {
        assert_string_equal(walk.name, "rows");
        found = walk.line;
    }
    free(copy);
    return found;
}

static void walked_once(void **state)
{
    (void)state;
    assert_int_equal(walk_of("rows = [f(x) for x in y]\nfor r in rows:\n    print(r.name)"), 2);
    assert_int_equal(
        walk_of("def f():\n    rows = list(read())\n\n    # rows: all\n    for r in rows:  # each\n"
                "        n += r[\"q\"]\n    return n\n\nrows = 3\n"),
        5);
    assert_int_equal(
        walk_of("rows = [\n    f(x)  # of (all\n    for x in y\n]\nprint(sum(r.q for r in rows))\n"), 5);
    assert_int_equal(walk_of("rows = [f(x) for x in y]\nprint(sum(rows))\n"), 2);
    assert_int_equal(walk_of("rows = [f(x) for x in y]\nfor a, b in rows:\n    n += a * b\n"), 2);
    assert_int_equal(walk_of("rows = [s + ']' for s in y]\nfor r in rows:\n    if r:\n        n += 1\n"), 2);
}

static void used_again(void **state)
{
    (void)state;
    assert_int_equal(walk_of("rows = [f(x) for x in y]\nfor r in rows:\n    print(r.a)\nprint(len(rows))\n"),
                     0);
    assert_int_equal(walk_of("rows = [f(x) for x in y]\nrows.sort()\nfor r in rows:\n    print(r.a)\n"), 0);
    assert_int_equal(
        walk_of("def g():\n    return rows\nrows = [f(x) for x in y]\nfor r in rows:\n    print(r.a)\n"), 0);
    assert_int_equal(
        walk_of("rows = [f(x) for x in y]\nfor i in range(2):\n    for r in rows:\n        print(r.a)\n"), 0);
    assert_int_equal(
        walk_of(
            "if a:\n    rows = [f(x) for x in y]\nelse:\n    b()\n    for r in rows:\n        print(r.a)\n"),
        0);
    assert_int_equal(walk_of("rows = [f(x) for x in y]\nfor r in sorted(rows):\n    print(r.a)\n"), 0);
    assert_int_equal(walk_of("rows = [f(x) for x in y]\nfor i, r in enumerate(rows[1:]):\n    print(r.a)\n"),
                     0);
    assert_int_equal(walk_of("rows = [f(x) for x in y]\nprint(max(g(rows)))\n"), 0);
    assert_int_equal(walk_of("rows = [f(x) for x in y]\n"), 0);
}

static void kept(void **state)
{
    static const char *const bodies[] = {"d[r.k] = 1",    "out.append(r.a)", "out.append(r)",
                                         "self.last = r", "yield r",         "g(r)",
                                         "last = r",      "n += [r]",        "d.setdefault(r.a, 0)",
                                         "x = d[r]",      "o = lambda: r.a", "d[r.k] += 1"};

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        char text[200] = "rows = [f(x) for x in y]\nfor r in rows:\n    ";

        strcat(text, bodies[i]);
        if (walk_of(text) != 0)
            fail_msg("'%s' may keep it", bodies[i]);
    }
    assert_int_equal(walk_of("rows = [f(x) for x in y]\nfor r in rows:\n    print(r.a)\nprint(r)\n"), 0);
}

static void changes_what_it_is_made_from(void **state)
{
    (void)state;
    assert_int_equal(
        walk_of("rows = [f(x) for x in db.execute(q)]\nfor r in rows:\n    db.execute(u, r[0])\n"), 0);
    assert_int_equal(walk_of("rows = [x + n for x in y]\nfor r in rows:\n    n += r.a\n"), 0);
    assert_int_equal(
        walk_of("rows = [{f: r[f] for f in (\"a\", 'b')} for r in y]\nfor r in rows:\n    n += r[\"a\"]\n"),
        2);
    assert_int_equal(walk_of("rows = [f\"{n}\" + r for r in y]\nfor r in rows:\n    n += r[0]\n"), 0);
    assert_int_equal(walk_of("rows = [int(r) for r in y]\nfor r in rows:\n    n += int(r.a)\n"), 2);
}

static void no_list(void **state)
{
    (void)state;
    assert_int_equal(walk_of("rows = (f(x) for x in y)\nfor r in rows:\n    print(r.a)\n"), 0);
    assert_int_equal(walk_of("rows = [1, 2, 3]\nfor r in rows:\n    print(r.a)\n"), 0);
    assert_int_equal(walk_of("rows = [f(x) for x in y][0]\nfor r in rows:\n    print(r.a)\n"), 0);
    assert_int_equal(walk_of("rows = [f(x) for x in y] + z\nfor r in rows:\n    print(r.a)\n"), 0);
    assert_int_equal(
        walk_of("def f():\n    rows = [x\nfor x in y]\n    for r in rows:\n        print(r.a)\n"), 0);
    assert_int_equal(walk_of("rows = [x for x in y]\nfor r in rows"), 0);
    assert_int_equal(walk_of("rows = ["), 0);
    assert_int_equal(walk_of("rows ="), 0);
    assert_int_equal(walk_of("rows = [\"\n"), 0);
    assert_int_equal(walk_of("rows = ['\\"), 0);
}

/* The line is the last one; the text ends where its memory does. */
static bool extends(const char *text)
{
    size_t size = strlen(text);
    char *copy = malloc(size > 0 ? size : 1);
    int64_t line = 1;

    assert_non_null(copy);
    memcpy(copy, text, size);
    for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
        line++;
    bool found = python_extends(copy, size, line);

    free(copy);
    return found;
}

static void made_longer(void **state)
{
    (void)state;
    assert_true(extends("s += x"));
    assert_true(extends("def f():\n    self.text += \"=\" + x  # more"));
    assert_true(extends("s = s + x"));
    assert_true(extends("for x in y: s = f'{s}{x}'"));
    assert_true(extends("d['a=b'] = d['a=b'] + x"));
    assert_true(extends("a.s = \"\".join((a.s, x))"));
    assert_false(extends("t = s + 'x'"));
    assert_false(extends("s = as_text + x.s"));
    assert_false(extends("if s == s + x:"));
    assert_false(extends("# s += x"));
    assert_false(extends("print('s += x')"));
    assert_false(extends("return s + x"));
    assert_false(extends("s = '"));
    assert_false(extends("="));
    assert_false(extends(""));
    assert_false(python_extends("s += x", 6, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walked_once), cmocka_unit_test(used_again),
        cmocka_unit_test(kept),        cmocka_unit_test(changes_what_it_is_made_from),
        cmocka_unit_test(no_list),     cmocka_unit_test(made_longer)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
