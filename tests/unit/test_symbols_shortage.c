/* test_symbols_shortage.c - whichever allocation fails while symbols are read, no name is missing without a state that says
 * so. Only the room's own calls fail (linked with --wrap): libdw ends the process for some of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "../symbols/workbench.h"
#include "elf_image.h"
#include "symbols.h"

enum { INLINES = 16, STEP = 29 /* bytes between the addresses that are looked up */ };

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

static long allocations, failing; /* so far; the number of the one that fails, 0 = none */

static int fails(void)
{
    int now = ++allocations == failing;
    if (now)
        errno = ENOMEM;
    return now;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}

/* The hash of all that is known of a program's code. */
static uint64_t look_up(struct symbols_module *m, uint64_t low, uint64_t high)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint64_t at = low; at < high; at += STEP) {
        struct symbols_frame frames[INLINES];
        size_t count = symbols_resolve(m, at, frames, INLINES);
        for (size_t i = 0; i < count; i++) {
            const char *texts[] = {frames[i].function, frames[i].file};
            for (size_t k = 0; k < 2; k++)
                for (const char *c = texts[k] ? texts[k] : "?"; *c; c++)
                    hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
            hash = (hash ^ frames[i].line) * 0x100000001b3u;
        }
    }
    return hash;
}

/* What is done before all is looked up. */
enum order {
    FRESH,  /* nothing */
    RESTED, /* what was read has been given back, before anything fails */
    MADE,   /* classes are asked for, of what is made at each address */
    CLASS,  /* and of vtables */
    ORDERS
};

static void ask_for_classes(struct symbols_module *m, enum order order, uint64_t low, uint64_t high)
{
    for (uint64_t at = low; at < high && order == MADE; at += STEP)
        symbols_made(m, at, 24);
    if (order == CLASS)
        symbols_class(m, low);
}

/* The hash of what is known if that allocation fails, 0 = none; *state: at the end. */
static uint64_t attempt(const char *name, enum order order, long nth, uint64_t low, uint64_t high,
                        enum symbols_state *state)
{
    const char *path = bench_path(name);
    uint64_t hash = 0;
    struct symbols *s = symbols_open();
    struct symbols_module *m = symbols_module(s, path, NULL, 0);
    assert_non_null(m);
    symbols_module_file(m, open(path, O_RDONLY | O_CLOEXEC));
    if (order == RESTED) {
        int freed;
        symbols_module_state(m);
        symbols_rest(s, 1, &freed);
        symbols_rest(s, UINT64_MAX / 2, &freed);
        assert_true(freed);
    }
    allocations = 0;
    failing = nth;
    ask_for_classes(m, order, low, high);
    hash = look_up(m, low, high);
    *state = symbols_module_state(m);
    failing = 0;
    symbols_close(s);
    return hash;
}

/* Without the one allocation, all is as it is with it, or the module is said to lack something. */
static void said_for_each(const char *name, enum order order)
{
    uint64_t low = 0, high = 0;
    enum symbols_state usual_state, state;
    assert_true(bench_section(name, ".text", &low, &high));
    uint64_t usual = attempt(name, order, 0, low, high, &usual_state), hash;
    long all = allocations, lacking = 0;
    for (long nth = 1; nth <= all; nth++) {
        hash = attempt(name, order, nth, low, high, &state);
        if (hash == usual && state == usual_state)
            continue;
        lacking++;
        if (state != SYMBOLS_SHORT && (state != SYMBOLS_MISSING || order == RESTED))
            fail_msg("%s, %d: without allocation %ld of %ld names are missing, and its state is %d", name,
                     (int)order, nth, all, (int)state);
    }
    assert_true(usual_state == SYMBOLS_LINES || usual_state == SYMBOLS_NAMES);
    assert_true(lacking > 0);
}

static void names_and_lines(void **state)
{
    (void)state;
    assert_int_equal(
        bench_run(
            "gcc -O2 -g $P/list.c -o list && g++ -O2 -g $P/shop.cc -o shop && "
            "g++ -O2 -g -gz=zlib $P/shop.cc -o packed && g++ -O2 -g -gsplit-dwarf $P/shop.cc -o split && "
            "objcopy --strip-debug shop names"),
        0);
    for (enum order order = FRESH; order < ORDERS; order++)
        said_for_each("list", order);
    said_for_each("shop", FRESH);
    said_for_each("packed", RESTED);
    said_for_each("split", FRESH);
    said_for_each("names", FRESH);
}

/* What reading is not begun without, and not what is unpacked, which is less of a small file. */
static int least_fits(uint64_t bytes)
{
    return bytes == 2 << 20;
}

/* A compressed file of debug information beside the program, as distributions have it, that memory is not enough for. */
static void separate_file(void **state)
{
    (void)state;
    assert_int_equal(
        bench_run(
            "gcc -O0 -g $P/list.c -Wl,--build-id=0xabcdef0123456789 -o whole && mkdir -p .build-id/ab && "
            "objcopy --only-keep-debug --compress-debug-sections whole .build-id/ab/cdef0123456789.debug && "
            "objcopy --strip-debug whole apart"),
        0);
    image_set_debug_directory(bench);
    for (int fits = 0; fits < 2; fits++) {
        struct symbols *s = symbols_open();
        struct symbols_frame frame;
        symbols_limit(fits ? NULL : least_fits);
        struct symbols_module *m = symbols_module(s, bench_path("apart"), NULL, 0);
        assert_int_equal(symbols_module_state(m), fits ? SYMBOLS_LINES : SYMBOLS_SHORT);
        symbols_resolve(m, bench_symbol("whole", "total"), &frame, 1);
        assert_string_equal(frame.function, "total");
        assert_int_equal(frame.line != 0, fits);
        symbols_close(s);
    }
    image_set_debug_directory("/usr/lib/debug");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(separate_file),
        cmocka_unit_test(names_and_lines),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
