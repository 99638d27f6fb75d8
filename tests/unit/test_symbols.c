/* test_symbols.c - modules in all states, names from symbol tables, demangling, library code, and internals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "../symbols/workbench.h"
#include "inflate.h"
#include "interned.h"
#include "intervals.h"
#include "elf_image.h"
#include "rest.h"
#include "symbols.h"

static void assert_unknown(struct symbols *s, const char *path, enum symbols_state state)
{
    const uint8_t id[] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct symbols_module *m = symbols_module(s, path, id, state == SYMBOLS_REPLACED ? sizeof id : 0);
    struct symbols_frame frame = {"x", "x", 1};
    assert_non_null(m);
    assert_int_equal(symbols_module_state(m), state);
    assert_int_equal(symbols_resolve(m, 0x1234, &frame, 1), 1);
    assert_null(frame.function);
    assert_null(frame.file);
    assert_int_equal(frame.line, 0);
}

static void missing_files(void **state)
{
    (void)state;
    struct symbols *s = symbols_open();
    assert_int_equal(mkfifo(bench_path("fifo"), 0600), 0);
    assert_int_equal(
        bench_run("echo text >text; : >empty; head -c 100 /bin/sh >head; gcc -c $P/list.c -o object.o"), 0);
    const char *const paths[] = {
        "",  "[vdso]",     "[heap]",    "linux-vdso.so.1", "/nowhere", "/memfd:x (deleted)", "/bin/sh/below",
        "/", " (deleted)", "/dev/zero", "/proc/self/mem"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_unknown(s, paths[i], SYMBOLS_MISSING);
    const char *const made[] = {"fifo", "text", "empty", "head", "object.o"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        assert_unknown(s, bench_path(made[i]), SYMBOLS_MISSING);
    assert_unknown(s, NULL, SYMBOLS_MISSING);
    assert_unknown(s, "/bin/sh", SYMBOLS_REPLACED);
    assert_unknown(s, "/bin/sh (deleted)", SYMBOLS_REPLACED);
    symbols_close(s);
    symbols_close(NULL);
}

static const char *function_at(struct symbols *s, const char *name, uint64_t address,
                               enum symbols_state state)
{
    struct symbols_module *m = symbols_module(s, bench_path(name), NULL, 0);
    struct symbols_frame frames[8];
    assert_int_equal(symbols_module_state(m), state);
    assert_int_equal(symbols_resolve(m, address, frames, 8), 1);
    assert_null(frames[0].file);
    assert_int_equal(frames[0].line, 0);
    return frames[0].function;
}

static void names_only(void **state)
{
    (void)state;
    assert_int_equal(bench_run("gcc -O2 -rdynamic $P/list.c -o list && g++ -O2 $P/shop.cc -o shop && "
                               "objcopy --strip-all list dynamic && "
                               "gcc -O2 $P/list.c -o hidden && objcopy --strip-all hidden bare"),
                     0);
    struct symbols *s = symbols_open();
    uint64_t total = bench_symbol("list", "total"), exported = bench_symbol("list", "exported");
    assert_string_equal(function_at(s, "list", total, SYMBOLS_NAMES), "total");
    assert_string_equal(function_at(s, "list", exported + 5, SYMBOLS_NAMES), "exported");
    assert_string_equal(function_at(s, "dynamic", exported + 5, SYMBOLS_NAMES), "exported");
    assert_null(function_at(s, "dynamic", total, SYMBOLS_NAMES)); /* not the previous exported symbol */
    assert_null(function_at(s, "bare", exported, SYMBOLS_NONE));
    assert_null(function_at(s, "list", 0, SYMBOLS_NAMES));
    assert_null(function_at(s, "list", UINT64_MAX, SYMBOLS_NAMES));
    uint64_t get =
        bench_symbol("shop", "_ZN4shop3BoxINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEE3getEv");
    assert_string_equal(
        function_at(s, "shop", get, SYMBOLS_NAMES),
        "shop::Box<std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > "
        ">::get()");
    symbols_close(s);
}

/* KiB of a file that are mapped and in memory. */
static long mapped_of(const char *path)
{
    char line[4096];
    long sum = 0;
    int is_its = 0;
    FILE *maps = fopen("/proc/self/smaps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps)) {
        if (strchr("0123456789abcdef", line[0]))
            is_its = strstr(line, path) != NULL;
        else if (is_its && strncmp(line, "Rss:", 4) == 0)
            sum += atol(line + 4);
    }
    fclose(maps);
    return sum;
}

/* A large program's names are megabytes, which stay in its file: what was read of them is not kept in memory. Of several
 * names of the same code, the best is found nevertheless. */
static void many_names(void **state)
{
    (void)state;
    assert_int_equal(bench_run("{ echo .text; for i in $(seq 20000); do echo "
                               "\".globl __a_name_that_is_rather_long_for_a_function_$i, "
                               "a_name_that_is_rather_long_for_a_function_$i;"
                               ".type __a_name_that_is_rather_long_for_a_function_$i, @function;"
                               ".type a_name_that_is_rather_long_for_a_function_$i, @function;"
                               "a_name_that_is_rather_long_for_a_function_$i: "
                               "__a_name_that_is_rather_long_for_a_function_$i: .rept 8; nop; .endr;"
                               ".size a_name_that_is_rather_long_for_a_function_$i, 8; .size "
                               "__a_name_that_is_rather_long_for_a_function_$i, 8\"; done; } >many.s && "
                               "gcc -shared -nostdlib many.s -o many.so"),
                     0);
    struct symbols *s = symbols_open();
    struct symbols_module *m = symbols_module(s, bench_path("many.so"), NULL, 0);
    assert_int_equal(symbols_module_state(m), SYMBOLS_NAMES);
    assert_in_range(mapped_of(bench_path("many.so")), 1, 400);
    uint64_t first = bench_symbol("many.so", "a_name_that_is_rather_long_for_a_function_1");
    for (unsigned i = 1; i <= 20000; i += 7) {
        struct symbols_frame frame;
        char name[100];
        snprintf(name, sizeof name, "a_name_that_is_rather_long_for_a_function_%u", i);
        assert_int_equal(symbols_resolve(m, first + (uint64_t)(i - 1) * 8 + 3, &frame, 1), 1);
        assert_string_equal(frame.function, name);
    }
    assert_in_range(mapped_of(bench_path("many.so")), 1, 900);
    symbols_close(s);
}

/* The virtual base of a base is where no constructor knows before the whole object is there: Both has vtables for that
 * time. */
static void classes_by_vtable(void **state)
{
    (void)state;
    assert_int_equal(
        bench_run(
            "printf '%%s' 'struct Shape { virtual ~Shape() {} int a; }; struct Left : virtual Shape { int l; "
            "}; "
            "struct Right : virtual Shape { int r; }; struct Both : Left, Right { int b; }; int main() { "
            "delete new Both; delete new Left; delete new Right; delete new Shape; }' >vtables.cc && "
            "g++ -O0 -rdynamic vtables.cc -o vtables && objcopy --strip-all vtables stripped"),
        0);
    struct symbols *s = symbols_open();
    uint64_t both = bench_object("vtables", "_ZTV4Both"), shape = bench_object("vtables", "_ZTV5Shape"),
             part = bench_object("vtables", "_ZTC4Both0_4Left");
    static const char *const names[] = {"vtables", "stripped"}; /* exported symbols are there still */
    for (int i = 0; i < 2; i++) {
        struct symbols_module *m = symbols_module(s, bench_path(names[i]), NULL, 0);
        assert_string_equal(symbols_class(m, both + 24), "Both"); /* behind the offset of the virtual base */
        assert_string_equal(symbols_class(m, shape + 16), "Shape");
        assert_null(symbols_class(m, shape));
        assert_null(symbols_class(m, shape + 8));
        assert_null(symbols_class(m, bench_symbol("vtables", "main")));
        assert_null(symbols_class(m, 0));
        assert_null(symbols_class(m, UINT64_MAX));
        const char *found = symbols_class(m, part + 24);
        assert_true(i == 0 ? found && !*found : !found);
    }
    assert_null(symbols_class(symbols_module(s, "/nowhere", NULL, 0), 16));
    assert_string_equal(symbols_type(s, "5Shape"), "Shape");
    assert_string_equal(symbols_type(s, "*N12_GLOBAL__N_16HiddenE"), "(anonymous namespace)::Hidden");
    assert_null(symbols_type(s, "not a name"));
    assert_null(symbols_type(s, ""));
    symbols_close(s);
}

/* A compressed symbol table in a section of its own, as on Fedora. */
static void mini_debug_information(void **state)
{
    (void)state;
    if (!bench_has("xz")) {
        print_message("no xz on this machine\n");
        skip();
    }
    assert_int_equal(bench_run("gcc -O2 -g $P/list.c -o list && objcopy --only-keep-debug list list.debug && "
                               "objcopy -S --remove-section .comment --keep-symbol=total list.debug mini && "
                               "xz -f mini && objcopy --strip-all list bare && "
                               "objcopy --add-section .gnu_debugdata=mini.xz bare"),
                     0);
    struct symbols *s = symbols_open();
    assert_string_equal(function_at(s, "bare", bench_symbol("list", "total"), SYMBOLS_NAMES), "total");
    symbols_close(s);
}

/* Minimal debug information (-g1) has lines, but names without scope: those of the symbol table are
 * better. */
static void names_without_scope(void **state)
{
    (void)state;
    assert_int_equal(bench_run("g++ -O2 -g1 $P/shop.cc -o shop"), 0);
    struct symbols *s = symbols_open();
    struct symbols_frame frames[8];
    struct symbols_module *m = symbols_module(s, bench_path("shop"), NULL, 0);
    uint64_t get =
        bench_symbol("shop", "_ZN4shop3BoxINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEE3getEv");
    size_t count = symbols_resolve(m, get, frames, 8);
    assert_memory_equal(frames[count - 1].function, "shop::Box<", 10);
    assert_non_null(strstr(frames[count - 1].file, "/tests/symbols/shop.cc"));
    symbols_close(s);
}

static void equal_strings_are_one(void **state)
{
    (void)state;
    assert_int_equal(bench_run("g++ -O2 -g $P/shop.cc -o shop && cp shop shop2"), 0);
    struct symbols *s = symbols_open();
    struct symbols_module *a = symbols_module(s, bench_path("shop"), NULL, 0);
    struct symbols_module *b = symbols_module(s, bench_path("shop2"), NULL, 0);
    uint64_t low, high;
    size_t deepest = 0;
    assert_true(bench_section("shop", ".text", &low, &high));
    for (uint64_t at = low; at < high; at += 3) {
        struct symbols_frame x[64], y[64], few[2];
        size_t count = symbols_resolve(a, at, x, 64);
        assert_int_equal(symbols_resolve(b, at, y, 64), count);
        for (size_t i = 0; i < count; i++)
            assert_true(x[i].function == y[i].function && x[i].file == y[i].file && x[i].line == y[i].line);
        /* Without room for all frames, the innermost are returned. */
        assert_int_equal(symbols_resolve(a, at, few, 2), count < 2 ? count : 2);
        assert_true(few[0].function == x[0].function && few[0].file == x[0].file);
        if (count > 2)
            assert_true(few[1].function == x[1].function && few[1].line == x[1].line);
        deepest = count > deepest ? count : deepest;
    }
    assert_in_range(deepest, 4, 64);
    symbols_close(s);
}

static Elf_Scn *section_called(Elf *elf, const char *wanted, GElf_Shdr *header)
{
    Elf_Scn *section = NULL;
    size_t names;
    assert_int_equal(elf_getshdrstrndx(elf, &names), 0);
    while ((section = elf_nextscn(elf, section)) != NULL) {
        assert_non_null(gelf_getshdr(section, header));
        if (strcmp(elf_strptr(elf, names, header->sh_name), wanted) == 0)
            return section;
    }
    return NULL;
}

/* The decompressed file must equal the uncompressed one, except for parts that are never read. */
static void compressed_sections(void **state)
{
    (void)state;
    assert_int_equal(
        bench_run("g++ -O2 -g -gz=none $P/shop.cc -o plain && "
                  "objcopy --compress-debug-sections=zlib plain packed && head -c 20000 packed >cut"),
        0);
    int fd = open(bench_path("packed"), O_RDONLY | O_CLOEXEC), plain_fd = open(bench_path("plain"), O_RDONLY);
    int too_large = 0, made_fd = inflate_debug_sections(fd, &too_large);
    assert_int_not_equal(made_fd, fd);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed */
    assert_true(fcntl(made_fd, F_GETFD) & FD_CLOEXEC);
    Elf *plain = elf_begin(plain_fd, ELF_C_READ, NULL), *made = elf_begin(made_fd, ELF_C_READ, NULL);
    Elf_Scn *section = NULL;
    GElf_Shdr header, other;
    size_t names, compared = 0, left_out = 0;
    assert_int_equal(elf_getshdrstrndx(plain, &names), 0);
    while ((section = elf_nextscn(plain, section)) != NULL) {
        assert_non_null(gelf_getshdr(section, &header));
        const char *name = elf_strptr(plain, names, header.sh_name);
        if (header.sh_type == SHT_NOBITS || header.sh_type == SHT_STRTAB || header.sh_type == SHT_SYMTAB)
            continue; /* objcopy rewrites them */
        Elf_Scn *inflated = section_called(made, name, &other);
        assert_non_null(inflated);
        assert_int_equal(other.sh_flags, header.sh_flags);
        if (other.sh_type == SHT_NOBITS) {
            left_out++;
            continue;
        }
        Elf_Data *data = elf_rawdata(section, NULL), *bytes = elf_rawdata(inflated, NULL);
        assert_int_equal(other.sh_type, header.sh_type);
        assert_int_equal(bytes->d_size, data->d_size);
        assert_memory_equal(bytes->d_buf, data->d_buf, data->d_size);
        compared += strncmp(name, ".debug_", 7) == 0;
    }
    assert_in_range(compared, 5, 20);
    assert_int_equal(left_out,
                     2); /* the one about variables, and what units say of their addresses themselves */
    elf_end(plain);
    elf_end(made);
    close(made_fd);
    assert_int_equal(inflate_debug_sections(plain_fd, &too_large), plain_fd);
    fd = open(bench_path("cut"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(inflate_debug_sections(fd, &too_large), fd);
    close(plain_fd);
    close(fd);
    assert_int_equal(inflate_debug_sections(-1, &too_large), -1);
    assert_int_equal(too_large, 0);
}

static uint64_t asked_for;

static int nothing_fits(uint64_t bytes)
{
    asked_for = bytes;
    return 0;
}

/* If memory is short, debug information is not read, compressed or not: only the symbol table is used. */
static void short_of_memory(void **state)
{
    (void)state;
    assert_int_equal(bench_run("gcc -O0 -g $P/list.c -o list && "
                               "objcopy --compress-debug-sections=zlib list packed_list"),
                     0);
    int too_large = 0, fd = open(bench_path("packed_list"), O_RDONLY | O_CLOEXEC);
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    symbols_limit(nothing_fits);
    assert_int_equal(inflate_debug_sections(fd, &too_large), fd);
    assert_int_equal(too_large, 1);
    assert_true(asked_for > (uint64_t)status.st_size);
    close(fd);
    for (int i = 0; i < 2; i++) {
        struct symbols *s = symbols_open();
        const char *name = i ? "packed_list" : "list";
        assert_string_equal(function_at(s, name, bench_symbol("list", "total"), SYMBOLS_SHORT), "total");
        symbols_close(s);
    }
    symbols_limit(NULL);
}

/* State of a module whose debug information is read with that much address space left. */
static int state_with_room(const char *name, uint64_t room)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {pages * (uint64_t)sysconf(_SC_PAGESIZE) + room, RLIM_INFINITY};
        struct symbols *s = symbols_open();
        if (setrlimit(RLIMIT_AS, &limit) != 0)
            _exit(100);
        _exit((int)symbols_module_state(symbols_module(s, bench_path(name), NULL, 0)));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* libdw does not survive a malloc() that fails, so it is not called where one may. */
static void short_of_address_space(void **state)
{
    (void)state;
    assert_int_equal(bench_run("gcc -O0 -g $P/list.c -o list"), 0);
    assert_int_equal(state_with_room("list", 256u << 20), SYMBOLS_LINES);
    assert_int_equal(state_with_room("list", 12u << 20), SYMBOLS_SHORT);
}

/* True if a file is mapped whose name contains that. */
static int is_loaded(const char *name)
{
    char line[4096];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps))
        found |= strstr(line, name) != NULL;
    fclose(maps);
    return found;
}

/* What is given back is read again when it is asked for: from the same file, also if that is no more, or another one is
 * there. Without a build ID and without a descriptor it could not be told, and stays. */
static void rest(void **state)
{
    (void)state;
    assert_int_equal(bench_run("gcc -O0 -g -gz=zlib $P/list.c -o resting && gcc -O2 $P/list.c -o other"), 0);
    uint64_t total = bench_symbol("resting", "total");
    const char *path = bench_path("resting");
    for (int by_path = 0; by_path < 2; by_path++) {
        struct symbols *s = symbols_open();
        struct symbols_module *m = symbols_module(s, path, NULL, 0);
        struct symbols_frame before[8], after[8];
        if (!by_path)
            symbols_module_file(m, open(path, O_RDONLY | O_CLOEXEC));
        int freed;
        assert_int_equal(symbols_rest(s, 1, &freed), 0);
        assert_int_equal(symbols_resolve(m, total + 4, before, 8), 1);
        assert_string_equal(before[0].function, "total");
        assert_true(before[0].line > 0);
        uint64_t quiet = by_path ? 0 : REST_QUIET_INFLATED_NS;
        assert_int_equal(symbols_rest(s, 100, &freed), by_path ? 0 : 100 + quiet);
        assert_int_equal(symbols_rest(s, 99 + quiet, &freed), by_path ? 0 : 100 + quiet);
        assert_int_equal(freed, 0);
        assert_int_equal(symbols_rest(s, 100 + quiet, &freed), 0);
        assert_int_equal(freed, !by_path);
        assert_int_equal(symbols_rest(s, 200 + quiet, &freed), 0);
        assert_int_equal(freed, 0);
        assert_true(is_loaded("memfd:libtrace-debug") == by_path);
        if (!by_path)
            assert_int_equal(bench_run("mv resting kept && cp other resting"), 0);
        assert_int_equal(symbols_module_state(m), SYMBOLS_LINES);
        assert_int_equal(symbols_resolve(m, total + 4, after, 8), 1);
        assert_true(is_loaded("memfd:libtrace-debug"));
        assert_ptr_equal(before[0].function, after[0].function);
        assert_ptr_equal(before[0].file, after[0].file);
        assert_int_equal(before[0].line, after[0].line);
        assert_int_equal(symbols_rest(s, 1000, &freed),
                         by_path ? 0 : 1000 + 2 * quiet); /* that was too soon */
        symbols_close(s);
        assert_int_equal(bench_run("[ ! -e kept ] || mv kept resting"), 0);
    }
}

static void no_network(void **state)
{
    (void)state;
    char urls[] = "https://debuginfod.invalid/ http://127.0.0.1:1/";
    setenv("DEBUGINFOD_URLS", urls, 1);
    setenv("DEBUGINFOD_CACHE_PATH", bench_path("cache"), 1);
    assert_int_equal(bench_run("gcc -O2 -g $P/list.c -o list && objcopy --strip-all list bare"), 0);
    struct symbols *s = symbols_open();
    assert_null(function_at(s, "bare", bench_symbol("list", "total"), SYMBOLS_NONE));
    symbols_close(s);
    assert_int_not_equal(access(bench_path("cache"), F_OK), 0);
    assert_string_equal(getenv("DEBUGINFOD_URLS"), urls);
    unsetenv("DEBUGINFOD_URLS");
    /* Not even what could use it is loaded: a file without debug information, one whose debug file is missing. */
    assert_int_equal(
        bench_run("objcopy --only-keep-debug list far.debug && "
                  "objcopy --strip-debug --add-gnu-debuglink=far.debug list near && mv far.debug moved"),
        0);
    s = symbols_open();
    assert_string_equal(function_at(s, "near", bench_symbol("list", "total"), SYMBOLS_NAMES), "total");
    symbols_close(s);
    assert_true(is_loaded("libdw"));
    assert_false(is_loaded("libdebuginfod"));
    assert_false(is_loaded("libcurl"));
    /* Where the debug file is beside it, it is used. */
    assert_int_equal(bench_run("mkdir -p .debug && mv moved .debug/far.debug"), 0);
    s = symbols_open();
    assert_int_equal(symbols_module_state(symbols_module(s, bench_path("near"), NULL, 0)), SYMBOLS_LINES);
    symbols_close(s);
    /* So it is in the directory of debug files, below the last of its directories. */
    assert_int_equal(
        bench_run("here=debug/$(basename \"$PWD\") && mkdir -p \"$here\" && mv .debug/far.debug \"$here\""),
        0);
    image_set_debug_directory(bench_path("debug"));
    s = symbols_open();
    assert_int_equal(symbols_module_state(symbols_module(s, bench_path("near"), NULL, 0)), SYMBOLS_LINES);
    symbols_close(s);
    image_set_debug_directory("/usr/lib/debug");
}

static void speed(void **state)
{
    (void)state;
    assert_int_equal(bench_run("g++ -O2 -g $P/shop.cc -o shop"), 0);
    uint64_t low, high;
    assert_true(bench_section("shop", ".text", &low, &high));
    struct symbols *s = symbols_open();
    struct symbols_module *m = symbols_module(s, bench_path("shop"), NULL, 0);
    struct symbols_frame frames[64];
    clock_t start = clock();
    for (uint64_t i = 0; i < 200000; i++)
        assert_true(symbols_resolve(m, low + i * 7919 % (high - low), frames, 64) >= 1);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    print_message("200,000 addresses in %.3f s\n", seconds);
    assert_true(seconds < 2);
    symbols_close(s);
}

static void demangling(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"main", NULL},
        {"", NULL},
        {"_", NULL},
        {"_Z", NULL},
        {"__libc_start_main", NULL},
        {"_ZN4shop5twiceEi", "shop::twice(int)"},
        {"_Znwm", "operator new(unsigned long)"},
        {"_ZN3FooC4Ev", "Foo::Foo()"},
        {"_ZN3fooEv.cold", "foo() [clone .cold]"},
        {"_ZN5alloc7raw_vec19RawVec$LT$T$C$A$GT$8grow_one17h3e1cb29b6d8a3a44E",
         "alloc::raw_vec::RawVec<T,A>::grow_one"},
        {"_ZN4core3ptr42drop_in_place$LT$alloc..string..String$GT$17h0123456789abcdefE",
         "core::ptr::drop_in_place<alloc::string::String>"},
        {"_RNvC6_123foo3bar", "123foo::bar"},
        {"_RNvMNtCs9ltgdHTiPiY_4shop3boxNtB2_3Box3get", "<shop::box::Box>::get"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *name = symbols_demangle(cases[i][0]);
        if (cases[i][1])
            assert_string_equal(name, cases[i][1]);
        else
            assert_null(name);
        free(name);
    }
    assert_null(symbols_demangle(NULL));
}

/* Names that expand to far more than their length must not take all memory or time. */
static void demangling_bombs(void **state)
{
    (void)state;
    char name[4096] = "_Z1fI", *end = name + strlen(name);
    end += sprintf(end, "1XE");
    for (int i = 0; i < 200; i++)
        end += sprintf(end, "1AIS%s_S%s_E", i ? "0" : "", i ? "0" : "");
    free(symbols_demangle(name));
    end = name + sprintf(name, "_RINvC1a1b");
    for (int i = 0; i < 60; i++)
        end += sprintf(end, "TB%c_B%c_", 'a' + i % 26, 'a' + i % 26);
    sprintf(end, "E");
    free(symbols_demangle(name));
    end = name + sprintf(name, "_ZN");
    for (int i = 0; i < 1000; i++)
        end += sprintf(end, "1aI");
    free(symbols_demangle(name));

    /* Each pair of template arguments refers twice to the one before it: 2^60 letters. */
    end = name + sprintf(name, "_Z1f1AIiE");
    for (int i = 0; i < 36; i++) {
        char back[8] = "_";
        if (i > 0)
            sprintf(back, "%c_", i <= 10 ? '0' + i - 1 : 'A' + i - 11);
        end += sprintf(end, "1BIS%sS%sE", back, back);
    }
    clock_t start = clock();
    free(symbols_demangle(name));
    assert_true(clock() - start < 2 * CLOCKS_PER_SEC);
}

static void library_code(void **state)
{
    (void)state;
    static const struct symbols_frame machine[] = {
        {"malloc", NULL, 0},
        {"malloc", "/home/u/program/malloc.c", 10},
        {"__libc_malloc", "./malloc/malloc.c", 3000},
        {"posix_memalign", NULL, 0},
        {"operator new(unsigned long)", "/home/u/program/new.cc", 5},
        {"operator new[](unsigned long, std::nothrow_t const&)", NULL, 0},
        {"operator delete(void*)", NULL, 0},
        {"std::__new_allocator<int>::allocate(unsigned long, void const*)", NULL, 0},
        {"__gnu_cxx::new_allocator<int>::allocate(unsigned long, void const*)", "/opt/x.h", 1},
        {"std::allocator_traits<std::allocator<int> >::allocate(std::allocator<int>&, unsigned long)", NULL,
         0},
        {"void std::vector<int, std::allocator<int> >::_M_realloc_insert<int>(int&&)", NULL, 0},
        {"std::vector<int>::push_back(int&&)", "/usr/include/c++/12/bits/stl_vector.h", 1294},
        {"push_back", "/usr/bin/../lib/gcc/x86_64-linux-gnu/12/../../../../include/c++/12/bits/stl_vector.h",
         1},
        {"std::__1::vector<int>::push_back(int&&)", "/usr/lib/llvm-14/bin/../include/c++/v1/vector", 10},
        {"std::string::_M_create", "./build/x86_64-linux-gnu/libstdc++-v3/include/bits/basic_string.tcc", 1},
        {"__rust_alloc", NULL, 0},
        {"__rdl_alloc", "/rustc/0123/library/std/src/alloc.rs", 1},
        {"alloc::raw_vec::RawVec<T,A>::grow_one", NULL, 0},
        {"<alloc::alloc::Global as core::alloc::Allocator>::allocate", NULL, 0},
        {"<alloc::string::String as core::fmt::Write>::write_str", "/rustc/0123/library/alloc/src/string.rs",
         9},
        {"x", "/usr/src/rustc-1.63.0/library/core/src/ops/function.rs", 1},
        {"x", "/root/.rustup/toolchains/stable/lib/rustlib/src/rust/library/alloc/src/vec/mod.rs", 1},
        {"__GI___strdup", "./string/./string/strdup.c", 40},
        {"__opendir", "./dirent/../sysdeps/unix/sysv/linux/opendir.c", 83},
        {"strdup", "/usr/src/debug/glibc-2.38-1.fc39.x86_64/string/strdup.c", 40},
        {"x", "/rust/deps/hashbrown-0.15.2/src/raw/mod.rs", 1},
    };
    static const struct symbols_frame program[] = {
        {NULL, NULL, 0},
        {"main", "/home/u/main.c", 1},
        {"my_malloc", "/home/u/main.c", 1},
        {"xmalloc", "/home/u/xmalloc.c", 1},
        {"g_malloc", NULL, 0},
        {"strdup", NULL, 0},
        {"std::hash<Mine>::operator()(Mine const&) const", "/home/u/mine.h", 3},
        {"standard::thing()", NULL, 0},
        {"shop::Box<std::string>::get()", "/home/u/shop.cc", 3},
        {"shop::take(std::allocator<int>)", NULL, 0},
        {"main::{lambda(int)#1}::operator()(int) const", NULL, 0},
        {"Pool::operator new(unsigned long)", "/home/u/pool.cc", 3},
        {"serde_json::de::from_str",
         "/root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/serde_json-1.0/src/de.rs", 1},
        {"mine", "/home/u/rustc/src/main.rs", 1},
        {"mine", "/home/u/library/main.c", 1},
        {"mine", "./string/mine.c", 1},
        {"mine", "./src/./src/mine.c", 1},
        {"mine", "/home/u/glibc-tests/mine.c", 1},
    };
    for (size_t i = 0; i < sizeof machine / sizeof *machine; i++)
        if (!symbols_is_library_code(&machine[i]))
            fail_msg("not library code: %s %s", machine[i].function, machine[i].file);
    for (size_t i = 0; i < sizeof program / sizeof *program; i++)
        if (symbols_is_library_code(&program[i]))
            fail_msg("library code: %s %s", program[i].function, program[i].file);
}

static void interned_strings(void **state)
{
    (void)state;
    struct strings table = {0};
    const char *seen[5000];
    char text[32];
    for (int i = 0; i < 5000; i++) {
        sprintf(text, "string %d", i);
        seen[i] = strings_intern(&table, text);
        assert_string_equal(seen[i], text);
    }
    for (int i = 0; i < 5000; i++) {
        int length = sprintf(text, "string %d and more", i) - 9;
        assert_ptr_equal(strings_intern_bytes(&table, text, (size_t)length), seen[i]);
    }
    char *large = malloc(200001);
    memset(large, 'x', 200000);
    large[200000] = '\0';
    assert_string_equal(strings_intern(&table, large), large);
    free(large);
    assert_string_equal(strings_intern(&table, ""), "");
    assert_null(strings_intern(&table, NULL));
    strings_free(&table);
}

/* Against the definition, on random ranges that nest, overlap and repeat. */
static void intervals_by_definition(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252u;
    for (int round = 0; round < 300; round++) {
        struct interval ranges[40];
        struct intervals set = {0};
        uint32_t count = (uint32_t)round % 40;
        for (uint32_t i = 0; i < count; i++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            ranges[i] =
                (struct interval){random % 100, random % 100 + random / 128 % 30, i, random / 65536 % 4 == 0};
            assert_int_equal(intervals_add(&set, ranges[i]), 0);
        }
        assert_int_equal(intervals_finish(&set), 0);
        for (uint64_t at = 0; at < 140; at++) {
            const struct interval *best = NULL;
            for (uint32_t i = 0; i < count; i++) {
                const struct interval *r = &ranges[i];
                if (at < r->low || at >= r->high)
                    continue;
                uint64_t length = r->high - r->low, best_length = best ? best->high - best->low : 0;
                if (!best || r->rank < best->rank || (r->rank == best->rank && length <= best_length))
                    best = r;
            }
            assert_int_equal(intervals_find(&set, at), best ? best->id : INTERVAL_NONE);
        }
        intervals_free(&set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_files),
        cmocka_unit_test(names_only),
        cmocka_unit_test(many_names),
        cmocka_unit_test(classes_by_vtable),
        cmocka_unit_test(mini_debug_information),
        cmocka_unit_test(names_without_scope),
        cmocka_unit_test(equal_strings_are_one),
        cmocka_unit_test(compressed_sections),
        cmocka_unit_test(short_of_memory),
        cmocka_unit_test(short_of_address_space),
        cmocka_unit_test(rest),
        cmocka_unit_test(no_network),
        cmocka_unit_test(speed),
        cmocka_unit_test(demangling),
        cmocka_unit_test(demangling_bombs),
        cmocka_unit_test(library_code),
        cmocka_unit_test(interned_strings),
        cmocka_unit_test(intervals_by_definition),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
