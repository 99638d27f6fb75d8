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

#define BLOCKS_AT_ONCE 256
#define SPARSE_MOST \
    ((uint64_t)1 << 37) /* bytes of a mapping with several owners: searching more for pages takes seconds */

/* An ioctl() of /proc/PID/pagemap since Linux 6.7; the system's headers may be older. */
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
#define CATEGORY_ZEROES (1ull << 5) /* the kernel's page of zeroes */

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
    if (status == 0 && !r->owners)
        status = -ENOMEM;
    if (status < 0)
        residence_end(r);
    return status;
}

void residence_maps(struct residence *r, residence_ranges *ranges, void *data, uint32_t owner_count)
{
    r->map_owners = calloc(owner_count, sizeof *r->map_owners);
    r->map_owner_count = r->map_owners ? owner_count : 0;
    r->ranges = r->map_owners ? ranges : NULL;
    r->ranges_data = data;
}

void residence_end(struct residence *r)
{
    if (r->pagemap >= 0)
        close(r->pagemap);
    free(r->owners);
    free(r->map_owners);
    free(r->names);
    mappings_free(&r->mappings);
    *r = (struct residence){.pagemap = -1};
}

/* ---- the walk --------------------------------------------------------------------------------- */

/* A page that was only read is the kernel's page of zeroes, which is nobody's memory: smaps does not count it,
 * so it does not count as present here. */

/* Since Linux 6.7 the kernel lists such pages, which is several times as fast as reading an entry for each page.
 * False: this kernel does not. It does not report that the process has lost its memory: see is_there(). */
static bool scan_bits(const struct residence *r, struct window *window)
{
    struct pagemap_region found[WINDOW_PAGES];
    struct pagemap_scan scan = {.size = sizeof scan,
                                .start = window->start,
                                .end = window->end,
                                .regions = (uintptr_t)found,
                                .region_count = WINDOW_PAGES,
                                .category_anyof_mask = CATEGORY_PRESENT | CATEGORY_SWAPPED,
                                .return_mask = CATEGORY_PRESENT | CATEGORY_SWAPPED | CATEGORY_ZEROES};
    int count = ioctl(r->pagemap, PAGEMAP_SCAN, &scan);
    if (count < 0)
        return false;
    memset(window->bits, 0, sizeof window->bits);
    for (int i = 0; i < count; i++) {
        uint64_t bits = found[i].categories & CATEGORY_SWAPPED ? PAGEMAP_SWAPPED : 0;
        if ((found[i].categories & (CATEGORY_PRESENT | CATEGORY_ZEROES)) == CATEGORY_PRESENT)
            bits = PAGEMAP_PRESENT;
        for (uint64_t page = found[i].start; page < found[i].end; page += PAGE)
            window->bits[(page - window->start) >> PAGE_SHIFT] = bits;
    }
    return true;
}

static bool pread_bits(const struct residence *r, uint64_t start, uint64_t *bits, size_t count)
{
    size_t size = count * sizeof *bits;
    ssize_t got = pread(r->pagemap, bits, size, (off_t)(start / PAGE * sizeof *bits));
    if (got < (ssize_t)size) /* the process has lost its memory: it is ending */
        errno = got < 0 ? errno : ESRCH;
    return got == (ssize_t)size;
}

/* Before Linux 6.7: a page of zeroes is not exclusive, but neither are pages that are shared with a forked
 * process. So pages that are not exclusive are taken for zeroes only where smaps knows of no shared page. */
static bool read_bits(const struct residence *r, struct window *window)
{
    size_t count = (size_t)(window->end - window->start) / PAGE;
    if (!pread_bits(r, window->start, window->bits, count))
        return false;
    bool shares = r->mappings.list[r->at].shared_resident != 0;
    for (size_t i = 0; i < count && !shares; i++)
        if (!(window->bits[i] & PAGEMAP_EXCLUSIVE))
            window->bits[i] &= ~PAGEMAP_PRESENT;
    return true;
}

/* Finds which pages of a window are present. False: this cannot be found out any more. */
static bool find_bits(struct residence *r, struct window *window)
{
    r->scans = r->scans && scan_bits(r, window);
    if (r->scans || read_bits(r, window))
        return true;
    r->error = -errno;
    return false;
}

static bool is_there(const struct residence *r)
{
    uint64_t bits;
    return pread_bits(r, r->mappings.list[0].start, &bits, 1);
}

#define BEHIND_LAST 2 /* sentinels */

/* Makes room for so many more blocks, and for the sentinels behind the last. */
static bool make_room(struct window *window, size_t more)
{
    if (window->room - window->count >= more + BEHIND_LAST)
        return true;
    size_t room = 2 * window->room + more + BEHIND_LAST;
    struct residence_block *blocks = realloc(window->blocks, room * sizeof *blocks);
    if (!blocks)
        return false;
    window->blocks = blocks;
    window->room = room;
    return true;
}

/* Leaves out blocks that begin before *reached, or are impossibly large; returns how many are left. */
static size_t leave_out(struct residence_block *blocks, size_t count, uint64_t *reached)
{
    uint64_t end = *reached;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t size = blocks[i].size;
        if (blocks[i].address < end || size > ADDRESSES_END)
            continue;
        if (kept != i)
            blocks[kept] = blocks[i];
        if (size == 0)
            size = blocks[kept].size = 1;
        end = blocks[kept].address + size;
        kept++;
    }
    *reached = end;
    return kept;
}

/* Lists the blocks of a window in order: the one that reaches into it, and those that begin in it. Blocks that
 * seem to overlap others, because they changed while we looked, are left out. False: no memory. */
static bool find_blocks(struct residence *r, struct window *window, residence_blocks *blocks, void *data)
{
    uint64_t from = window->start, reached = r->last.address + r->last.size;
    window->count = 0;
    if (!make_room(window, 1))
        return false;
    if (r->last.size && end_of(&r->last) > window->start)
        window->blocks[window->count++] = r->last;
    while (from < window->end) {
        if (!make_room(window, BLOCKS_AT_ONCE))
            return false;
        struct residence_block *some = &window->blocks[window->count];
        size_t count = blocks(data, &from, window->end, some, window->room - window->count - BEHIND_LAST);
        size_t kept = leave_out(some, count, &reached);
        r->last = kept ? some[kept - 1] : r->last;
        window->count += kept;
    }
    for (int i = 0; i < BEHIND_LAST; i++)
        window->blocks[window->count + i] = (struct residence_block){.address = ADDRESSES_END};
    return true;
}

static void window_at(const struct mapping *mapping, uint64_t address, struct window *window)
{
    window->start = address;
    window->end = (address + WINDOW) & ~(WINDOW - 1);
    if (window->end > mapping->end)
        window->end = mapping->end;
}

/* Adds to the bytes of a name in a part. */
static bool note_name(struct residence *r, int part, const char *name, uint64_t bytes)
{
    for (size_t i = r->name_count; i-- > 0;) { /* the latest first, as a file's mappings are neighbours */
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

/* ---- what the process has mapped itself ---------------------------------------------------------- */

/* Resident bytes of the mapping that are neither on pages with blocks nor charged to an owner yet. */
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

/* Resident bytes of a window. */
static uint64_t count_resident(struct residence *r, struct window *window)
{
    uint64_t pages = 0;
    bool known = find_bits(r, window);
    for (uint64_t i = 0; known && i < (window->end - window->start) >> PAGE_SHIFT; i++)
        pages += window->bits[i] >> 63;
    return pages << PAGE_SHIFT;
}

/* Mappings of files keep the file's name, whoever mapped them, and are not charged. */
static bool may_be_charged(const struct residence *r)
{
    const struct mapping *mapping = &r->mappings.list[r->at];
    int part = mapping_use(&r->mappings, r->at, r->has_blocks).part;
    return r->ranges && left_of(r) > 0 && part != RESIDENCE_FILES && part != RESIDENCE_TRACER &&
           r->charged_to < mapping->end;
}

/* Charges the next pages of the mapping to whoever has mapped them, a window at most. A range in which the
 * allocator has blocks is its own, whoever mapped it. Adds the bytes that were looked at to *looked. False: no
 * memory. */
static bool charge_some(struct residence *r, struct window *window, residence_blocks *blocks, void *data,
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
    /* Pages that it shares with another range, as at the heap's end, are not charged. */
    start = (start + PAGE - 1) & ~(PAGE - 1);
    end &= ~(PAGE - 1);
    uint64_t first = map.start > mapping->start ? map.start : mapping->start;
    if (start >= end || blocks(data, &first, end, &block, 1) > 0)
        return true;
    if (start == mapping->start && end == mapping->end) /* the whole mapping */
        return charge(r, &map, left_of(r));
    if (end - start > SPARSE_MOST)
        return true;
    window_at(mapping, start, window);
    if (window->end > end)
        window->end = end;
    else
        r->charged_to = window->end;
    *looked += window->end - window->start;
    uint64_t bytes = count_resident(r, window);
    return r->error != 0 || charge(r, &map, bytes);
}

/* All of the mapping has been looked at: adds the rest, which is neither on pages with blocks nor charged. */
static bool finish_mapping(struct residence *r)
{
    const struct mapping *mapping = &r->mappings.list[r->at];
    /* If more was seen than smaps knew of, because the mapping has changed since, that counts. */
    uint64_t resident = mapping->resident > r->held + r->charged ? mapping->resident : r->held + r->charged;
    uint64_t rest = resident - r->held - r->charged;
    struct mapping_use use = mapping_use(&r->mappings, r->at, r->has_blocks);
    r->resident += resident;
    r->pss += mapping->pss;
    r->swapped += mapping->swapped;
    r->part[use.part] += rest;
    return rest == 0 || note_name(r, use.part, use.name, rest);
}

/* False: no memory. */
static bool look_at_window(struct residence *r, struct window *window, residence_blocks *blocks, void *data)
{
    if (!find_blocks(r, window, blocks, data))
        return false;
    if (window->count == 0)
        return true;
    /* The kernel may merge memory that the program maps with adjacent blocks that malloc has mapped alone: such
     * blocks do not make the mapping an allocator's. */
    for (size_t i = 0; i < window->count && !r->has_blocks; i++)
        r->has_blocks = !is_mapped_alone(&window->blocks[i]);
    if (!find_bits(r, window))
        return true;
    page_shares_add(r, window);
    return true;
}

bool residence_step(struct residence *r, uint64_t bytes, residence_blocks *blocks, void *data)
{
    struct window window = {.blocks = NULL};
    uint64_t looked = 0;
    bool fine = true;
    while (fine && r->error == 0 && r->at < r->mappings.count && looked < bytes) {
        const struct mapping *mapping = &r->mappings.list[r->at];
        uint64_t next = r->next > mapping->start ? r->next : mapping->start;
        if (next == mapping->start) {
            r->has_blocks = false;
            r->held = r->charged = r->charged_to = 0;
        }
        /* Goes on to the next block: pages before it are not looked at. */
        struct residence_block block;
        uint64_t from = next;
        bool reaches = r->last.size && end_of(&r->last) > next;
        if (!reaches && blocks(data, &from, mapping->end, &block, 1) == 1) {
            uint64_t page = begin_of(&block) & ~(PAGE - 1);
            next = page > next ? page : next;
            reaches = true;
        }
        if (next >= mapping->end) {
            ; /* all of its blocks have been handled */
        } else if (reaches) {
            window_at(mapping, next, &window);
            fine = look_at_window(r, &window, blocks, data);
            looked += window.end - window.start;
            r->next = window.end;
        } else {
            r->next = mapping->end;
        }
        while (fine && r->error == 0 && r->next >= mapping->end && looked < bytes && may_be_charged(r))
            fine = charge_some(r, &window, blocks, data, &looked);
        if (r->next >= mapping->end && !(fine && may_be_charged(r))) {
            fine = fine && finish_mapping(r);
            r->at++;
        }
    }
    free(window.blocks);
    if (!fine)
        r->error = -ENOMEM;
    else if (r->error == 0 && r->at == r->mappings.count && !is_there(r))
        r->error = -errno;
    return r->error != 0 || r->at == r->mappings.count;
}
