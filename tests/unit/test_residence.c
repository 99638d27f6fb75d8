/* test_residence.c - what resident pages contain, against an oracle that paints each byte. */
#define _GNU_SOURCE
#include "residence.h"
#include "block_list.h"
#include "random_numbers.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE 4096
#define PAGES 1500 /* of memory with blocks: several windows */
#define OWNERS 5
#define HOLE 100 /* the kernel splits the mapping every so many pages */

/* The same as a table lists a page: up to the first large block, whatever they are. */
static void page_of(void *data, uint64_t page, struct page_blocks *out)
{
    uint64_t from = page;
    struct residence_block block;
    out->count = 0;
    out->has_large = false;
    while (out->count < PAGE_BLOCKS && block_list_part(data, &from, page + PAGE, &block, 1) == 1) {
        if (block.size >= PAGE_BLOCK_LARGE) {
            out->has_large = true;
            out->large = block;
            return;
        }
        out->at[out->count] = (uint16_t)(block.address - page);
        out->size[out->count] = (uint16_t)block.size;
        out->owner[out->count++] = block.owner;
    }
}

enum touch {
    NOT,
    WRITTEN,
    ONLY_READ, /* so it is the kernel's page of zeroes */
};

struct world {
    uint8_t *memory;
    enum touch touch[PAGES];
    struct block_list list;
    pid_t process;
};

/* Whether a page that was only read counts. Normally it is the kernel's page of zeroes, and does not; some
 * kernels have no such page. */
static bool read_ones_count(void)
{
    static int known = -1;
    if (known < 0) {
        struct mappings mappings;
        volatile uint8_t *probe = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        mprotect((uint8_t *)probe + PAGE, PAGE, PROT_READ);
        (void)probe[PAGE];
        assert_int_equal(mappings_read(&mappings, getpid()), 0);
        for (size_t i = 0; i < mappings.count; i++)
            if (mappings.list[i].start == (uint64_t)probe + PAGE)
                known = mappings.list[i].resident > 0;
        mappings_free(&mappings);
        munmap((void *)probe, 3 * PAGE);
    }
    return known > 0;
}

/* Blocks of all sizes in memory with some touched pages, in a process that does not change. */
static void make_world(struct world *world, unsigned largest, bool shares)
{
    *world = (struct world){.memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)};
    assert_true(world->memory != MAP_FAILED);
    madvise(world->memory, PAGES * PAGE, MADV_NOHUGEPAGE);
    world->list.blocks = calloc(PAGES * PAGE / 16, sizeof *world->list.blocks);
    uint64_t at = (uint64_t)world->memory + next_random() % 64 * 16,
             end = (uint64_t)world->memory + PAGES * PAGE;
    for (;;) {
        uint64_t size = next_random() % 8 ? next_random() % largest : next_random() % (100 * largest);
        if (at + size >= end)
            break;
        world->list.blocks[world->list.count++] =
            (struct residence_block){.address = at, .size = size, .owner = next_random() % OWNERS};
        at = (at + size + 8 + 15) & ~15ull; /* directly one after the other, as in glibc, or with gaps */
        at += next_random() % 3 ? 0 : next_random() % 20000 / 16 * 16;
    }
    for (int i = 0; i < PAGES; i++)
        world->touch[i] = (enum touch)(next_random() % 3);
    int said[2];
    assert_int_equal(pipe(said), 0);
    for (int i = 0; shares && i < PAGES; i++)
        if (world->touch[i] == WRITTEN)
            world->memory[i * PAGE] = 1;
    world->process = fork();
    if (world->process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* in case a test fails */
        /* A piece in the middle becomes a mapping of its own, as if the program had changed something
         * there. */
        madvise(world->memory + HOLE * PAGE, HOLE * PAGE, MADV_DONTDUMP);
        static volatile uint8_t sum;
        for (int i = 0; i < PAGES; i++) {
            if (world->touch[i] == WRITTEN && !shares)
                world->memory[i * PAGE] = 1;
            else if (world->touch[i] == ONLY_READ && !shares)
                sum += world->memory[i * PAGE];
        }
        if (write(said[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    char byte;
    assert_int_equal(read(said[0], &byte, 1), 1);
    close(said[0]);
    close(said[1]);
}

static void end_world(struct world *world)
{
    kill(world->process, SIGKILL);
    waitpid(world->process, NULL, 0);
    free(world->list.blocks);
    munmap(world->memory, PAGES * PAGE);
}

/* What each byte is: 0 no block's, 1 + owner, or the negative of that for the rest of a block's unit. */
static int8_t *paint(const struct world *world)
{
    int8_t *bytes = calloc(PAGES, PAGE);
    for (size_t i = 0; i < world->list.count; i++) {
        const struct residence_block *block = &world->list.blocks[i];
        bool alone = block->size >= 131072 - 16 && block->address % PAGE == 16;
        uint64_t first = (uint64_t)world->memory, size = block->size ? block->size : 1;
        uint64_t unit = (block->size + 8 + 15) / 16 * 16, end = block->address + (unit < 32 ? 32 : unit);
        uint64_t next = i + 1 < world->list.count ? world->list.blocks[i + 1].address : first + PAGES * PAGE;
        if (i + 1 < world->list.count && world->list.blocks[i + 1].size >= 131072 - 16 && next % PAGE == 16)
            next -= 16;
        if (alone)
            end = (block->address + size + PAGE - 1) / PAGE * PAGE;
        for (uint64_t at = block->address - (alone ? 16 : 0); at < end && at < next; at++)
            bytes[at - first] =
                (int8_t)(at >= block->address && at < block->address + size ? 1 + (int)block->owner
                                                                            : -1 - (int)block->owner);
    }
    return bytes;
}

/* How many blocks have live bytes, have rounding, and are on a page with free bytes. */
static void against_counts(const struct world *world, const struct residence *r, const int8_t *bytes,
                           const bool *resident, const bool *pinned)
{
    uint32_t blocks[OWNERS][3] = {0};
    for (size_t i = 0; i < world->list.count; i++) {
        const struct residence_block *block = &world->list.blocks[i];
        uint64_t at = block->address - (uint64_t)world->memory,
                 live_end = at + (block->size ? block->size : 1), end = live_end;
        at -= block->size >= 131072 - 16 && at % PAGE == 16 ? 16 : 0;
        while (end < (uint64_t)PAGES * PAGE && bytes[end] == -1 - (int)block->owner &&
               end < (live_end + 31) / 16 * 16 + (at % PAGE == 0 ? PAGE : 0))
            end++;
        bool has[3] = {false};
        for (; at < end; at++) {
            has[bytes[at] > 0 ? RESIDENCE_LIVE : RESIDENCE_ROUNDING] |= resident[at / PAGE];
            has[RESIDENCE_PINNED] |= resident[at / PAGE] && pinned[at / PAGE] && bytes[at] > 0;
        }
        for (int k = 0; k < 3; k++)
            blocks[block->owner][k] += has[k];
    }
    for (int i = 0; i < OWNERS; i++)
        assert_memory_equal(r->owners[i].blocks, blocks[i], sizeof blocks[i]);
}

static void against_paint(const struct world *world, const struct residence *r, bool shares)
{
    static bool is_resident[PAGES], is_pinned[PAGES];
    int8_t *bytes = paint(world);
    uint64_t live[OWNERS] = {0}, rounding[OWNERS] = {0}, untouched[OWNERS] = {0}, pinned = 0, held = 0;
    double share[OWNERS] = {0};
    for (int page = 0; page < PAGES; page++) {
        uint64_t own[OWNERS] = {0}, all = 0, units = 0;
        for (int i = 0; i < PAGE; i++) {
            int8_t byte = bytes[page * PAGE + i];
            own[byte > 0 ? byte - 1 : 0] += byte > 0;
            all += byte > 0;
            units += byte < 0;
        }
        bool touched = world->touch[page] == WRITTEN ||
                       (world->touch[page] == ONLY_READ && !shares && read_ones_count());
        bool resident = touched && all;
        for (int i = 0; i < OWNERS; i++) {
            live[i] += resident ? own[i] : 0;
            untouched[i] += touched ? 0 : own[i];
            share[i] += resident ? (double)(PAGE - all - units) * (double)own[i] / (double)all : 0;
        }
        for (int i = 0; i < PAGE; i++)
            if (resident && bytes[page * PAGE + i] < 0)
                rounding[-1 - bytes[page * PAGE + i]]++;
        pinned += resident ? PAGE - all - units : 0;
        is_resident[page] = resident;
        is_pinned[page] = all + units < PAGE;
        held += resident;
    }
    /* blocks without bytes: they are treated as one byte each, which need not be touched */
    uint64_t zero_blocks = 0;
    for (size_t i = 0; i < world->list.count; i++)
        zero_blocks += world->list.blocks[i].size == 0;
    for (int i = 0; i < OWNERS; i++) {
        assert_int_equal(r->owners[i].bytes[0], live[i]);
        assert_int_equal(r->owners[i].bytes[1], rounding[i]);
        assert_true(fabs(share[i] - (double)r->owners[i].bytes[2]) < PAGES * 2);
        assert_in_range(r->owners[i].bytes[3], untouched[i] - zero_blocks, untouched[i]);
    }
    assert_int_equal(r->part[RESIDENCE_PINNED], pinned);
    assert_int_equal(r->part[RESIDENCE_LIVE] + r->part[RESIDENCE_ROUNDING] + r->part[RESIDENCE_PINNED],
                     held * PAGE);
    against_counts(world, r, bytes, is_resident, is_pinned);
    free(bytes);
}

/* Resident bytes, added up by the kernel. */
static uint64_t kernels(pid_t pid)
{
    char path[64], line[256];
    uint64_t kib = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file) && sscanf(line, "Rss: %lu", &kib) != 1) {
    }
    if (file)
        fclose(file);
    return kib * 1024;
}

/* Waits until the child is asleep in pause(): on its way there it touches pages of its libraries. */
static void until_asleep(pid_t pid)
{
    char path[64], text[512] = "";
    snprintf(path, sizeof path, "/proc/%d/syscall", (int)pid);
    long number = -1;
    for (int i = 0; i < 10000 && number != SYS_pause && number != SYS_ppoll; i++) {
        FILE *file = fopen(path, "re");
        if (!file)
            break; /* the kernel has no such file, or does not allow it: the child is most likely asleep */
        if (!fgets(text, sizeof text, file) || sscanf(text, "%ld", &number) != 1)
            number = -1;
        fclose(file);
        usleep(1000);
    }
}

static void against_oracle(unsigned largest, bool shares)
{
    for (int round = 0; round < 10; round++) {
        struct world world;
        struct residence r;
        make_world(&world, largest, shares);
        until_asleep(world.process);
        assert_int_equal(residence_begin(&r, world.process, OWNERS), 0);
        r.scans = round & 1; /* or the way of older kernels */
        if (round & 2)
            residence_pages(&r, page_of);
        /* In steps of random sizes. */
        while (!residence_step(&r, 1 + next_random() % (4 << 20), block_list_part, &world.list)) {
        }
        assert_int_equal(r.error, 0);
        against_paint(&world, &r, shares);
        uint64_t sum = 0;
        for (int i = 0; i < RESIDENCE_PARTS; i++)
            sum += r.part[i];
        assert_int_equal(sum, r.resident);
        assert_int_equal(r.resident, kernels(world.process));
        residence_end(&r);
        end_world(&world);
    }
}

static void small_blocks(void **unused)
{
    (void)unused;
    against_oracle(100, false);
}

static void large_blocks(void **unused)
{
    (void)unused;
    against_oracle(9000, false);
}

/* Pages that are shared with the parent. */
static void shared_pages(void **unused)
{
    (void)unused;
    against_oracle(500, true);
}

/* Each block is counted once in a part. */
static void counts_blocks_once(void **unused)
{
    (void)unused;
    struct world world;
    struct residence r;
    make_world(&world, 100, false);
    uint8_t *first = world.memory;
    kill(world.process, SIGKILL);
    waitpid(world.process, NULL, 0);
    world.list.count = 0;
    for (int i = 0; i < 700; i++) { /* each is on two pages, and shares the second one with its neighbour */
        world.list.blocks[world.list.count++] = (struct residence_block){
            .address = (uint64_t)first + (uint64_t)i * 6144, .size = 6000, .owner = (uint32_t)(i & 1)};
    }
    memset(first, 1, (size_t)(PAGES * PAGE));
    assert_int_equal(residence_begin(&r, getpid(), 2), 0);
    while (!residence_step(&r, 1, block_list_part, &world.list)) {
    }
    for (int owner = 0; owner < 2; owner++) {
        assert_int_equal(r.owners[owner].blocks[RESIDENCE_LIVE], 350);
        assert_int_equal(r.owners[owner].bytes[RESIDENCE_LIVE], 350 * 6000);
        assert_int_equal(r.owners[owner].blocks[RESIDENCE_OWNED - 1], 0);
    }
    residence_end(&r);
    free(world.list.blocks);
    munmap(first, PAGES * PAGE);
}

/* The header of a block that is mapped alone is its own, also where the unit of the block before would reach to its
 * address. */
static void header_behind_a_block(void **unused)
{
    (void)unused;
    uint8_t *memory = mmap(NULL, 100 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    memset(memory, 1, (size_t)(100 * PAGE));
    struct residence_block two[] = {
        {.address = (uint64_t)memory + PAGE - 32, .size = 30},
        {.address = (uint64_t)memory + PAGE + 16, .size = 40 * PAGE - 16, .owner = 1}};
    struct block_list list = {.blocks = two, .count = 2};
    struct residence r;
    assert_int_equal(residence_begin(&r, getpid(), 2), 0);
    while (!residence_step(&r, UINT64_MAX, block_list_part, &list)) {
    }
    assert_int_equal(r.owners[0].bytes[RESIDENCE_ROUNDING], 2);
    assert_int_equal(r.owners[1].bytes[RESIDENCE_ROUNDING], 16);
    residence_end(&r);
    munmap(memory, 100 * PAGE);
}

/* Whatever a program reports about its blocks, no part exceeds what is resident, and the sum is right. */
static void nonsense(void **unused)
{
    (void)unused;
    static const uint64_t sizes[] = {0,          8,          4096,       131056,          1u << 20,
                                     1ull << 47, 1ull << 62, 1ull << 63, UINT64_MAX - 24, UINT64_MAX};
    for (int round = 0; round < 10; round++) {
        struct world world;
        struct residence r;
        make_world(&world, 100, false);
        until_asleep(world.process);
        uint64_t at = (uint64_t)world.memory;
        for (size_t i = 0; i < world.list.count && at < (uint64_t)world.memory + PAGES * PAGE; i++) {
            struct residence_block *block = &world.list.blocks[i];
            block->address = at;
            if (next_random() % 20 == 0)
                block->size = sizes[next_random() % (sizeof sizes / sizeof *sizes)] - next_random() % 2 * 8;
            at += next_random() % 10 ? 8 + next_random() % 200 / 8 * 8 : PAGE + 16 - at % PAGE;
        }
        assert_int_equal(residence_begin(&r, world.process, OWNERS), 0);
        if (round & 1)
            residence_pages(&r, page_of);
        while (!residence_step(&r, 1 + next_random() % (4 << 20), block_list_part, &world.list)) {
        }
        assert_int_equal(r.error, 0);
        uint64_t sum = 0;
        for (int i = 0; i < RESIDENCE_PARTS; i++) {
            assert_in_range(r.part[i], 0, r.resident);
            sum += r.part[i];
        }
        assert_int_equal(sum, r.resident);
        for (int i = 0; i < OWNERS; i++)
            for (int k = 0; k < RESIDENCE_OWNED - 1; k++)
                assert_in_range(r.owners[i].bytes[k], 0, r.part[k]);
        residence_end(&r);
        end_world(&world);
    }
}

/* A line that allocates for the first time while the walk is under way has its bytes. */
static void new_owners(void **unused)
{
    (void)unused;
    struct world world;
    struct residence r;
    uint64_t total = 0;
    make_world(&world, 100, false);
    kill(world.process, SIGKILL);
    waitpid(world.process, NULL, 0);
    memset(world.memory, 1, (size_t)(PAGES * PAGE));
    assert_int_equal(residence_begin(&r, getpid(), 1), 0);
    world.list.count = 0;
    for (uint32_t i = 0; i < 2 * PAGES; i++) {
        world.list.blocks[world.list.count++] = (struct residence_block){
            .address = (uint64_t)world.memory + i * (PAGE / 2) + 16, .size = 1000, .owner = 0};
    }
    for (uint32_t steps = 1;; steps++) { /* in each step the blocks that were not seen yet get a new owner */
        residence_owners(&r, steps, 0);
        if (residence_step(&r, 1, block_list_part, &world.list))
            break;
        for (size_t i = 0; i < world.list.count; i++)
            world.list.blocks[i].owner = i % 2 ? steps : 0;
    }
    assert_int_equal(r.error, 0);
    assert_true(r.owner_count > 2);
    assert_int_equal(r.part[RESIDENCE_LIVE], 2 * PAGES * 1000);
    assert_int_equal(r.owners[0].bytes[RESIDENCE_LIVE], r.owners[0].blocks[RESIDENCE_LIVE] * 1000);
    for (uint32_t i = 0; i < r.owner_count; i++)
        total += r.owners[i].bytes[RESIDENCE_LIVE];
    assert_int_equal(total, r.part[RESIDENCE_LIVE]);
    residence_end(&r);
    munmap(world.memory, (size_t)(PAGES * PAGE));
    free(world.list.blocks);
}

static uint64_t part_with(pid_t pid, struct block_list *list, int part)
{
    struct residence r;
    assert_int_equal(residence_begin(&r, pid, 1), 0);
    while (!residence_step(&r, UINT64_MAX, block_list_part, list)) {
    }
    uint64_t bytes = r.part[part];
    residence_end(&r);
    return bytes;
}

/* Memory next to a block that malloc has mapped alone is the program's; memory next to a block in an arena
 * is free. */
static void beside_a_large_block(void **unused)
{
    (void)unused;
    uint8_t *memory = mmap(NULL, 1000 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    memset(memory, 1, (size_t)(1000 * PAGE));
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    until_asleep(child);
    struct residence_block alone = {.address = (uint64_t)memory + 16, .size = 200 * PAGE - 16};
    struct residence_block small = {.address = (uint64_t)memory + 32, .size = 24};
    struct block_list none = {0}, large = {&alone, 1}, arena = {&small, 1};
    uint64_t mapped = part_with(child, &none, RESIDENCE_MAPPED),
             unused_bytes = part_with(child, &none, RESIDENCE_FREE);
    assert_true(mapped >= 1000 * PAGE);
    assert_int_equal(part_with(child, &large, RESIDENCE_MAPPED), mapped - 200 * PAGE);
    assert_int_equal(part_with(child, &large, RESIDENCE_FREE), unused_bytes);
    /* The whole mapping counts as the arena's then, and may be larger than what we asked for. */
    assert_true(part_with(child, &arena, RESIDENCE_FREE) >= unused_bytes + 999 * PAGE);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    munmap(memory, 1000 * PAGE);
}

static void nobody_there(void **unused)
{
    (void)unused;
    struct residence r;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_true(residence_begin(&r, child, 1) < 0); /* a zombie has no memory */
    waitpid(child, NULL, 0);
    assert_true(residence_begin(&r, child, 1) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_blocks),
        cmocka_unit_test(large_blocks),
        cmocka_unit_test(shared_pages),
        cmocka_unit_test(counts_blocks_once),
        cmocka_unit_test(header_behind_a_block),
        cmocka_unit_test(nonsense),
        cmocka_unit_test(beside_a_large_block),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(new_owners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
