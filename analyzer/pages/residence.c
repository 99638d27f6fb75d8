/* residence.c - see residence.h. */
#define _GNU_SOURCE
#include "mapping_use.h"
#include "page_shares.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BLOCKS_AT_ONCE 64
#define STRETCH_PAGES 512 /* asked about together: what one page of the kernel's tables tells */
#define STRETCH (STRETCH_PAGES * PAGE)
#define SPARSE_MOST \
    ((uint64_t)1 << 37) /* of a mapping of several owners: to look for pages in more takes seconds */

/* ioctl() of /proc/PID/pagemap since Linux 6.7, which the headers may be older than. */
struct pagemap_region {
    uint64_t start, end, categories;
};
struct pagemap_scan {
    uint64_t size, flags, start, end, walk_end, regions, region_count, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#ifndef PAGEMAP_SCAN
#define PAGEMAP_SCAN _IOWR('f', 16, struct pagemap_scan)
#endif
#define CATEGORY_PRESENT (1ull << 3)
#define CATEGORY_SWAPPED (1ull << 4)
#define CATEGORY_ZEROES (1ull << 5) /* it is the kernel's page of them */

/* What is told of the pages from start to end, which are in one mapping. */
struct stretch {
    uint64_t start, end;
    uint64_t bits[STRETCH_PAGES];
};

int residence_begin(struct residence *r, int pid, uint32_t owner_count)
{
    char path[64];
    *r = (struct residence){.owner_count = owner_count, .pagemap = -1, .scans = true};
    int status = mappings_read(&r->mappings, pid);
    if (status < 0)
        return status;
    snprintf(path, sizeof path, "/proc/%d/pagemap", pid);
    r->pagemap = open(path, O_RDONLY | O_CLOEXEC);
    status = r->pagemap < 0 ? -errno : 0;
    r->owners = calloc((size_t)owner_count + 1, sizeof *r->owners);
    r->sums = page_shares_room(owner_count);
    if (status == 0 && !(r->owners && r->sums))
        status = -ENOMEM;
    if (status < 0)
        residence_end(r);
    return status;
}

void residence_pages(struct residence *r, residence_page *page)
{
    r->page = page;
}

void residence_maps(struct residence *r, residence_ranges *ranges, void *data, uint32_t owner_count)
{
    r->map_owners = calloc(owner_count, sizeof *r->map_owners);
    r->map_owner_count = r->map_owners ? owner_count : 0;
    r->ranges = r->map_owners ? ranges : NULL;
    r->ranges_data = data;
}

/* Makes an array larger; what is new in it is 0. NULL: no memory, and it stays as it was. */
static void *extend(void *array, size_t size, uint32_t from, uint32_t to)
{
    uint8_t *larger = realloc(array, to * size);
    if (larger)
        memset(larger + from * size, 0, (to - from) * size);
    return larger;
}

void residence_owners(struct residence *r, uint32_t owner_count, uint32_t map_owner_count)
{
    if (owner_count > r->owner_count) {
        uint64_t *sums = page_shares_room(owner_count);
        struct residence_owner *owners =
            sums ? extend(r->owners, sizeof *owners, r->owner_count + 1, owner_count + 1) : NULL;
        if (owners) {
            r->owners = owners;
            page_shares_finish(r); /* the sums are arranged by how many owners there are */
            free(r->sums);
            r->sums = sums;
            owners[r->owner_count] = (struct residence_owner){.bytes = {0}};
            r->owner_count = owner_count;
        } else {
            free(sums);
            r->error = -ENOMEM;
        }
    }
    if (r->ranges && map_owner_count > r->map_owner_count) {
        struct residence_map_owner *owners =
            extend(r->map_owners, sizeof *owners, r->map_owner_count, map_owner_count);
        if (owners) {
            r->map_owners = owners;
            r->map_owner_count = map_owner_count;
        } else {
            r->error = -ENOMEM;
        }
    }
}

void residence_end(struct residence *r)
{
    if (r->pagemap >= 0)
        close(r->pagemap);
    free(r->owners);
    free(r->sums);
    free(r->map_owners);
    free(r->names);
    mappings_free(&r->mappings);
    *r = (struct residence){.pagemap = -1};
}

/* ---- the walk --------------------------------------------------------------------------------- */

/* A page that was only read is the kernel's page of zeroes, which counts as nobody's: it is not in smaps, so it is not
 * taken for present here. */

/* Since Linux 6.7 the kernel tells that, and it is several times as fast as to read what is told of each page. False:
 * it does not. What it does not say is that the process has lost its memory: see is_there(). */
static bool scan_bits(const struct residence *r, struct stretch *stretch)
{
    struct pagemap_region found[STRETCH_PAGES];
    struct pagemap_scan scan = {.size = sizeof scan,
                                .start = stretch->start,
                                .end = stretch->end,
                                .regions = (uintptr_t)found,
                                .region_count = STRETCH_PAGES,
                                .category_anyof_mask = CATEGORY_PRESENT | CATEGORY_SWAPPED,
                                .return_mask = CATEGORY_PRESENT | CATEGORY_SWAPPED | CATEGORY_ZEROES};
    int count = ioctl(r->pagemap, PAGEMAP_SCAN, &scan);
    if (count < 0)
        return false;
    memset(stretch->bits, 0, sizeof stretch->bits);
    for (int i = 0; i < count; i++) {
        uint64_t bits = found[i].categories & CATEGORY_SWAPPED ? PAGEMAP_SWAPPED : 0;
        if ((found[i].categories & (CATEGORY_PRESENT | CATEGORY_ZEROES)) == CATEGORY_PRESENT)
            bits = PAGEMAP_PRESENT;
        for (uint64_t page = found[i].start; page < found[i].end; page += PAGE)
            stretch->bits[(page - stretch->start) >> PAGE_SHIFT] = bits;
    }
    return true;
}

static bool pread_bits(const struct residence *r, uint64_t start, uint64_t *bits, size_t count)
{
    size_t size = count * sizeof *bits;
    ssize_t got = pread(r->pagemap, bits, size, (off_t)(start / PAGE * sizeof *bits));
    if (got < (ssize_t)size) /* the process has lost its memory: it ends */
        errno = got < 0 ? errno : ESRCH;
    return got == (ssize_t)size;
}

/* Before Linux 6.7: a page of zeroes is not exclusive; so are pages that a forked process shares. They are taken for
 * zeroes in mappings of which smaps knows no shared page. */
static bool read_bits(const struct residence *r, struct stretch *stretch)
{
    size_t count = (size_t)(stretch->end - stretch->start) / PAGE;
    if (!pread_bits(r, stretch->start, stretch->bits, count))
        return false;
    bool shares = r->mappings.list[r->at].shared_resident != 0;
    for (size_t i = 0; i < count && !shares; i++)
        if (!(stretch->bits[i] & PAGEMAP_EXCLUSIVE))
            stretch->bits[i] &= ~PAGEMAP_PRESENT;
    return true;
}

/* Which pages of a stretch are there. False: that cannot be known any more. */
static bool find_bits(struct residence *r, struct stretch *stretch)
{
    r->scans = r->scans && scan_bits(r, stretch);
    if (r->scans || read_bits(r, stretch))
        return true;
    r->error = -errno;
    return false;
}

static bool is_there(const struct residence *r)
{
    uint64_t bits;
    return pread_bits(r, r->mappings.list[0].start, &bits, 1);
}

/* Lists the blocks of a page one by one. Those that overlap the one before are left out, as the process has changed while
 * we looked, and those that cannot be; empty ones are treated as one byte. */
static void list_carefully(const struct residence *r, uint64_t page, struct page_blocks *list,
                           residence_blocks *blocks, void *data)
{
    uint64_t from = page, reached = r->last.address + r->last.size;
    list->count = 0;
    list->has_large = false;
    while (from < page + PAGE) {
        struct residence_block some[BLOCKS_AT_ONCE];
        size_t count = blocks(data, &from, page + PAGE, some, BLOCKS_AT_ONCE);
        for (size_t i = 0; i < count; i++) {
            struct residence_block *block = &some[i];
            if (block->address < reached || block->size > ADDRESSES_END - block->address)
                continue;
            block->size += block->size == 0;
            reached = block->address + block->size;
            if (block->size >= PAGE_BLOCK_LARGE || list->count == PAGE_BLOCKS) {
                list->has_large = true;
                list->large = *block;
                return;
            }
            list->at[list->count] = (uint16_t)(block->address - page);
            list->size[list->count] = (uint16_t)block->size;
            list->owner[list->count++] = block->owner;
        }
    }
}

/* Lists the blocks of a page, with their units. */
static void find_blocks(const struct residence *r, uint64_t page, struct page_blocks *list,
                        residence_blocks *blocks, void *data)
{
    if (r->page) {
        r->page(data, page, list);
        if (page_shares_units(r, page, list))
            return;
    }
    list_carefully(r, page, list, blocks, data);
    page_shares_units(r, page, list);
}

/* The pages from an address on, up to the end of the mapping at most. */
static void stretch_at(const struct mapping *mapping, uint64_t address, struct stretch *stretch)
{
    stretch->start = address;
    stretch->end = (address + STRETCH) & ~(STRETCH - 1);
    if (stretch->end > mapping->end)
        stretch->end = mapping->end;
}

/* Adds to what is told of a name. */
static bool note_name(struct residence *r, int part, const char *name, uint64_t bytes)
{
    for (size_t i = r->name_count; i-- > 0;) { /* a file's mappings are neighbours */
        struct residence_name *known = &r->names[i];
        if (known->part == part && (known->name == name || strcmp(known->name, name) == 0)) {
            known->bytes += bytes;
            return true;
        }
    }
    if (r->name_count == r->name_room) {
        size_t room = r->name_room ? 2 * r->name_room : 64;
        struct residence_name *names = realloc(r->names, room * sizeof *names);
        if (!names)
            return false;
        r->names = names;
        r->name_room = room;
    }
    r->names[r->name_count++] = (struct residence_name){part, name, bytes};
    return true;
}

/* ---- what the process has mapped by itself ------------------------------------------------------- */

/* Bytes of the mapping that are on no page with blocks, and nobody has yet. */
static uint64_t left_of(const struct residence *r)
{
    uint64_t resident = r->mappings.list[r->at].resident;
    return resident > r->held + r->charged ? resident - r->held - r->charged : 0;
}

static bool charge(struct residence *r, const struct residence_map *map, uint64_t bytes)
{
    uint32_t owner = map->owner;
    uint64_t left = left_of(r);
    bytes = bytes < left ? bytes : left;
    r->charged += bytes;
    if (owner == RESIDENCE_TRACERS) {
        r->part[RESIDENCE_TRACER] += bytes;
        return bytes == 0 || note_name(r, RESIDENCE_TRACER, "tables of libtrace", bytes);
    }
    if (owner == 0 || owner >= r->map_owner_count) {
        r->part[RESIDENCE_FREE] += bytes;
        return bytes == 0 || note_name(r, RESIDENCE_FREE, "", bytes);
    }
    r->part[RESIDENCE_MAPPED] += bytes;
    r->map_owners[owner].bytes += bytes;
    r->map_owners[owner].maps += bytes && r->charged_map != map->start;
    r->charged_map = bytes ? map->start : r->charged_map;
    return true;
}

/* Resident pages of a stretch. */
static uint64_t count_resident(struct residence *r, struct stretch *stretch)
{
    uint64_t pages = 0;
    bool known = find_bits(r, stretch);
    for (uint64_t i = 0; known && i < (stretch->end - stretch->start) >> PAGE_SHIFT; i++)
        pages += stretch->bits[i] >> 63;
    return pages << PAGE_SHIFT;
}

/* What is mapped from a file keeps the file's name, whoever mapped it. */
static bool may_be_charged(const struct residence *r)
{
    const struct mapping *mapping = &r->mappings.list[r->at];
    int part = mapping_use(&r->mappings, r->at, r->has_blocks).part;
    return r->ranges && left_of(r) > 0 && part != RESIDENCE_FILES && part != RESIDENCE_TRACER &&
           r->charged_to < mapping->end;
}

/* Goes on to the next pages of the mapping that somebody has mapped, a stretch at most. What the allocator has put
 * blocks into is its own, whoever asked for it. *looked: adds the bytes that it took. False: no memory. */
static bool charge_some(struct residence *r, struct stretch *stretch, residence_blocks *blocks, void *data,
                        uint64_t *looked)
{
    const struct mapping *mapping = &r->mappings.list[r->at];
    uint64_t from = r->charged_to > mapping->start ? r->charged_to : mapping->start, after = from;
    struct residence_map map;
    struct residence_block block;
    if (r->ranges(r->ranges_data, &after, mapping->end, &map, 1) == 0) {
        r->charged_to = mapping->end;
        return true;
    }
    uint64_t start = map.start > from ? map.start : from,
             end = map.end < mapping->end ? map.end : mapping->end;
    r->charged_to = end;
    /* Of pages that it shares with others, at the heap's end, it has nothing. */
    start = (start + PAGE - 1) & ~(PAGE - 1);
    end &= ~(PAGE - 1);
    uint64_t first = map.start > mapping->start ? map.start : mapping->start;
    if (start >= end || blocks(data, &first, end, &block, 1) > 0)
        return true;
    if (start == mapping->start && end == mapping->end) /* all of it */
        return charge(r, &map, left_of(r));
    if (end - start > SPARSE_MOST)
        return true;
    stretch_at(mapping, start, stretch);
    if (stretch->end > end)
        stretch->end = end;
    else
        r->charged_to = stretch->end;
    *looked += stretch->end - stretch->start;
    uint64_t bytes = count_resident(r, stretch);
    return r->error != 0 || charge(r, &map, bytes);
}

/* All of the mapping was looked at: what is not on pages with blocks, and nobody has mapped. */
static bool finish_mapping(struct residence *r)
{
    const struct mapping *mapping = &r->mappings.list[r->at];
    /* It grew, or shrank, under the walk: what was seen of its pages is what counts. */
    uint64_t resident = mapping->resident > r->held + r->charged ? mapping->resident : r->held + r->charged;
    uint64_t rest = resident - r->held - r->charged;
    struct mapping_use use = mapping_use(&r->mappings, r->at, r->has_blocks);
    r->resident += resident;
    r->pss += mapping->pss;
    r->swapped += mapping->swapped;
    r->part[use.part] += rest;
    return rest == 0 || note_name(r, use.part, use.name, rest);
}

/* Where the next block begins, from an address on; end = it is none that begins before that. */
static uint64_t next_block(uint64_t from, uint64_t end, residence_blocks *blocks, void *data)
{
    struct residence_block block;
    return from < end && blocks(data, &from, end, &block, 1) == 1 ? block.address : end;
}

/* Memory that the program maps may become one with the pieces that malloc has mapped beside it, a block each: these do not
 * make an allocator's memory of it. */
static void note_blocks(struct residence *r, const struct page_blocks *list, const struct residence_block *in)
{
    r->has_blocks = r->has_blocks || list->count > 0 || (list->has_large && !is_mapped_alone(&list->large)) ||
                    (in && !is_mapped_alone(in));
}

static void look_at(struct residence *r, const struct stretch *stretch, residence_blocks *blocks, void *data)
{
    struct page_blocks list;
    uint64_t next = stretch->start; /* no block begins between the page and this */
    for (uint64_t page = stretch->start; page < stretch->end; page += PAGE) {
        const struct residence_block *in = reaching_in(r, page);
        if (next >= page + PAGE && !in) {
            page = (next & ~(PAGE - 1)) - PAGE;
            continue;
        }
        list.count = 0;
        list.has_large = false;
        r->page_present = stretch->bits[(page - stretch->start) >> PAGE_SHIFT] & PAGEMAP_PRESENT;
        if (next < page + PAGE)
            find_blocks(r, page, &list, blocks, data);
        else
            page_shares_units(r, page, &list);
        r->page_present = false;
        if (list.count == 0 && !list.has_large && next < page + PAGE)
            next = next_block(page + PAGE, stretch->end, blocks, data);
        note_blocks(r, &list, in);
        page_shares_add(r, page, &list, stretch->bits[(page - stretch->start) >> PAGE_SHIFT]);
    }
}

bool residence_step(struct residence *r, uint64_t bytes, residence_blocks *blocks, void *data)
{
    struct stretch stretch;
    uint64_t looked = 0;
    bool fine = true;
    while (fine && r->error == 0 && r->at < r->mappings.count && looked < bytes) {
        const struct mapping *mapping = &r->mappings.list[r->at];
        uint64_t next = r->next > mapping->start ? r->next : mapping->start;
        if (next == mapping->start) {
            r->has_blocks = false;
            r->held = r->charged = r->charged_to = 0;
        }
        /* Where the next block is: what lies before it is not looked at. */
        struct residence_block block;
        uint64_t from = next;
        bool reaches = r->last.size && end_of(&r->last) > next;
        if (!reaches && blocks(data, &from, mapping->end, &block, 1) == 1) {
            uint64_t page = begin_of(&block) & ~(PAGE - 1);
            next = page > next ? page : next;
            reaches = true;
        }
        if (next >= mapping->end) {
            ; /* its blocks are done with */
        } else if (reaches) {
            stretch_at(mapping, next, &stretch);
            if (find_bits(r, &stretch))
                look_at(r, &stretch, blocks, data);
            looked += stretch.end - stretch.start;
            r->next = stretch.end;
        } else {
            r->next = mapping->end;
        }
        while (fine && r->error == 0 && r->next >= mapping->end && looked < bytes && may_be_charged(r))
            fine = charge_some(r, &stretch, blocks, data, &looked);
        if (r->next >= mapping->end && !(fine && may_be_charged(r))) {
            fine = fine && finish_mapping(r);
            r->at++;
        }
    }
    if (!fine)
        r->error = -ENOMEM;
    else if (r->error == 0 && r->at == r->mappings.count && !is_there(r))
        r->error = -errno;
    if (r->at == r->mappings.count)
        page_shares_finish(r);
    return r->error != 0 || r->at == r->mappings.count;
}
