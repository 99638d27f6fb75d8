/* residence.c - see residence.h. */
#define _GNU_SOURCE
#include "residence.h"
#include "mapping_use.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PAGE_SHIFT 12
#define PAGE ((uint64_t)1 << PAGE_SHIFT) /* of x86-64; a huge page is told as 512 of them */
#define WINDOW_PAGES 128                 /* looked at together: their blocks fit into a processor's cache */
#define WINDOW (WINDOW_PAGES * PAGE)
#define BLOCKS_AT_ONCE 256
#define SPARSE_MOST \
    ((uint64_t)1 << 37) /* of a mapping of several owners: to look for pages in more takes seconds */

/* Bits of /proc/PID/pagemap: Documentation/admin-guide/mm/pagemap.rst of Linux. */
#define PAGEMAP_PRESENT (1ull << 63)
#define PAGEMAP_SWAPPED (1ull << 62)
#define PAGEMAP_EXCLUSIVE (1ull << 56)

/* The same file's ioctl() since Linux 6.7, which the headers may be older than. */
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

/* ---- pages with blocks ------------------------------------------------------------------------ */

/* glibc's unit is 16 bytes, 32 at least, of which 8 are a header; blocks of its mmap() begin 16 bytes into a page, and
 * have it to its end. Others have units of their own: no more than what lies before the next block is taken for it. */
static uint64_t unit_of(uint64_t size)
{
    uint64_t unit = (size + 8 + 15) & ~15ull;
    return unit < 32 ? 32 : unit;
}

#define MAPPED_LEAST (128u << 10)
#define MAPPED_HEADER 16

static bool is_mapped_alone(const struct residence_block *block)
{
    return block->size >= MAPPED_LEAST - MAPPED_HEADER && (block->address & (PAGE - 1)) == MAPPED_HEADER;
}

/* What is the block's, header and unit included: from where, and up to where. */
static uint64_t begin_of(const struct residence_block *block)
{
    return is_mapped_alone(block) ? block->address - MAPPED_HEADER : block->address;
}

static uint64_t end_of(const struct residence_block *block)
{
    if (is_mapped_alone(block))
        return (block->address + block->size + PAGE - 1) & ~(PAGE - 1);
    return block->address + unit_of(block->size);
}

static uint64_t overlap(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
    uint64_t from = a > b ? a : b, to = a_end < b_end ? a_end : b_end;
    return to > from ? to - from : 0;
}

/* The blocks that lie on the pages of a window. Those of no bytes take a byte. */
struct window {
    uint64_t start, end; /* of it, and within the mapping */
    uint64_t bits[WINDOW_PAGES];
    struct residence_block *blocks; /* behind the last one stands one at the end of all addresses */
    size_t count, room;
};

#define UNTOUCHED (RESIDENCE_OWNED - 1)

static struct residence_owner *owner_of(const struct residence *r, const struct residence_block *block)
{
    return &r->owners[block->owner < r->owner_count ? block->owner : r->owner_count];
}

/* Adds to what an owner has of a part by one of its blocks. */
static inline void add(struct residence_owner *owner, struct residence_block *block, int i, uint64_t bytes)
{
    owner->bytes[i] += bytes;
    owner->blocks[i] += bytes && !(block->counted >> i & 1);
    block->counted |= (uint32_t)(bytes != 0) << i;
}

/* The same of a block that lies on one page. */
static inline void add_whole(struct residence_owner *owner, int i, uint64_t bytes)
{
    owner->bytes[i] += bytes;
    owner->blocks[i] += bytes != 0;
}

#define SHARES_MOST \
    (PAGE / 8 + 1) /* blocks that lie on a page: their addresses are multiples of 8, and one reaches in */

/* What a block has of a page. */
struct share {
    uint16_t live, rounding;
    bool is_whole; /* all of the block lies on it */
};

/* The blocks on a page. */
struct on_page {
    uint64_t page;
    struct residence_block *blocks;
    size_t count;
    uint64_t live, rounding; /* bytes: of all of them */
    struct share shares[SHARES_MOST];
};

/* Of a block with what belongs to it from begin to end. */
static inline struct share share_of(const struct residence_block *block, uint64_t begin, uint64_t end,
                                    uint64_t page)
{
    bool is_whole = begin >= page && end <= page + PAGE && end >= begin;
    uint64_t live = block->size, all = end - begin;
    if (!is_whole) {
        live = overlap(block->address, block->address + block->size, page, page + PAGE);
        all = overlap(begin, end, page, page + PAGE);
    }
    return (struct share){(uint16_t)live, (uint16_t)(all > live ? all - live : 0), is_whole};
}

/* Finds those that lie on it: from the first one on, all that begin before its end. */
static void find_shares(const struct window *window, size_t first, uint64_t page, struct on_page *here)
{
    const struct residence_block *block = &window->blocks[first];
    uint64_t live = 0, rounding = 0, begin = begin_of(block);
    size_t count = 0;
    for (; begin < page + PAGE && count < SHARES_MOST; count++, block++) {
        uint64_t next = begin_of(&block[1]), end = end_of(block);
        struct share share = share_of(block, begin, end < next ? end : next, page);
        live += share.live;
        rounding += share.rounding;
        here->shares[count] = share;
        begin = next;
    }
    here->page = page;
    here->blocks = &window->blocks[first];
    here->count = count;
    here->live = live;
    here->rounding = rounding;
}

#define FRACTION 40 /* bits: no product with bytes of a page is too large, and none is rounded wrongly */

/* Divides a resident page between its blocks. What is pinned goes to them in proportion: each gets what has become due
 * since the one before, so that all of it is given out, whatever is rounded. */
static void divide(struct residence *r, const struct on_page *here)
{
    if (here->live == 0) /* nothing but the end of a block's unit: with what is free */
        return;
    assert(here->live + here->rounding <= PAGE);
    uint64_t pinned = PAGE - here->live - here->rounding, given = 0, live = 0;
    uint64_t each = (pinned << FRACTION) / here->live + 1;
    r->held += PAGE;
    r->part[RESIDENCE_LIVE] += here->live;
    r->part[RESIDENCE_ROUNDING] += here->rounding;
    r->part[RESIDENCE_PINNED] += pinned;
    for (size_t i = 0; i < here->count; i++) {
        struct residence_block *block = &here->blocks[i];
        struct residence_owner *owner = owner_of(r, block);
        const struct share *share = &here->shares[i];
        live += share->live;
        uint64_t due = live * each >> FRACTION, part = due - given;
        given = due;
        if (share->is_whole) {
            add_whole(owner, RESIDENCE_LIVE, share->live);
            add_whole(owner, RESIDENCE_ROUNDING, share->rounding);
            add_whole(owner, RESIDENCE_PINNED, part);
        } else {
            add(owner, block, RESIDENCE_LIVE, share->live);
            add(owner, block, RESIDENCE_ROUNDING, share->rounding);
            add(owner, block, RESIDENCE_PINNED, part);
        }
    }
}

static void note_untouched(struct residence *r, const struct on_page *here)
{
    for (size_t i = 0; i < here->count; i++) {
        struct residence_block *block = &here->blocks[i];
        uint64_t bytes = overlap(block->address, block->address + block->size, here->page, here->page + PAGE);
        add(owner_of(r, block), block, UNTOUCHED, bytes);
        r->part[RESIDENCE_UNTOUCHED] += bytes;
    }
}

static void look_at_pages(struct residence *r, const struct window *window)
{
    struct on_page here;
    size_t first = 0;
    for (uint64_t page = window->start; page < window->end; page += PAGE) {
        if (first == window->count)
            return;
        if (begin_of(&window->blocks[first]) >= page + PAGE)
            continue;
        find_shares(window, first, page, &here);
        uint64_t bits = window->bits[(page - window->start) >> PAGE_SHIFT];
        if (bits & PAGEMAP_PRESENT)
            divide(r, &here);
        else if (!(bits & PAGEMAP_SWAPPED))
            note_untouched(r, &here);
        /* Only the last one reaches further: the units of the others end where their next one begins. */
        first += here.count;
        first -= end_of(&window->blocks[first - 1]) > page + PAGE;
    }
}

/* ---- the walk --------------------------------------------------------------------------------- */

/* A page that was only read is the kernel's page of zeroes, which counts as nobody's: it is not in smaps, so it is not
 * taken for present here. */

/* Since Linux 6.7 the kernel tells that, and it is several times as fast as to read what is told of each page. False:
 * it does not. What it does not say is that the process has lost its memory: see is_there(). */
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
    if (got < (ssize_t)size) /* the process has lost its memory: it ends */
        errno = got < 0 ? errno : ESRCH;
    return got == (ssize_t)size;
}

/* Before Linux 6.7: a page of zeroes is not exclusive; so are pages that a forked process shares. They are taken for
 * zeroes in mappings of which smaps knows no shared page. */
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

/* Which pages of a window are there. False: that cannot be known any more. */
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

/* Room for so many more, and what stands behind the last. */
static bool make_room(struct window *window, size_t more)
{
    if (window->room - window->count > more)
        return true;
    size_t room = 2 * window->room + more + 1;
    struct residence_block *blocks = realloc(window->blocks, room * sizeof *blocks);
    if (!blocks)
        return false;
    window->blocks = blocks;
    window->room = room;
    return true;
}

/* The blocks of a window in order: the one that reaches into it, and those that begin in it. None overlaps another:
 * what seems to, as it changed while we looked, is left out. False: no memory. */
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
        size_t count = blocks(data, &from, window->end, some, window->room - window->count - 1), kept = 0;
        for (size_t i = 0; i < count; i++) {
            if (some[i].address < reached)
                continue;
            some[kept] = some[i];
            some[kept].size += some[i].size == 0;
            reached = some[kept].address + some[kept].size;
            kept++;
        }
        r->last = kept ? some[kept - 1] : r->last;
        window->count += kept;
    }
    window->blocks[window->count] = (struct residence_block){.address = UINT64_MAX};
    return true;
}

static void window_at(const struct mapping *mapping, uint64_t address, struct window *window)
{
    window->start = address;
    window->end = (address + WINDOW) & ~(WINDOW - 1);
    if (window->end > mapping->end)
        window->end = mapping->end;
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

/* Resident pages of a window. */
static uint64_t count_resident(struct residence *r, struct window *window)
{
    uint64_t pages = 0;
    bool known = find_bits(r, window);
    for (uint64_t i = 0; known && i < (window->end - window->start) >> PAGE_SHIFT; i++)
        pages += window->bits[i] >> 63;
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

/* Goes on to the next pages of the mapping that somebody has mapped, a window at most. What the allocator has put
 * blocks into is its own, whoever asked for it. *looked: adds the bytes that it took. False: no memory. */
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
    window_at(mapping, start, window);
    if (window->end > end)
        window->end = end;
    else
        r->charged_to = window->end;
    *looked += window->end - window->start;
    uint64_t bytes = count_resident(r, window);
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

/* False: no memory. */
static bool look_at_window(struct residence *r, struct window *window, residence_blocks *blocks, void *data)
{
    if (!find_blocks(r, window, blocks, data))
        return false;
    if (window->count == 0)
        return true;
    /* Memory that the program maps may become one with the pieces that malloc has mapped beside it, a block each: these
     * do not make an allocator's memory of it. */
    for (size_t i = 0; i < window->count && !r->has_blocks; i++)
        r->has_blocks = !is_mapped_alone(&window->blocks[i]);
    if (!find_bits(r, window))
        return true;
    look_at_pages(r, window);
    r->last.counted = window->blocks[window->count - 1].counted; /* it may reach into the next one */
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
