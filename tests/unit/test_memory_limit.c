/* test_memory_limit.c - finds a process's memory limit, in all ways in which control groups can be mounted.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory_limit.h"

#define ROOT_MOUNT "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"

static const char *found(const char *groups, const char *mounts)
{
    static struct memory_place place;
    static char text[PATH_MAX + 16];
    if (!memory_limit_find(groups, mounts, &place))
        return "none";
    snprintf(text, sizeof text, "%s %s top %u", place.unified ? "v2" : "v1", place.folder, place.top);
    return text;
}

static void finds_version_1(void **state)
{
    (void)state;
    const char *mounts = ROOT_MOUNT
        "33 32 0:30 / /sys/fs/cgroup/cpuset rw shared:9 - cgroup cgroup rw,cpuset\n"
        "34 32 0:31 / /sys/fs/cgroup/memory rw,nosuid shared:10 master:2 - cgroup cgroup rw,memory\n";
    assert_string_equal(found("9:name=systemd:/\n4:memory:/a/b\n0::/x\n", mounts),
                        "v1 /sys/fs/cgroup/memory/a/b top 21");
    assert_string_equal(found("4:memory:/\n", mounts), "v1 /sys/fs/cgroup/memory top 21");
    assert_string_equal(found("4:cpu,memory:/a\n", mounts), "v1 /sys/fs/cgroup/memory/a top 21");
    assert_string_equal(found("4:memory2,xmemory:/a\n3:cpuset:/b", mounts), "none");
    /* Version 2 is mounted, too, but without the memory controller. */
    assert_string_equal(found("4:memory:/a\n0::/b\n",
                              ROOT_MOUNT "24 22 0:21 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
                                         "34 22 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"),
                        "v1 /sys/fs/cgroup/memory/a top 21");
}

static void finds_version_2(void **state)
{
    (void)state;
    const char *mounts =
        ROOT_MOUNT "30 22 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
    assert_string_equal(found("0::/user.slice/u 1\n", mounts), "v2 /sys/fs/cgroup/user.slice/u 1 top 14");
    assert_string_equal(found("0::/", mounts), "v2 /sys/fs/cgroup top 14");
    /* Mounted elsewhere, with a space in the path, and without a final newline. */
    assert_string_equal(found("0::/a", "30 22 0:26 / /my\\040groups rw - cgroup2 none rw"),
                        "v2 /my groups/a top 10");
    assert_string_equal(found("0::/a\n", ROOT_MOUNT), "none");
    assert_string_equal(found("", mounts), "none");
    assert_string_equal(found("broken\n:\n", "\n1 2\n"), "none");
}

/* In containers the group is at the top of the mount, or is seen from a cgroup namespace. */
static void finds_it_in_containers(void **state)
{
    (void)state;
    const char *docker = "34 32 0:31 /docker/4711 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
    assert_string_equal(found("4:memory:/docker/4711\n", docker), "v1 /sys/fs/cgroup/memory top 21");
    assert_string_equal(found("4:memory:/docker/4711/in\n", docker), "v1 /sys/fs/cgroup/memory/in top 21");
    assert_string_equal(found("4:memory:/docker/47112\n", docker), "none");
    const char *outside = "30 22 0:26 /../.. /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
    assert_string_equal(found("0::/\n", outside), "v2 /sys/fs/cgroup top 14");
    assert_string_equal(found("0::/in\n", outside),
                        "v2 /sys/fs/cgroup top 14"); /* groups in between are not visible */
    const char *inside = "30 22 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
    assert_string_equal(found("0::/../other\n", inside), "none");
    /* One mount does not show the group, another one does. */
    assert_string_equal(
        found("0::/b/c\n", "30 22 0:26 /a /x rw - cgroup2 none rw\n31 22 0:26 /b /y rw - cgroup2 none rw\n"),
        "v2 /y/c top 2");
}

/* ---- files --------------------------------------------------------------------------------------------- */

static char top[] = "/tmp/libtrace-limit-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", top, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_folders(void **state)
{
    char path[256];
    (void)state;
    if (!mkdtemp(top))
        return -1;
    snprintf(path, sizeof path, "%s/a", top);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/a/b", top);
    return mkdir(path, 0700);
}

static int remove_folders(void **state)
{
    char command[256];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", top);
    return system(command);
}

static void open_group(struct memory_limit *limit, bool unified)
{
    static struct memory_place place;
    place.unified = unified;
    place.top = (unsigned)strlen(top);
    snprintf(place.folder, sizeof place.folder, "%s/a/b", top);
    memory_limit_add(limit, &place);
}

static void takes_the_least(void **state)
{
    struct memory_limit limit = {.count = 0};
    (void)state;
    put("a/b/memory.max", "5000\n");
    put("a/b/memory.high", "max\n");
    put("a/b/memory.current", "500\n");
    put("a/memory.max", "10000\n");
    put("a/memory.high", "max\n");
    put("a/memory.current", "3000\n");
    open_group(&limit, true);
    assert_int_equal(limit.count, 2); /* the root group has no such files */
    assert_int_equal(memory_limit_room(&limit, 0), 4500);
    put("a/b/memory.max", "max\n");
    assert_int_equal(memory_limit_room(&limit, 0), 7000);
    put("a/b/memory.max", "1000\n"); /* later: files stay open */
    assert_int_equal(memory_limit_room(&limit, 0), 500);
    put("a/memory.high", "3100\n");
    assert_int_equal(memory_limit_room(&limit, 0), 100);
    put("a/memory.high", "2000\n");
    assert_int_equal(memory_limit_room(&limit, 0), 0);
    put("a/memory.high", "max\n");
    put("a/memory.max", "max\n");
    put("a/b/memory.max", "max\n");
    assert_true(memory_limit_room(&limit, 0) == UINT64_MAX);
    memory_limit_close(&limit);
    assert_true(memory_limit_room(&limit, 0) == UINT64_MAX);
}

static void counts_what_can_be_taken_back(void **state)
{
    struct memory_limit limit = {.count = 0};
    (void)state;
    put("a/b/memory.max", "10000\n");
    put("a/b/memory.current", "9000\n");
    put("a/b/memory.stat", "anon 1\nfile 5000\ninactive_anon 77\nactive_file 200\ninactive_file 4000\nx 1\n");
    open_group(&limit, true);
    /* the limit is far enough, so memory.stat is not read */
    assert_int_equal(memory_limit_room(&limit, 1000), 1000);
    assert_int_equal(memory_limit_room(&limit, 2000), 1000 + 4000 + 100);
    put("a/b/memory.stat", "inactive_file 99000\n"); /* counted in batches: may exceed the total */
    assert_int_equal(memory_limit_room(&limit, 2000), 10000);
    memory_limit_close(&limit);
}

static void version_1_without_a_limit(void **state)
{
    struct memory_limit limit = {.count = 0};
    (void)state;
    put("a/b/memory.limit_in_bytes", "9223372036854771712\n");
    put("a/b/memory.usage_in_bytes", "9000\n");
    open_group(&limit, false);
    assert_int_equal(limit.count, 0); /* no file stays open */
    assert_true(memory_limit_room(&limit, 0) == UINT64_MAX);
    put("a/b/memory.limit_in_bytes", "10000\n");
    open_group(&limit, false);
    assert_int_equal(limit.count, 1);
    put("a/b/memory.stat", "inactive_file 1\ntotal_inactive_file 40\ntotal_active_file 20\n");
    assert_int_equal(memory_limit_room(&limit, 5000), 1050);
    memory_limit_close(&limit);
}

static void this_process(void **state)
{
    struct memory_limit limit = {.count = 0}, same = {.count = 0};
    (void)state;
    memory_limit_open(&limit, 0, NULL);
    if (limit.count)
        assert_true(memory_limit_room(&limit, 0) > 0);
    assert_non_null(limit.groups);
    memory_limit_open(&same, getpid(), &limit);
    assert_int_equal(same.count, 0);
    assert_string_equal(same.groups, limit.groups);
    memory_limit_open(&same, 999999999, &limit); /* no such process */
    assert_null(same.groups);
    memory_limit_close(&same);
    memory_limit_close(&limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_version_1),
        cmocka_unit_test(finds_version_2),
        cmocka_unit_test(finds_it_in_containers),
        cmocka_unit_test(takes_the_least),
        cmocka_unit_test(counts_what_can_be_taken_back),
        cmocka_unit_test(version_1_without_a_limit),
        cmocka_unit_test(this_process),
    };
    return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
