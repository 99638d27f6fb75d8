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
#define WINDOW_PAGES 512                 /* looked at together */
#define WINDOW (WINDOW_PAGES * PAGE)
#define BLOCKS_AT_ONCE 1024

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
#define PAGE_IS_ZEROES (1ull << 5)

int residence_begin(struct residence *r, int pid, uint32_t owner_count)
{
    char path[64];
    *r = (struct residence){.owner_count = owner_count, .pagemap = -1};
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

void residence_end(struct residence *r)
{
    if (r->pagemap >= 0)
        close(r->pagemap);
    free(r->owners);
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

/* What a block has of a page. Blocks of no bytes take a byte. */
struct share {
    uint64_t live, rounding;
};

static struct share share_of(const struct residence_block *block, uint64_t next, uint64_t page)
{
    uint64_t size = block->size ? block->size : 1, end = end_of(block);
    end = end < next ? end : next;
    uint64_t live = overlap(block->address, block->address + size, page, page + PAGE);
    uint64_t all = overlap(begin_of(block), end, page, page + PAGE);
    return (struct share){.live = live, .rounding = all > live ? all - live : 0};
}

/* The blocks that lie on the pages of a window. */
struct window {
    uint64_t start, end; /* of it, and within the mapping */
    uint64_t bits[WINDOW_PAGES];
    struct residence_block *blocks;
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

/* Where the block after this one begins, as far as the window knows. */
static uint64_t next_of(const struct window *window, size_t i)
{
    return i + 1 < window->count ? begin_of(&window->blocks[i + 1]) : UINT64_MAX;
}

#define SHARES_MOST \
    (PAGE / 8 + 1) /* blocks that lie on a page: their addresses are multiples of 8, and one reaches in */

/* Divides a resident page between the blocks from first up to end. */
static void divide(struct residence *r, struct window *window, size_t first, size_t end, uint64_t page)
{
    struct share shares[SHARES_MOST];
    uint64_t live = 0, rounding = 0;
    end = end - first < SHARES_MOST ? end : first + SHARES_MOST;
    for (size_t i = first; i < end; i++) {
        struct share share = share_of(&window->blocks[i], next_of(window, i), page);
        live += share.live;
        rounding += share.rounding;
        shares[i - first] = share;
    }
    if (live == 0) /* nothing but the end of a block's unit: with what is free */
        return;
    assert(live + rounding <= PAGE);
    uint64_t pinned = PAGE - live - rounding;
    r->held += PAGE;
    r->part[RESIDENCE_LIVE] += live;
    r->part[RESIDENCE_ROUNDING] += rounding;
    r->part[RESIDENCE_PINNED] += pinned;
    for (size_t i = first; i < end; i++) {
        struct residence_block *block = &window->blocks[i];
        struct residence_owner *owner = owner_of(r, block);
        const struct share *share = &shares[i - first];
        /* In proportion, of what is left: so all of it is given out, whatever is rounded. */
        uint64_t part = pinned && share->live ? pinned * share->live / live : 0;
        pinned -= part;
        live -= share->live;
        add(owner, block, RESIDENCE_LIVE, share->live);
        add(owner, block, RESIDENCE_ROUNDING, share->rounding);
        add(owner, block, RESIDENCE_PINNED, part);
    }
}

static void note_untouched(struct residence *r, struct window *window, size_t first, size_t end,
                           uint64_t page)
{
    for (size_t i = first; i < end; i++) {
        struct residence_block *block = &window->blocks[i];
        uint64_t bytes = overlap(block->address, block->address + block->size, page, page + PAGE);
        add(owner_of(r, block), block, UNTOUCHED, bytes);
        r->part[RESIDENCE_UNTOUCHED] += bytes;
    }
}

static void look_at_pages(struct residence *r, struct window *window)
{
    size_t first = 0;
    for (uint64_t page = window->start; page < window->end; page += PAGE) {
        /* A block's unit may reach into a page that the block itself is not on. */
        while (first < window->count && end_of(&window->blocks[first]) <= page)
            first++;
        size_t end = first;
        while (end < window->count && begin_of(&window->blocks[end]) < page + PAGE)
            end++;
        if (first == end)
            continue;
        uint64_t bits = window->bits[(page - window->start) >> PAGE_SHIFT];
        if (bits & PAGEMAP_PRESENT)
            divide(r, window, first, end, page);
        else if (!(bits & PAGEMAP_SWAPPED))
            note_untouched(r, window, first, end, page);
    }
}

/* ---- the walk --------------------------------------------------------------------------------- */

/* A page that was only read is the kernel's page of zeroes, which counts as nobody's: present here, but not in smaps.
 * It is not exclusive; so are pages that a forked process shares. Linux 6.7 tells them apart; before that they are
 * taken for zeroes in mappings of which smaps knows no shared page. */
static void leave_out_zeroes(struct residence *r, struct window *window)
{
    struct pagemap_region zeroes[WINDOW_PAGES / 2] = {{0}};
    struct pagemap_scan scan = {.size = sizeof scan,
                                .start = window->start,
                                .end = window->end,
                                .regions = (uintptr_t)zeroes,
                                .region_count = WINDOW_PAGES / 2,
                                .category_mask = PAGE_IS_ZEROES,
                                .return_mask = PAGE_IS_ZEROES};
    int count = ioctl(r->pagemap, PAGEMAP_SCAN, &scan);
    for (int i = 0; i < count; i++)
        for (uint64_t page = zeroes[i].start; page < zeroes[i].end; page += PAGE)
            window->bits[(page - window->start) >> PAGE_SHIFT] = 0;
    if (count >= 0 || r->mappings.list[r->at].shared_resident)
        return;
    for (uint64_t i = 0; i < (window->end - window->start) >> PAGE_SHIFT; i++)
        if (!(window->bits[i] & PAGEMAP_EXCLUSIVE))
            window->bits[i] &= ~PAGEMAP_PRESENT;
}

static bool read_bits(struct residence *r, struct window *window)
{
    size_t size = (size_t)(window->end - window->start) / PAGE * sizeof window->bits[0];
    ssize_t got =
        pread(r->pagemap, window->bits, size, (off_t)(window->start / PAGE * sizeof window->bits[0]));
    if (got != (ssize_t)size) { /* the process has lost its memory: it ends */
        errno = got < 0 ? errno : ESRCH;
        return false;
    }
    for (size_t i = 0; i < size / sizeof window->bits[0]; i++) {
        if ((window->bits[i] & (PAGEMAP_PRESENT | PAGEMAP_EXCLUSIVE)) == PAGEMAP_PRESENT) {
            leave_out_zeroes(r, window);
            break;
        }
    }
    return true;
}

static bool take_in(struct window *window, const struct residence_block *block)
{
    if (window->count == window->room) {
        size_t room = window->room ? 2 * window->room : BLOCKS_AT_ONCE;
        struct residence_block *blocks = realloc(window->blocks, room * sizeof *blocks);
        if (!blocks)
            return false;
        window->blocks = blocks;
        window->room = room;
    }
    window->blocks[window->count++] = *block;
    return true;
}

/* The blocks of a window in order: the one that reaches into it, and those that begin in it. None overlaps another:
 * what seems to, as it changed while we looked, is left out. */
static bool find_blocks(struct residence *r, struct window *window, residence_blocks *blocks, void *data)
{
    struct residence_block some[BLOCKS_AT_ONCE];
    uint64_t from = window->start;
    window->count = 0;
    if (r->last.size && end_of(&r->last) > window->start && !take_in(window, &r->last))
        return false; /* no memory */
    while (from < window->end) {
        size_t count = blocks(data, &from, window->end, some, BLOCKS_AT_ONCE);
        for (size_t i = 0; i < count; i++) {
            if (r->last.size && some[i].address < r->last.address + r->last.size)
                continue;
            if (!take_in(window, &some[i]))
                return false;
            r->last = some[i];
            r->last.size += r->last.size == 0;
        }
    }
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

/* All of the mapping was looked at: what is not on pages with blocks. */
static bool finish_mapping(struct residence *r)
{
    const struct mapping *mapping = &r->mappings.list[r->at];
    /* It grew, or shrank, under the walk: what was seen of its pages is what counts. */
    uint64_t resident = mapping->resident > r->held ? mapping->resident : r->held;
    uint64_t rest = resident - r->held;
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
    if (!read_bits(r, window)) {
        r->error = -errno;
        return true;
    }
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
            r->held = 0;
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
        if (reaches) {
            window_at(mapping, next, &window);
            fine = look_at_window(r, &window, blocks, data);
            looked += window.end - window.start;
            r->next = window.end;
        } else {
            r->next = mapping->end;
        }
        if (r->next >= mapping->end) {
            fine = fine && finish_mapping(r);
            r->at++;
        }
    }
    free(window.blocks);
    if (!fine)
        r->error = -ENOMEM;
    return r->error != 0 || r->at == r->mappings.count;
}
