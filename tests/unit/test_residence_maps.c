/* test_residence_maps.c - owners of resident pages without blocks: what the process has mapped itself,
 * against an oracle that looks at each page. */
#define _GNU_SOURCE
#include "residence.h"
#include "block_list.h"
#include "random_numbers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE 4096
#define PAGES 6000 /* several windows */
#define OWNERS 5   /* 0: the allocator; libtrace itself is another one */
#define MOST 400

struct world {
    uint8_t *memory; /* between two inaccessible pages */
    bool touched[PAGES];
    struct residence_map maps[MOST];
    size_t map_count;
    struct block_list list;
};

static size_t maps_of(void *data, uint64_t *from, uint64_t to, struct residence_map *out, size_t room)
{
    const struct world *world = data;
    size_t count = 0;
    for (size_t i = 0; i < world->map_count && count < room; i++)
        if (world->maps[i].end > *from && world->maps[i].start < to) {
            out[count++] = world->maps[i];
            *from = world->maps[i].end;
        }
    if (count < room)
        *from = to;
    return count;
}

static void make_world(struct world *world)
{
    static struct residence_block blocks[MOST];
    *world = (struct world){.list.blocks = blocks};
    uint8_t *all = mmap(NULL, (PAGES + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(all != MAP_FAILED);
    world->memory = all + PAGE;
    mprotect(world->memory, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE);
    madvise(world->memory, (size_t)PAGES * PAGE, MADV_NOHUGEPAGE);
    for (int i = 0; i < 3; i++) { /* pieces that the kernel shows as separate mappings */
        uint64_t from = 1 + next_random() % (PAGES - 500), pages = 1 + next_random() % 400;
        madvise(world->memory + from * PAGE, pages * PAGE, MADV_DONTDUMP);
    }
    for (int i = 0; i < PAGES; i++)
        if ((world->touched[i] = next_random() % 3 == 0))
            world->memory[(size_t)i * PAGE] = 1;
    /* Random mappings and gaps, sometimes with blocks inside, and sometimes not page-aligned, as from
     * sbrk(). */
    for (uint64_t page = 0; page < PAGES && world->map_count < MOST;) {
        uint64_t pages = 1 + next_random() % (next_random() % 10 ? 30 : 1500);
        uint64_t start = (uint64_t)world->memory + page * PAGE, end = start + pages * PAGE;
        page += pages;
        if (page > PAGES || next_random() % 4 == 0)
            continue;
        start += next_random() % 8 == 0 ? 16 : 0;
        end -= next_random() % 8 == 0 ? 16 : 0;
        uint32_t owner = (uint32_t)(next_random() % (OWNERS + 1));
        world->maps[world->map_count++] = (struct residence_map){
            .start = start, .end = end, .owner = owner == OWNERS ? RESIDENCE_TRACERS : owner};
        if (next_random() % 5 == 0 && world->list.count < MOST)
            world->list.blocks[world->list.count++] = (struct residence_block){
                .address = start + (next_random() % (end - start - 200) & ~15ull), .size = 100};
    }
}

/* The kernel's mapping that contains a page. */
static const struct mapping *mapping_at(const struct residence *r, uint64_t address)
{
    for (size_t i = 0; i < r->mappings.count; i++)
        if (r->mappings.list[i].start <= address && address < r->mappings.list[i].end)
            return &r->mappings.list[i];
    return NULL;
}

/* If blocks begin in a part of a mapping, it is the allocator's. */
static bool has_blocks(struct world *world, uint64_t from, uint64_t to)
{
    struct residence_block block;
    return block_list_part(&world->list, &from, to, &block, 1) > 0;
}

static void compare(struct world *world, const struct residence *r)
{
    uint64_t bytes[OWNERS + 1] = {0}, maps[OWNERS + 1] = {0}, tables = 0;
    for (size_t i = 0; i < world->map_count; i++) {
        const struct residence_map *map = &world->maps[i];
        bool some = false;
        for (uint64_t at = (map->start + PAGE - 1) / PAGE * PAGE; at + PAGE <= map->end; at += PAGE) {
            const struct mapping *in = mapping_at(r, at);
            uint64_t from = map->start > in->start ? map->start : in->start,
                     to = (map->end < in->end ? map->end : in->end) / PAGE * PAGE;
            if (!world->touched[(at - (uint64_t)world->memory) / PAGE] || has_blocks(world, from, to))
                continue;
            uint32_t owner = map->owner == RESIDENCE_TRACERS ? OWNERS : map->owner;
            bytes[owner] += PAGE;
            maps[owner] += !some;
            some = true;
        }
    }
    for (int i = 1; i < OWNERS; i++) {
        assert_int_equal(r->map_owners[i].bytes, bytes[i]);
        assert_int_equal(r->map_owners[i].maps, maps[i]);
    }
    for (size_t i = 0; i < r->name_count; i++)
        if (strcmp(r->names[i].name, "tables of libtrace") == 0)
            tables += r->names[i].bytes;
    assert_true(tables > 0);
    assert_int_equal(tables, bytes[OWNERS]);
}

static void against_oracle(void **unused)
{
    (void)unused;
    for (int round = 0; round < 20; round++) {
        static struct world world;
        struct residence r;
        make_world(&world);
        assert_int_equal(residence_begin(&r, getpid(), 1), 0);
        residence_maps(&r, maps_of, &world, OWNERS);
        r.scans = round & 2; /* or the way of older kernels */
        while (!residence_step(&r, 1 + next_random() % (round % 2 ? 1 << 12 : 4 << 20), block_list_part,
                               &world.list)) {
        }
        assert_int_equal(r.error, 0);
        compare(&world, &r);
        uint64_t sum = 0;
        for (int i = 0; i < RESIDENCE_PARTS; i++)
            sum += r.part[i];
        assert_int_equal(sum, r.resident);
        residence_end(&r);
        munmap(world.memory - PAGE, (size_t)(PAGES + 2) * PAGE);
    }
}

/* Without known ranges, everything is as before. */
static void without_maps(void **unused)
{
    (void)unused;
    static struct world world;
    struct residence r, bare;
    make_world(&world);
    world.map_count = 0;
    assert_int_equal(residence_begin(&bare, getpid(), 1), 0);
    while (!residence_step(&bare, UINT64_MAX, block_list_part, &world.list)) {
    }
    assert_int_equal(residence_begin(&r, getpid(), 1), 0);
    residence_maps(&r, maps_of, &world, OWNERS);
    while (!residence_step(&r, UINT64_MAX, block_list_part, &world.list)) {
    }
    assert_int_equal(r.map_owners[1].bytes, 0);
    assert_int_equal(r.part[RESIDENCE_LIVE], bare.part[RESIDENCE_LIVE]);
    assert_int_equal(r.part[RESIDENCE_PINNED], bare.part[RESIDENCE_PINNED]);
    residence_end(&r);
    residence_end(&bare);
    munmap(world.memory - PAGE, (size_t)(PAGES + 2) * PAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_oracle),
        cmocka_unit_test(without_maps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
