/* test_smaps.c - parses texts of /proc/PID/smaps, and checks what mappings are classified as. */
#include "mapping_use.h"
#include "residence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Checks the class of one mapping of the text, "PART name". */
static void takes_for(const char *text, size_t at, bool has_blocks, int part, const char *name)
{
    struct mappings mappings;
    assert_int_equal(mappings_parse(&mappings, text), 0);
    assert_true(at < mappings.count);
    struct mapping_use use = mapping_use(&mappings, at, has_blocks);
    assert_int_equal(use.part, part);
    assert_string_equal(use.name, name);
    mappings_free(&mappings);
}

static void reads_numbers(void **unused)
{
    (void)unused;
    struct mappings m;
    const char text[] =
        "7f0000000000-7f0000005000 rw-p 00001000 fe:00 4711                       /a b/c (deleted)\n"
        "Size:                 20 kB\n"
        "Rss:                  16 kB\n"
        "Pss:                   8 kB\n"
        "Shared_Clean:          4 kB\n"
        "Shared_Dirty:          4 kB\n"
        "Swap:                 12 kB\n"
        "VmFlags: rd wr\n"
        "7f0000005000-7f0000006000 ---s 00000000 00:00 0 \n"
        "Rss:                   0 kB\n";
    assert_int_equal(mappings_parse(&m, text), 0);
    assert_int_equal(m.count, 2);
    const struct mapping *a = &m.list[0], *b = &m.list[1];
    assert_int_equal(a->start, 0x7f0000000000);
    assert_int_equal(a->end, 0x7f0000005000);
    assert_int_equal(a->inode, 4711);
    assert_true(a->read && a->write && !a->is_shared);
    assert_string_equal(mapping_name(&m, a), "/a b/c (deleted)");
    assert_int_equal(a->resident, 16384);
    assert_int_equal(a->pss, 8192);
    assert_int_equal(a->shared_resident, 8192);
    assert_int_equal(a->swapped, 12288);
    assert_true(!b->read && !b->write && b->is_shared);
    assert_string_equal(mapping_name(&m, b), "");
    mappings_free(&m);
}

/* Lines that are invalid, cut off, or out of order are skipped. */
static void passes_over_nonsense(void **unused)
{
    (void)unused;
    static const char *const texts[] = {"",
                                        "\n\n",
                                        "Rss: 4 kB\n",
                                        "7f00-7e00 rw-p 0 0:0 0\n",
                                        "7f0000000000-7f0000005000\n",
                                        "7f0000000000-7f0000005000 rw",
                                        "x-y z",
                                        "7f0000000000"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct mappings m;
        assert_int_equal(mappings_parse(&m, texts[i]), 0);
        assert_int_equal(m.count, 0);
        mappings_free(&m);
    }
    struct mappings m;
    assert_int_equal(
        mappings_parse(&m, "2000-3000 r--p 0 0:0 0\n2800-3800 r--p 0 0:0 0\n3000-4000 r--p 0 0:0 0\n"), 0);
    assert_int_equal(m.count, 2); /* the second would be counted twice */
    mappings_free(&m);
}

static void by_name(void **unused)
{
    (void)unused;
    takes_for("1000-2000 rw-p 0 0:0 0 [heap]\n", 0, false, RESIDENCE_FREE, "");
    takes_for("1000-2000 rw-p 0 0:0 0 [stack]\n", 0, false, RESIDENCE_STACKS, "[stack]");
    takes_for("1000-2000 r-xp 0 fe:0 7 /usr/lib/libc.so.6\n", 0, false, RESIDENCE_FILES,
              "/usr/lib/libc.so.6");
    takes_for("1000-2000 r-xp 0 fe:0 7 /opt/lib/libtrace.so\n", 0, false, RESIDENCE_TRACER,
              "/opt/lib/libtrace.so");
    takes_for("1000-2000 rw-s 0 0:1 7 /memfd:libtrace (deleted)\n", 0, false, RESIDENCE_TRACER,
              "/memfd:libtrace (deleted)");
    takes_for("1000-2000 rw-s 0 0:1 7 /memfd:others (deleted)\n", 0, false, RESIDENCE_MAPPED,
              "/memfd:others (deleted)");
    takes_for("1000-2000 rw-s 0 0:1 7 /SYSV00000000 (deleted)\n", 0, false, RESIDENCE_MAPPED,
              "/SYSV00000000 (deleted)");
    takes_for("1000-2000 r-xp 0 0:0 0 [vdso]\n", 0, false, RESIDENCE_OTHER, "[vdso]");
    takes_for("1000-2000 rw-p 0 0:0 0 [anon: glibc: malloc]\n", 0, false, RESIDENCE_FREE, "");
    takes_for("1000-2000 rw-p 0 0:0 0 [anon:mine]\n", 0, false, RESIDENCE_MAPPED, "[anon:mine]");
    takes_for("1000-2000 rw-p 0 0:0 0 [anon:mine]\n", 0, true, RESIDENCE_FREE, "");
}

static void by_neighbours(void **unused)
{
    (void)unused;
    const char zeroes[] =
        "1000-2000 rw-p 0 fe:0 7 /lib/a.so\n2000-4000 rw-p 0 0:0 0\n5000-6000 rw-p 0 0:0 0\n";
    takes_for(zeroes, 1, false, RESIDENCE_FILES, "/lib/a.so");
    takes_for(zeroes, 1, true, RESIDENCE_FREE, "");
    takes_for(zeroes, 2, false, RESIDENCE_MAPPED, "");
    const char tracers[] = "1000-2000 rw-p 0 fe:0 7 /lib/libtrace.so\n2000-4000 rw-p 0 0:0 0\n";
    takes_for(tracers, 1, false, RESIDENCE_TRACER, "/lib/libtrace.so");
    const char stack[] = "10000-11000 ---p 0 0:0 0\n11000-91000 rw-p 0 0:0 0\n";
    takes_for(stack, 1, false, RESIDENCE_STACKS, "stacks of threads");
    /* The rest of an arena is reserved; a mapping above it is not a stack. */
    const char arena[] = "7f4000000000-7f4000021000 rw-p 0 0:0 0\n7f4000021000-7f4004000000 ---p 0 0:0 0\n"
                         "7f4004000000-7f4004021000 rw-p 0 0:0 0\n";
    takes_for(arena, 0, false, RESIDENCE_FREE, "");
    takes_for(arena, 2, false, RESIDENCE_FREE, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(passes_over_nonsense),
        cmocka_unit_test(by_name),
        cmocka_unit_test(by_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
