/* test_symbols_broken.c - truncated and corrupted files give some state and some frames, but never a crash or
 * an endless loop.
 *
 * Each broken file is read in a process of its own with an alarm, so that the test can name one that fails.
 * The changes are the same in every run: a number of each kind, in each part of each program, or as many as
 * LIBTRACE_BROKEN_ROUNDS says (scripts/test-strangers).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/wait.h>

#include "../symbols/workbench.h"
#include "symbols.h"

enum { LOOKUPS = 300, SECONDS_MAX = 20, ROUNDS = 8 };

static int rounds = ROUNDS;

struct victim {
    unsigned char *bytes; /* the original file's */
    unsigned char *broken;
    size_t size;
    uint64_t text_low, text_high;
};

static uint64_t random_state;

static uint64_t random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void read_victim(const char *name, struct victim *v)
{
    FILE *file = fopen(bench_path(name), "r");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    v->size = (size_t)ftell(file);
    rewind(file);
    v->bytes = malloc(v->size);
    v->broken = malloc(v->size);
    assert_true(v->bytes && v->broken);
    assert_int_equal(fread(v->bytes, 1, v->size, file), v->size);
    fclose(file);
    assert_true(bench_section(name, ".text", &v->text_low, &v->text_high));
}

/* Exit status 0 if all look-ups have ended. */
static int survives(const struct victim *v, const char *path)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(SECONDS_MAX);
        struct symbols *s = symbols_open();
        struct symbols_module *m = symbols_module(s, path, NULL, 0);
        uint64_t step = (v->text_high - v->text_low) / LOOKUPS + 1;
        for (uint64_t at = v->text_low; at < v->text_high; at += step) {
            struct symbols_frame frames[64];
            size_t count = symbols_resolve(m, at, frames, 64);
            if (count < 1 || count > 64)
                _exit(1);
            for (size_t i = 0; i < count; i++)
                (void)symbols_is_library_code(&frames[i]);
            for (uint64_t size = 8; size <= 64; size += 8)
                (void)symbols_made(m, at, size);
        }
        symbols_close(s);
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return status == 0;
}

/* A few changed bytes, words and bits in [from, to). */
static void corrupt(struct victim *v, size_t from, size_t to)
{
    memcpy(v->broken, v->bytes, v->size);
    for (uint64_t changes = 1 + random_number() % 20; changes > 0; changes--) {
        size_t at = from + random_number() % (to - from);
        uint64_t word = random_number() % 3 ? random_number() : random_number() % 64;
        size_t width = (size_t)1 << random_number() % 4;
        switch (random_number() % 4) {
        case 0:
            v->broken[at] = (unsigned char)word;
            break;
        case 1:
            v->broken[at] ^= (unsigned char)(1 << word % 8);
            break;
        case 2:
            v->broken[at] = 0xff;
            break;
        default:
            if (at + width <= v->size)
                memcpy(v->broken + at, &word, width);
        }
    }
}

static size_t try_broken(const struct victim *v, size_t size, const char *what, int round)
{
    FILE *file = fopen(bench_path("broken"), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(v->broken, 1, size, file), size);
    fclose(file);
    if (survives(v, bench_path("broken")))
        return 0;
    print_message("%s, round %d: kept as failed-%s-%d with KEEP=1\n", what, round, what, round);
    (void)bench_run("cp broken failed-%s-%d", what, round);
    return 1;
}

static size_t break_section(struct victim *v, const char *name, const char *section)
{
    int fd = open(bench_path(name), O_RDONLY | O_CLOEXEC);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    Elf_Scn *scn = NULL;
    size_t names, failed = 0;
    GElf_Shdr header;
    assert_int_equal(elf_getshdrstrndx(elf, &names), 0);
    while ((scn = elf_nextscn(elf, scn)) != NULL) {
        assert_non_null(gelf_getshdr(scn, &header));
        if (strcmp(elf_strptr(elf, names, header.sh_name), section) != 0 || header.sh_size == 0)
            continue;
        for (int round = 0; round < rounds; round++) {
            random_state = 88172645463325252u + (uint64_t)round * 7919;
            corrupt(v, header.sh_offset, header.sh_offset + header.sh_size);
            failed += try_broken(v, v->size, section, round);
        }
    }
    elf_end(elf);
    close(fd);
    return failed;
}

static void break_file(const char *command, const char *name)
{
    static const char *const sections[] = {
        ".debug_info",        ".debug_abbrev",  ".debug_line",        ".debug_ranges",
        ".debug_rnglists",    ".debug_addr",    ".debug_str_offsets", ".symtab",
        ".note.gnu.build-id", ".gnu_debuglink", ".gnu_debugdata",
    };
    struct victim v = {0};
    size_t failed = 0;
    assert_int_equal(bench_run("%s", command), 0);
    read_victim(name, &v);
    for (int round = 0; round < rounds; round++) {
        random_state = 88172645463325252u + (uint64_t)round * 104729;
        for (int i = 0; i < 10; i++)
            (void)random_number();
        memcpy(v.broken, v.bytes, v.size);
        failed += try_broken(&v, random_number() % v.size, "truncated", round);
        corrupt(&v, 0, v.size);
        failed += try_broken(&v, v.size, "anywhere", round);
        corrupt(&v, 0, 0x400);
        failed += try_broken(&v, v.size, "headers", round);
        corrupt(&v, v.size - 0xa00, v.size);
        failed += try_broken(&v, v.size, "section-headers", round);
    }
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        failed += break_section(&v, name, sections[i]);
    free(v.bytes);
    free(v.broken);
    assert_int_equal(failed, 0);
}

static void broken_dwarf5(void **state)
{
    (void)state;
    break_file("g++ -O2 -gdwarf-5 $P/shop.cc -o five", "five");
}

static void broken_dwarf4(void **state)
{
    (void)state;
    break_file("gcc -O2 -gdwarf-4 $P/list.c -o four", "four");
}

static void broken_compressed(void **state)
{
    (void)state;
    break_file("gcc -O2 -g -gz $P/list.c -o compressed", "compressed");
}

static void broken_clang(void **state)
{
    (void)state;
    if (!bench_has("clang")) {
        print_message("no clang on this machine\n");
        skip();
    }
    break_file("clang -O2 -gdwarf-5 $P/list.c -o clang", "clang");
}

static void broken_mini_debug_information(void **state)
{
    (void)state;
    if (!bench_has("xz")) {
        print_message("no xz on this machine\n");
        skip();
    }
    break_file(
        "gcc -O2 -g $P/list.c -o whole && objcopy --only-keep-debug whole mini && strip --strip-debug mini "
        "&& "
        "xz -f mini && objcopy --strip-all whole bare && objcopy --add-section .gnu_debugdata=mini.xz bare",
        "bare");
}

int main(void)
{
    const char *wanted = getenv("LIBTRACE_BROKEN_ROUNDS");
    if (wanted)
        rounds = atoi(wanted);
    /* Leaks of libelf with broken files do not matter, only invalid accesses do. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_dwarf5),
        cmocka_unit_test(broken_dwarf4),
        cmocka_unit_test(broken_compressed),
        cmocka_unit_test(broken_clang),
        cmocka_unit_test(broken_mini_debug_information),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
