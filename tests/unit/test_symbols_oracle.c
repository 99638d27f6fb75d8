/* test_symbols_oracle.c - compares frames of addresses in real programs with addr2line -i -f -C.
 *
 * addr2line prefers the symbol table's name for an innermost function without a linkage name, even if that
 * function was inlined into the one that the symbol names (binutils 2.40). So the answers are compared on
 * copies of the programs without a symbol table, where both only have DWARF.
 */
#define _GNU_SOURCE /* memmem, memrchr */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ctype.h>
#include <inttypes.h>

#include "../symbols/workbench.h"
#include "elf_image.h"
#include "symbols.h"

enum { FRAMES_MAX = 64, SOURCE_LINES = 60 };

struct tally {
    size_t addresses; /* compared */
    size_t inlined;   /* of them, with more than one frame */
    size_t differing; /* our answer is different */
    size_t filled;    /* not in differing: ours has types where addr2line's has their parameters */
    int is_rust;      /* with the older mangling */
    size_t excused;   /* not in differing: addr2line is wrong, see is_impossible and is_gap */
};

/* Frames as text, "function\nfile:line\n" each, as addr2line prints them. */
struct answer {
    char text[64 * 1024];
    size_t frames;
};

static void print_frames(struct answer *answer, const struct symbols_frame *frames, size_t count)
{
    size_t used = 0;
    answer->frames = count;
    answer->text[0] = '\0';
    for (size_t i = 0; i < count && used < sizeof answer->text; i++)
        used += (size_t)snprintf(answer->text + used, sizeof answer->text - used, "%s\n%s:%u\n",
                                 frames[i].function ? frames[i].function : "??",
                                 frames[i].file ? frames[i].file : "??", frames[i].line);
}

/* "file:?", "file:7 (discriminator 2)" -> "file:0", "file:7" */
static void normalize_place(char *place)
{
    char *mark = strstr(place, " (discriminator");
    if (mark)
        strcpy(mark, "\n");
    size_t length = strlen(place);
    if (length > 2 && place[length - 2] == '?' && place[length - 3] == ':')
        place[length - 2] = '0';
}

/* The next answer of addr2line -a; next holds the address line of the one after. 0: no more. */
static int read_answer(FILE *from, struct answer *answer, char *next, size_t room)
{
    static char line[32 * 1024];
    size_t used = 0, lines = 0;
    if (strncmp(next, "0x", 2) != 0 && !fgets(next, (int)room, from))
        return 0;
    next[0] = '\0';
    answer->text[0] = '\0';
    while (fgets(line, sizeof line, from)) {
        if (strlen(line) == 19 && strncmp(line, "0x", 2) == 0 && strspn(line + 2, "0123456789abcdef") == 16) {
            snprintf(next, room, "%s", line);
            break;
        }
        if (lines++ % 2 == 1)
            normalize_place(line);
        used += (size_t)snprintf(answer->text + used, sizeof answer->text - used, "%s", line);
        assert_true(used < sizeof answer->text);
    }
    answer->frames = lines / 2;
    return lines > 0;
}

/* addr2line 2.40 takes the wrong one of the first two files of a DWARF 5 line table for the rows of a
 * sequence that does not name its file: our programs have no SOURCE_LINES lines, so such an answer shows. */
static int is_impossible(const struct answer *theirs, const struct answer *ours)
{
    const char *their_place = strchr(theirs->text, '\n'), *our_place = strchr(ours->text, '\n');
    size_t name = (size_t)(their_place - theirs->text);
    if (name != (size_t)(our_place - ours->text) || strncmp(theirs->text, ours->text, name) != 0)
        return 0;
    const char *their_end = strchr(their_place + 1, '\n'), *our_end = strchr(our_place + 1, '\n');
    if (strcmp(their_end, our_end) != 0) /* outer frames */
        return 0;
    const char *their_line = memrchr(their_place, ':', (size_t)(their_end - their_place));
    const char *our_line = memrchr(our_place, ':', (size_t)(our_end - our_place));
    return atoi(their_line + 1) == atoi(our_line + 1) && atoi(our_line + 1) > SOURCE_LINES &&
           memmem(their_place, (size_t)(their_line - their_place), SYMBOLS_PROGRAMS,
                  strlen(SYMBOLS_PROGRAMS));
}

/* addr2line names the previous symbol even if the address is behind its end (in padding). */
static int is_gap(const struct answer *theirs, const struct answer *ours, uint64_t address)
{
    const char *place = strchr(theirs->text, '\n');
    return strcmp(ours->text, "??\n??:0\n") == 0 && strcmp(place, "\n??:0\n") == 0 &&
           !bench_is_function("p", address);
}

static size_t word(const char *text)
{
    size_t length = 0;
    while (isalnum((unsigned char)text[length]) || text[length] == '_')
        length++;
    return length;
}

/* The end of what stands for a parameter. */
static const char *argument_end(const char *text)
{
    int depth = 0;
    for (; *text && *text != '\n'; text++) {
        if ((*text == '-' || *text == '=') && text[1] == '>') {
            text++;
            continue;
        }
        if (depth == 0 &&
            (strchr(",>])", *text) || strncmp(text, " as ", 4) == 0 || strncmp(text, " for ", 5) == 0))
            break;
        depth += strchr("<[({", *text) ? 1 : strchr(">])}", *text) ? -1 : 0;
    }
    return text;
}

/* Names of Rust's older mangling have "T" in addr2line's answers, and in ours the type: the rest is the same. A parameter that
 * is left out in ours is an allocator. */
static int is_filled(const char *ours, const char *theirs)
{
    const char *begin = theirs;
    while (*theirs) {
        size_t length = word(theirs), same = word(ours);
        int is_parameter =
            length > 0 && theirs > begin && strchr("<,[( &", theirs[-1]) && isupper((unsigned char)*theirs);
        if (is_parameter &&
            (same != length || memcmp(ours, theirs, length) != 0 || strchr(":<", ours[same]))) {
            ours = argument_end(ours);
            theirs += length;
        } else if (length > 0) {
            if (same != length || memcmp(ours, theirs, length) != 0)
                return 0;
            ours += length;
            theirs += length;
        } else if (*ours == *theirs) {
            ours += 1 + (*ours == ',' && ours[1] == ' ' && theirs[1] != ' ');
            theirs++;
        } else if (*theirs == ',' && strncmp(theirs, ",A", 2) == 0) {
            theirs += 1 + word(theirs + 1);
        } else {
            return 0;
        }
    }
    return *ours == '\0';
}

static void compare_answer(struct symbols_module *m, uint64_t address, const struct answer *theirs,
                           struct tally *t)
{
    static struct answer ours;
    struct symbols_frame frames[FRAMES_MAX];
    size_t count = symbols_resolve(m, address, frames, FRAMES_MAX);
    print_frames(&ours, frames, count);
    t->addresses++;
    t->inlined += count > 1;
    if (strcmp(ours.text, theirs->text) == 0)
        return;
    if (t->is_rust && is_filled(ours.text, theirs->text)) {
        t->filled++;
        return;
    }
    if (is_impossible(theirs, &ours) || is_gap(theirs, &ours, address)) {
        t->excused++;
        return;
    }
    if (t->differing++ < 3)
        print_message("%#" PRIx64 "\nours:\n%stheirs:\n%s", address, ours.text, theirs->text);
}

static struct tally compare_with(const char *oracle, const char *name, unsigned stride, int is_rust)
{
    uint64_t low, high;
    char command[512], next[64] = "";
    static struct answer theirs;
    struct tally tally = {.is_rust = is_rust};
    assert_true(bench_section(name, ".text", &low, &high));
    FILE *addresses = fopen(bench_path("addresses"), "w");
    assert_non_null(addresses);
    for (uint64_t at = low; at < high; at += stride)
        fprintf(addresses, "%#" PRIx64 "\n", at);
    fclose(addresses);

    struct symbols *s = symbols_open();
    struct symbols_module *m = symbols_module(s, bench_path(name), NULL, 0);
    assert_int_equal(symbols_module_state(m), SYMBOLS_LINES);
    snprintf(command, sizeof command, "cd '%s' && %s -e %s <addresses 2>>log", bench, oracle, name);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    for (uint64_t at = low; at < high; at += stride) {
        assert_true(read_answer(pipe, &theirs, next, sizeof next));
        compare_answer(m, at, &theirs, &tally);
    }
    assert_int_equal(pclose(pipe), 0);
    symbols_close(s);
    return tally;
}

/* Compiles, makes the copy without symbols and compares; skipped if the compiler is not installed. */
static void check(const char *tool, const char *arguments, unsigned stride, size_t excused)
{
    if (!bench_has(tool)) {
        print_message("no %s on this machine\n", tool);
        skip();
    }
    assert_int_equal(bench_run("rm -f p; %s %s -o p", tool, arguments), 0);
    assert_int_equal(bench_run("objcopy --strip-all --keep-section='.debug_*' p q"), 0);
    int is_rust = strcmp(tool, "rustc") == 0 && !strstr(arguments, "=v0");
    struct tally t = compare_with("addr2line -a -i -f -C", "q", stride, is_rust);
    print_message("%s %s: %zu addresses, %zu with inlined calls, %zu with types for parameters, %zu differ, "
                  "%zu wrong answers of "
                  "addr2line\n",
                  tool, arguments, t.addresses, t.inlined, t.filled, t.differing, t.excused);
    assert_true(t.filled > 0 || !is_rust);
    assert_true(t.addresses >= 100);
    assert_true(t.inlined > 0 || strstr(arguments, "-O0"));
    assert_int_equal(t.differing, 0);
    assert_in_range(t.excused, 0, excused ? t.addresses * excused / 100 : 0);
}

#define CHECK(test, tool, arguments, stride, excused) \
    static void test(void **state)                    \
    {                                                 \
        (void)state;                                  \
        check(tool, arguments, stride, excused);      \
    }

CHECK(c_dwarf5, "gcc", "-O2 -gdwarf-5 $P/list.c", 1, 5)
CHECK(c_dwarf4, "gcc", "-O2 -gdwarf-4 $P/list.c", 1, 0)
CHECK(c_dwarf3, "gcc", "-O2 -gdwarf-3 -gstrict-dwarf $P/list.c", 1, 0)
CHECK(c_dwarf2, "gcc", "-O2 -gdwarf-2 $P/list.c", 1, 0)
CHECK(c_non_pie, "gcc", "-O2 -g -no-pie -fno-pie $P/list.c", 1, 5)
CHECK(c_lto, "gcc", "-O2 -gdwarf-4 -flto $P/list.c", 1, 0)
CHECK(c_clang, "clang", "-O2 -gdwarf-4 $P/list.c", 1, 0)
CHECK(cpp_dwarf5, "g++", "-O2 -gdwarf-5 $P/shop.cc", 1, 5)
CHECK(cpp_dwarf4, "g++", "-O2 -gdwarf-4 $P/shop.cc", 1, 0)
CHECK(cpp_o3, "g++", "-O3 -gdwarf-4 $P/shop.cc", 1, 0)
CHECK(cpp_o0, "g++", "-O0 -gdwarf-5 $P/shop.cc", 1, 5)
CHECK(cpp_compressed, "g++", "-O2 -gdwarf-4 -gz=zlib $P/shop.cc", 1, 0)
CHECK(cpp_clang, "clang++", "-O2 -gdwarf-4 $P/shop.cc", 1, 0)
CHECK(cpp_clang_o0, "clang++", "-O0 -gdwarf-4 $P/shop.cc", 1, 1)
CHECK(rust, "rustc", "-g -O $P/shop.rs", 7, 0)
CHECK(rust_v0, "rustc", "-g -O -C symbol-mangling-version=v0 $P/shop.rs", 7, 0)

/* The two files have the same code, and must give the same answers at every address of it. */
static size_t assert_same_answers(const char *name, const char *reference)
{
    uint64_t low, high, reference_low, reference_high;
    assert_true(bench_section(name, ".text", &low, &high));
    assert_true(bench_section(reference, ".text", &reference_low, &reference_high));
    assert_int_equal(low, reference_low);
    assert_int_equal(high, reference_high);
    struct symbols *s = symbols_open();
    struct symbols_module *m = symbols_module(s, bench_path(name), NULL, 0);
    struct symbols_module *r = symbols_module(s, bench_path(reference), NULL, 0);
    assert_int_equal(symbols_module_state(r), SYMBOLS_LINES);
    assert_int_equal(symbols_module_state(m), SYMBOLS_LINES);
    for (uint64_t at = low; at < high; at++) {
        struct symbols_frame a[FRAMES_MAX], b[FRAMES_MAX];
        size_t count = symbols_resolve(m, at, a, FRAMES_MAX);
        assert_int_equal(count, symbols_resolve(r, at, b, FRAMES_MAX));
        for (size_t i = 0; i < count; i++) {
            assert_ptr_equal(a[i].function, b[i].function);
            assert_ptr_equal(a[i].file, b[i].file);
            assert_int_equal(a[i].line, b[i].line);
        }
    }
    symbols_close(s);
    return high - low;
}

/* addr2line 2.40 does not see the inlined calls of clang's DWARF 5; for its DWARF 4 see cpp_clang. */
static void clang_dwarf5(void **state)
{
    (void)state;
    if (!bench_has("clang++")) {
        print_message("no clang++ on this machine\n");
        skip();
    }
    assert_int_equal(
        bench_run("clang++ -O2 -gdwarf-5 $P/shop.cc -o five && clang++ -O2 -gdwarf-4 $P/shop.cc -o four"), 0);
    assert_same_answers("five", "four");
}

static void split_dwarf(void **state)
{
    (void)state;
    assert_int_equal(
        bench_run("g++ -O2 -gdwarf-5 $P/shop.cc -o whole && g++ -O2 -gdwarf-5 -gsplit-dwarf $P/shop.cc "
                  "-o split"),
        0);
    assert_same_answers("split", "whole");
    assert_int_equal(
        bench_run("g++ -O2 -gdwarf-4 $P/shop.cc -o whole && g++ -O2 -gdwarf-4 -gsplit-dwarf $P/shop.cc "
                  "-o split"),
        0);
    assert_same_answers("split", "whole");
}

static void separate_by_debuglink(void **state)
{
    (void)state;
    assert_int_equal(
        bench_run("g++ -O2 -g $P/shop.cc -o whole && objcopy --only-keep-debug whole whole.debug && "
                  "objcopy --strip-all --add-gnu-debuglink=whole.debug whole beside && "
                  "mkdir -p .debug && cp beside below && mv whole.debug .debug/"),
        0);
    assert_same_answers("below", "whole");
    assert_int_equal(bench_run("mv .debug/whole.debug ."), 0);
    assert_same_answers("beside", "whole");
}

static void separate_by_build_id(void **state)
{
    (void)state;
    assert_int_equal(
        bench_run(
            "g++ -O2 -g $P/shop.cc -Wl,--build-id=0xabcdef0123456789 -o whole && mkdir -p .build-id/ab && "
            "objcopy --only-keep-debug --compress-debug-sections whole .build-id/ab/cdef0123456789.debug && "
            "objcopy --strip-all whole bare"),
        0);
    image_set_debug_directory(bench);
    assert_same_answers("bare", "whole");

    /* The module's file was replaced or removed: the debug file is enough. */
    const uint8_t id[] = {0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89}, other[] = {1, 2, 3, 4};
    struct symbols *s = symbols_open();
    struct symbols_frame frame, whole;
    uint64_t at = bench_symbol("whole", "plain");
    symbols_resolve(symbols_module(s, bench_path("whole"), id, sizeof id), at, &whole, 1);
    assert_string_equal(whole.function, "plain");
    const char *const gone[] = {"/bin/true", "/nowhere", "/nowhere (deleted)", ""};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        struct symbols_module *m = symbols_module(s, gone[i], id, sizeof id);
        assert_int_equal(symbols_module_state(m), SYMBOLS_LINES);
        assert_true(symbols_resolve(m, at, &frame, 1) == 1 && frame.function == whole.function &&
                    frame.file == whole.file && frame.line == whole.line);
    }
    assert_int_equal(symbols_module_state(symbols_module(s, bench_path("whole"), other, sizeof other)),
                     SYMBOLS_REPLACED);
    symbols_close(s);
    image_set_debug_directory("/usr/lib/debug");
}

/* Debug information that several files share, as some distributions ship it. */
static void dwz(void **state)
{
    (void)state;
    if (!bench_has("dwz")) {
        print_message("no dwz on this machine\n");
        skip();
    }
    assert_int_equal(bench_run("g++ -O2 -g $P/shop.cc -o whole && g++ -O2 -g -DOTHER $P/shop.cc -o whole2 && "
                               "cp whole packed && cp whole2 packed2 && dwz -m common packed packed2"),
                     0);
    assert_same_answers("packed", "whole");
}

/* Functions that the linker drops keep their rows in the line table, at address 0 and up, where there may be
 * real code.
 */
static void dropped_code(void **state)
{
    (void)state;
    FILE *source = fopen(bench_path("dropped.c"), "w");
    assert_non_null(source);
    fputs("volatile int g; void unused(void) {\n", source);
    for (int i = 0; i < 3000; i++)
        fprintf(source, "#line %d\n g = g * %d + 1;\n", 1000000 + i, i);
    fputs("}\n", source);
    for (int i = 0; i < 100; i++)
        fprintf(source, "#line %d\n__attribute__((noinline)) void live%d(void) {\n g += %d;\n }\n",
                100 * i + 100, i, i);
    fputs("int main(void) {", source);
    for (int i = 0; i < 100; i++)
        fprintf(source, "live%d();", i);
    fputs("return 0; }\n", source);
    fclose(source);
    assert_int_equal(bench_run("gcc -O1 -g -ffunction-sections -Wl,--gc-sections dropped.c -o dropped"), 0);

    struct symbols *s = symbols_open();
    struct symbols_module *m = symbols_module(s, bench_path("dropped"), NULL, 0);
    for (unsigned i = 0; i < 100; i++) {
        char name[16];
        struct symbols_frame frame;
        snprintf(name, sizeof name, "live%u", i);
        uint64_t at = bench_symbol("dropped", name);
        for (uint64_t offset = 0; offset < 8; offset++) {
            assert_int_equal(symbols_resolve(m, at + offset, &frame, 1), 1);
            assert_string_equal(frame.function, name);
            assert_in_range(frame.line, 100 * i + 100, 100 * i + 102);
        }
    }
    symbols_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(c_dwarf5),     cmocka_unit_test(c_dwarf4),
        cmocka_unit_test(c_dwarf3),     cmocka_unit_test(c_dwarf2),
        cmocka_unit_test(c_non_pie),    cmocka_unit_test(c_lto),
        cmocka_unit_test(c_clang),      cmocka_unit_test(cpp_dwarf5),
        cmocka_unit_test(cpp_dwarf4),   cmocka_unit_test(cpp_o3),
        cmocka_unit_test(cpp_o0),       cmocka_unit_test(cpp_compressed),
        cmocka_unit_test(cpp_clang),    cmocka_unit_test(cpp_clang_o0),
        cmocka_unit_test(rust),         cmocka_unit_test(rust_v0),
        cmocka_unit_test(clang_dwarf5), cmocka_unit_test(split_dwarf),
        cmocka_unit_test(dwz),          cmocka_unit_test(separate_by_debuglink),
        cmocka_unit_test(dropped_code), cmocka_unit_test(separate_by_build_id),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
