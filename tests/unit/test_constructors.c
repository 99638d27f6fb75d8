/* test_constructors.c - the classes of objects that programs make by new, by the constructors that debug information has on
 * the same line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../symbols/workbench.h"
#include "symbols.h"

enum { SIZE_MOST = 128, LINE_MOST = 128, LINE_ROOM = 256 };

/* What comments say, by line: "Plain 24", "none", or "". */
static char wanted[LINE_MOST][LINE_ROOM];

static int read_wanted(void)
{
    FILE *file = fopen(SYMBOLS_PROGRAMS "/made.cc", "r");
    char text[LINE_ROOM];
    int count = 0;
    assert_non_null(file);
    for (int line = 1; line < LINE_MOST && fgets(text, sizeof text, file); line++) {
        const char *mark = strstr(text, "; ") && strstr(text, "new ") ? strstr(text, "// ") : NULL;
        snprintf(wanted[line], sizeof wanted[line], "%.*s", mark ? (int)strcspn(mark + 3, "\n") : 0,
                 mark ? mark + 3 : "");
        count += mark != NULL;
    }
    fclose(file);
    return count;
}

/* Whether it is one of the words between " or ". */
static int is_one_of(const char *found, const char *all)
{
    for (const char *end; (end = strstr(all, " or ")) != NULL; all = end + 4)
        if (strncmp(all, found, (size_t)(end - all)) == 0 && !found[end - all])
            return 1;
    return strcmp(all, found) == 0;
}

/* Compares what is said of a call of operator new with the comment on its line; returns the line. */
static uint32_t check_call(struct symbols_module *m, uint64_t back, const char *compiler)
{
    struct symbols_frame frames[8];
    char found[LINE_ROOM] = "none";
    size_t count = symbols_resolve(m, back - 1, frames, 8);
    if (!frames[count - 1].function || strcmp(frames[count - 1].function, "main") != 0)
        return 0;
    uint32_t line = frames[count - 1].line;
    for (uint64_t size = 0; size <= SIZE_MOST; size++) {
        const char *class = symbols_made(m, back - 1, size);
        if (class) {
            assert_string_equal(found, "none"); /* of one size only */
            snprintf(found, sizeof found, "%s %u", class, (unsigned)size);
        }
    }
    assert_null(symbols_made(m, back - 1, UINT64_MAX));
    assert_in_range(line, 1, LINE_MOST - 1);
    if (!is_one_of(found, wanted[line]))
        fail_msg("%s: line %u: \"%s\", not \"%s\"", compiler, (unsigned)line, found, wanted[line]);
    return line;
}

/* Looks at all calls of operator new; returns on how many lines. */
static int check_program(const char *options)
{
    unsigned char seen[LINE_MOST] = {0};
    int lines = 0;
    char call[128];
    if (bench_run("%s -o made $P/made.cc $P/made_far.cc && objdump -d --no-show-raw-insn made | "
                  "grep -A1 'call.*<_Znwm' | sed -n 's/^ *\\([0-9a-f]*\\):.*/\\1/p' >addresses",
                  options) != 0)
        return -1;
    struct symbols *s = symbols_open();
    struct symbols_module *m = symbols_module(s, bench_path("made"), NULL, 0);
    FILE *file = fopen(bench_path("addresses"), "r");
    assert_non_null(file);
    while (fgets(call, sizeof call, file)) { /* every second one is a return address */
        uint32_t line = fgets(call, sizeof call, file) ? check_call(m, strtoull(call, NULL, 16), options) : 0;
        lines += line && !seen[line];
        seen[line] = 1;
    }
    fclose(file);
    assert_null(symbols_made(m, 0, 24));
    assert_null(symbols_made(m, UINT64_MAX, 24));
    assert_null(symbols_made(symbols_module(s, "/nowhere", NULL, 0), 16, 24));
    symbols_close(s);
    return lines;
}

static void classes_by_constructor(void **state)
{
    (void)state;
    static const char *const compilers[] = {
        "g++ -O2 -g", "g++ -O1 -g -gdwarf-4", "g++ -O2 -g -no-pie", "g++ -O2 -g -gsplit-dwarf",
        "g++ -Os -g", "clang++ -O2 -g",       "clang++ -O1 -g"};
    int marks = read_wanted(), done = 0;
    assert_true(marks >= 12);
    for (size_t i = 0; i < sizeof compilers / sizeof *compilers; i++) {
        int lines = check_program(compilers[i]);
        if (lines >= 0)
            assert_int_equal(lines, marks);
        done += lines >= 0;
    }
    if (done == 0)
        skip();
}

/* Without optimization nothing is said of what is called; and nothing is known without debug information. */
static void nothing_known(void **state)
{
    (void)state;
    if (bench_run("g++ -O2 -o bare $P/made.cc $P/made_far.cc") != 0)
        skip();
    struct symbols *s = symbols_open();
    struct symbols_module *m = symbols_module(s, bench_path("bare"), NULL, 0);
    uint64_t main_at = bench_symbol("bare", "main");
    for (uint64_t at = 0; at < 256; at++)
        assert_null(symbols_made(m, main_at + at, 24));
    symbols_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(classes_by_constructor),
                                       cmocka_unit_test(nothing_known)};
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
