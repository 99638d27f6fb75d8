/* blocks.c - see blocks.h. */
#define _GNU_SOURCE
#include "blocks.h"
#include "shortage.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <uthash.h>

#define PAGE 4096
#define PIECES_A_PAGE (PAGE / sizeof(uint32_t))
#define PIECE_PAGES (BLOCKS_PIECES / PIECES_A_PAGE)
#define SPLIT LEAF_CLASSES           /* class of a piece whose leaf is a struct split */
#define SWEEP_FROM ((size_t)1 << 20) /* bytes of leaves: with fewer there is no sweep */
#define SWEEP_PART 4                 /* this share of them must have been taken since the last sweep */
/* Bytes of leaves for each block: beyond that, many leaves must be empty. */
#define SPARSE 64

/* 1 GiB of the program's address space. */
struct region {
    uint32_t number;  /* address >> BLOCKS_REGION_SHIFT */
    uint32_t *pieces; /* the array in blocks.regions */
    /* Pages of the array that hold any pieces: the others are not looked at. */
    uint64_t touched[PIECE_PAGES / 64];
};

/* The leaf of a split piece: it has a leaf for each half. */
struct split {
    uint8_t tag[LEAF_TAGS]; /* like struct leaf, but without places */
    uint32_t half[2];       /* like pieces: of the lower addresses, of the higher ones */
} __attribute__((aligned(16)));

struct odd_block {
    uint64_t address; /* key */
    struct block block;
    UT_hash_handle hh;
};

/* By class of leaf; the last is that of split pieces. */
static const unsigned places[LEAF_CLASSES + 1] = {2, 6, 10, 16, 0};
static const unsigned units[LEAF_CLASSES + 1] = {1, 2, 3, 5, 1};

/* ---- leaves ------------------------------------------------------------------------------------ */

static unsigned class_of(uint32_t piece)
{
    return piece & ((1u << LEAF_CLASS_BITS) - 1);
}

static struct split *split_at(const struct blocks *blocks, uint32_t piece)
{
    return (struct split *)blocks_leaf_at(blocks, piece);
}

/* The list of freed leaves for a class. Leaves of split pieces have the size of class 0, and share its
 * list. */
static unsigned list_of(unsigned class)
{
    return class == SPLIT ? 0 : class;
}

/* Adds a page of leaves of a class, at the end of those in use. */
static bool new_page(struct blocks *blocks, unsigned list)
{
    uint32_t each = units[list], first = (uint32_t)(blocks->leaf_bytes / LEAF_UNIT);
    size_t room = blocks->leaf_memory.room;
    if (first >> (32 - LEAF_CLASS_BITS) || !grow_to(&blocks->leaf_memory, blocks->leaf_bytes + PAGE))
        return false;
    /* Zeroing a huge page takes as long as a program needs to fill its ring: it would have to wait. */
    if (blocks->leaf_memory.room != room)
        madvise(blocks->leaf_memory.memory, blocks->leaf_memory.room, MADV_NOHUGEPAGE);
    blocks->leaves = blocks->leaf_memory.memory;
    blocks->leaf_bytes += PAGE;
    blocks->leaf[list].fresh = first;
    blocks->leaf[list].end = first + PAGE / LEAF_UNIT / each * each;
    return true;
}

static void sweep_if_due(struct blocks *blocks);

/* Takes a leaf of a class; returns it as a value for a piece, 0 = out of memory. */
static uint32_t new_leaf(struct blocks *blocks, unsigned class)
{
    unsigned list = list_of(class);
    bool is_fresh = blocks->leaf[list].fresh < blocks->leaf[list].end;
    if (!blocks->leaf[list].freed && !is_fresh)
        sweep_if_due(blocks);
    uint32_t at = blocks->leaf[list].freed;
    if (at) {
        blocks->leaf[list].freed = (uint32_t)blocks_leaf_at(blocks, at << LEAF_CLASS_BITS)->value[0];
    } else {
        if (!is_fresh && !new_page(blocks, list))
            return 0;
        at = blocks->leaf[list].fresh;
        blocks->leaf[list].fresh += units[list];
    }
    blocks->taken_bytes += units[list] * LEAF_UNIT;
    uint32_t piece = at << LEAF_CLASS_BITS | class;
    struct leaf *leaf = blocks_leaf_at(blocks, piece);
    memset(leaf->tag, 0, places[class]);
    memset(leaf->tag + places[class], LEAF_NO_PLACE, LEAF_TAGS - places[class]);
    return piece;
}

static void free_leaf(struct blocks *blocks, uint32_t piece)
{
    unsigned list = list_of(class_of(piece));
    assert(piece >> LEAF_CLASS_BITS != 0 && class_of(piece) <= SPLIT); /* not the common empty leaf */
    blocks_leaf_at(blocks, piece)->value[0] = blocks->leaf[list].freed;
    blocks->leaf[list].freed = piece >> LEAF_CLASS_BITS;
}

/* The index of an address's block in the leaf; -1 = not there. */
static int place_of(const struct leaf *leaf, uint64_t address)
{
    unsigned found = leaf_find(leaf_tags(leaf), leaf_tag(address));
    return found ? __builtin_ctz(found) : -1;
}

static int free_place(const struct leaf *leaf)
{
    unsigned found = leaf_find(leaf_tags(leaf), 0);
    return found ? __builtin_ctz(found) : -1;
}

static bool is_block(const struct leaf *leaf, unsigned place)
{
    return leaf->tag[place] != 0 && leaf->tag[place] != LEAF_NO_PLACE;
}

static bool is_empty(const struct leaf *leaf)
{
    unsigned others = leaf_find(leaf_tags(leaf), 0) | leaf_find(leaf_tags(leaf), LEAF_NO_PLACE);
    return others == (1u << LEAF_TAGS) - 1;
}

/* ---- pieces ------------------------------------------------------------------------------------ */

static struct region *region_at(const struct blocks *blocks, uint32_t index)
{
    return (struct region *)blocks->region_memory.memory + index;
}

static struct region *find_region(struct blocks *blocks, uint32_t number)
{
    for (uint32_t i = 0; i < blocks->region_count; i++)
        if (region_at(blocks, i)->number == number)
            return region_at(blocks, i);
    return NULL;
}

static void *map(size_t size)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
    return SHORTAGE_UNLESS(memory != MAP_FAILED) ? memory : NULL;
}

static struct region *make_region(struct blocks *blocks, uint32_t number)
{
    struct region *region = GROW_AT(&blocks->region_memory, struct region, blocks->region_count);
    uint32_t *pieces = region ? map(BLOCKS_PIECES * sizeof *pieces) : NULL;
    if (!pieces)
        return NULL;
    region->number = number;
    region->pieces = pieces;
    blocks->region_count++;
    blocks->regions[number] = pieces;
    return region;
}

/* For a split piece, the half of the address, which is used like a piece. */
static uint32_t *half_of(const struct blocks *blocks, uint32_t *piece, uint64_t address)
{
    if (piece && class_of(*piece) == SPLIT)
        return &split_at(blocks, *piece)->half[address >> (BLOCKS_PIECE_SHIFT - 1) & 1];
    return piece;
}

/* The class of a new piece's leaf: its neighbours show how dense blocks are here. */
static unsigned first_class(const uint32_t *piece)
{
    bool has_neighbour = ((uintptr_t)piece & (PAGE - 1)) != 0;
    return has_neighbour && class_of(piece[-1]) > 0 ? 1 : 0;
}

/* Splits a piece: each half gets a leaf. */
static bool split(struct blocks *blocks, uint32_t *piece)
{
    uint32_t old = *piece, both = new_leaf(blocks, SPLIT), half[2] = {0, 0};
    for (int i = 0; i < 2 && both; i++)
        half[i] = new_leaf(blocks, LEAF_CLASSES - 1);
    if (!half[1]) {
        if (half[0])
            free_leaf(blocks, half[0]);
        if (both)
            free_leaf(blocks, both);
        return false;
    }
    const struct leaf *from = blocks_leaf_at(blocks, old);
    for (unsigned k = 0; k < LEAF_TAGS; k++) {
        struct leaf *to = blocks_leaf_at(blocks, half[from->tag[k] >> (BLOCKS_PIECE_SHIFT - 1)]);
        int place = free_place(to);
        assert(place >= 0);
        to->tag[place] = from->tag[k];
        to->value[place] = from->value[k];
    }
    memcpy(split_at(blocks, both)->half, half, sizeof half);
    free_leaf(blocks, old);
    *piece = both;
    return true;
}

/* Replaces a piece's leaf by a larger one. */
static bool enlarge(struct blocks *blocks, uint32_t *piece)
{
    uint32_t old = *piece, larger = new_leaf(blocks, class_of(old) + 1);
    assert(class_of(old) < LEAF_CLASSES - 1);
    if (!larger)
        return false;
    struct leaf *to = blocks_leaf_at(blocks, larger);
    const struct leaf *from = blocks_leaf_at(blocks, old);
    memcpy(to->tag, from->tag, places[class_of(old)]);
    memcpy(to->value, from->value, places[class_of(old)] * sizeof to->value[0]);
    free_leaf(blocks, old);
    *piece = larger;
    return true;
}

/* Finds or makes a leaf with a free place for this address, which must not be in it; NULL = out of memory. */
static struct leaf *make_place(struct blocks *blocks, uint64_t address)
{
    uint32_t number = (uint32_t)(address >> BLOCKS_REGION_SHIFT);
    uint32_t *piece = half_of(blocks, blocks_piece(blocks, address), address);
    if (piece && *piece && free_place(blocks_leaf_at(blocks, *piece)) >= 0)
        return blocks_leaf_at(blocks, *piece);
    struct region *region = find_region(blocks, number);
    if (!region)
        region = make_region(blocks, number);
    if (!region)
        return NULL;
    piece = blocks_piece(blocks, address);
    size_t page = (size_t)(piece - region->pieces) / PIECES_A_PAGE;
    region->touched[page / 64] |= 1ull << (page & 63);
    if (*piece == 0)
        *piece = new_leaf(blocks, first_class(piece));
    else if (class_of(*piece) < LEAF_CLASSES - 1)
        enlarge(blocks, piece);
    else if (class_of(*piece) != SPLIT)
        split(blocks, piece);
    piece = half_of(blocks, piece, address);
    struct leaf *leaf = blocks_leaf_at(blocks, *piece);
    return free_place(leaf) >= 0 ? leaf : NULL;
}

/* Gets the leaves that hold a piece's blocks; returns how many. */
static unsigned leaves_of(const struct blocks *blocks, uint32_t piece, struct leaf *leaves[2])
{
    bool two = class_of(piece) == SPLIT;
    for (unsigned i = 0; i < 1u + two; i++)
        leaves[i] = blocks_leaf_at(blocks, two ? split_at(blocks, piece)->half[i] : piece);
    return 1u + two;
}

/* Calls visit for each piece that has a leaf; first: the piece's first address. */
static void each_piece(const struct blocks *blocks,
                       void (*visit)(const struct blocks *blocks, uint32_t *piece, uint64_t first,
                                     void *data),
                       void *data)
{
    for (uint32_t i = 0; i < blocks->region_count; i++) {
        const struct region *region = region_at(blocks, i);
        for (size_t page = 0; page < PIECE_PAGES; page++) {
            if (!(region->touched[page / 64] >> (page & 63) & 1))
                continue;
            for (size_t at = page * PIECES_A_PAGE; at < (page + 1) * PIECES_A_PAGE; at++)
                if (region->pieces[at])
                    visit(blocks, &region->pieces[at],
                          (uint64_t)region->number << BLOCKS_REGION_SHIFT | at << BLOCKS_PIECE_SHIFT, data);
        }
    }
}

static void free_if_empty(const struct blocks *all, uint32_t *piece, uint64_t first, void *data)
{
    (void)all;
    (void)first;
    struct blocks *blocks = data;
    struct leaf *leaves[2];
    unsigned count = leaves_of(blocks, *piece, leaves);
    for (unsigned i = 0; i < count; i++)
        if (!is_empty(leaves[i]))
            return;
    if (class_of(*piece) == SPLIT) {
        const struct split both = *split_at(blocks, *piece);
        free_leaf(blocks, both.half[0]);
        free_leaf(blocks, both.half[1]);
    }
    free_leaf(blocks, *piece);
    *piece = 0;
}

/* Frees empty leaves before another page is taken, but only after so many were taken that the sweep costs
 * little for each. */
static void sweep_if_due(struct blocks *blocks)
{
    size_t bytes = blocks->leaf_bytes;
    if (bytes < SWEEP_FROM || bytes / SPARSE < blocks->count || blocks->taken_bytes < bytes / SWEEP_PART)
        return;
    each_piece(blocks, free_if_empty, blocks);
    blocks->taken_bytes = 0;
}

/* ---- blocks that do not fit ---------------------------------------------------------------------- */

static bool put_odd(struct blocks *blocks, const struct block *block)
{
    struct odd_block *odd = SHORTAGE_UNLESS(malloc(sizeof *odd));
    if (!odd)
        return false;
    odd->address = block->address;
    odd->block = *block;
    HASH_ADD(hh, blocks->odd, address, sizeof odd->address, odd);
    return true;
}

static bool take_odd(struct blocks *blocks, uint64_t address, struct block *block)
{
    struct odd_block *odd;
    HASH_FIND(hh, blocks->odd, &address, sizeof address, odd);
    if (!odd)
        return false;
    *block = odd->block;
    HASH_DEL(blocks->odd, odd);
    free(odd);
    return true;
}

/* ---- the table ----------------------------------------------------------------------------------- */

bool blocks_open(struct blocks *blocks)
{
    memset(blocks, 0, sizeof *blocks);
    blocks->regions = map(BLOCKS_REGIONS * sizeof *blocks->regions);
    if (!blocks->regions || !new_page(blocks, 0)) {
        blocks_close(blocks);
        return false;
    }
    struct leaf *none = blocks_leaf_at(blocks, 0);
    memset(none->tag, LEAF_NO_PLACE, sizeof none->tag);
    blocks->leaf[0].fresh++;
    return true;
}

void blocks_close(struct blocks *blocks)
{
    struct odd_block *odd, *next;
    assert(blocks->odd_addresses <= HASH_COUNT(blocks->odd));
    HASH_ITER(hh, blocks->odd, odd, next)
    {
        HASH_DEL(blocks->odd, odd);
        free(odd);
    }
    for (uint32_t i = 0; i < blocks->region_count; i++)
        munmap(region_at(blocks, i)->pieces, BLOCKS_PIECES * sizeof(uint32_t));
    grow_free(&blocks->region_memory);
    grow_free(&blocks->leaf_memory);
    if (blocks->regions)
        munmap(blocks->regions, BLOCKS_REGIONS * sizeof *blocks->regions);
    memset(blocks, 0, sizeof *blocks);
}

size_t blocks_count(const struct blocks *blocks)
{
    return blocks->count + blocks->odd_addresses;
}

static void age(const struct blocks *blocks, uint32_t *piece, uint64_t first, void *data)
{
    (void)first;
    (void)data;
    struct leaf *leaves[2];
    unsigned count = leaves_of(blocks, *piece, leaves);
    for (unsigned i = 0; i < count; i++) {
        for (unsigned k = 0; k < LEAF_TAGS; k++) {
            if (!is_block(leaves[i], k) || leaves[i]->value[k] == BLOCKS_ODD)
                continue;
            uint64_t value = leaves[i]->value[k];
            leaves[i]->value[k] = (value & ~(uint64_t)BLOCKS_BORN_MASK) | (value & BLOCKS_BORN_MASK) >> 1;
        }
    }
}

void blocks_age_slow(struct blocks *blocks, uint32_t tick)
{
    while (tick >> blocks->age_shift > BLOCKS_BORN_MASK) {
        blocks->age_shift++;
        each_piece(blocks, age, NULL);
    }
}

/* Takes a block that is in the odd table, or in a split piece. */
bool blocks_take_slow(struct blocks *blocks, uint64_t address, struct block *block)
{
    if (!blocks_address_fits(address)) {
        bool there = take_odd(blocks, address, block);
        assert(blocks->odd_addresses >= there);
        blocks->odd_addresses -= there;
        return there;
    }
    const uint32_t *piece = half_of(blocks, blocks_piece(blocks, address), address);
    struct leaf *leaf = piece ? blocks_leaf_at(blocks, *piece) : NULL;
    int place = leaf ? place_of(leaf, address) : -1;
    if (place < 0)
        return false;
    uint64_t value = leaf->value[place];
    assert(blocks->count > 0);
    leaf->tag[place] = 0;
    blocks->count--;
    if (value == BLOCKS_ODD) {
        bool there = take_odd(blocks, address, block);
        assert(there);
        return there;
    }
    *block = blocks_unpack(blocks, address, value);
    return true;
}

int blocks_put_slow(struct blocks *blocks, const struct block *block, struct block *old)
{
    int found = blocks_take_slow(blocks, block->address, old);
    if (!blocks_address_fits(block->address)) {
        if (!put_odd(blocks, block))
            return -1;
        blocks->odd_addresses++;
        return found;
    }
    struct leaf *leaf = make_place(blocks, block->address);
    if (!leaf || (!blocks_fits(block) && !put_odd(blocks, block)))
        return -1;
    int place = free_place(leaf);
    assert(place >= 0);
    leaf->tag[place] = leaf_tag(block->address);
    leaf->value[place] = blocks_fits(block) ? blocks_pack(blocks, block) : BLOCKS_ODD;
    blocks->count++;
    return found;
}

bool blocks_move_slow(struct blocks *blocks, const struct block *block, struct block *old)
{
    struct block moved = *block, none;
    if (!blocks_take_slow(blocks, block->address, old))
        return false;
    moved.size = old->size;
    return blocks_put_slow(blocks, &moved, &none) >= 0;
}

struct visitor {
    void (*visit)(void *data, const struct block *block);
    void *data;
};

static void visit_piece(const struct blocks *blocks, uint32_t *piece, uint64_t first, void *data)
{
    const struct visitor *visitor = data;
    struct leaf *leaves[2];
    unsigned count = leaves_of(blocks, *piece, leaves);
    for (unsigned i = 0; i < count; i++) {
        for (unsigned k = 0; k < LEAF_TAGS; k++) {
            if (!is_block(leaves[i], k) || leaves[i]->value[k] == BLOCKS_ODD)
                continue;
            uint64_t address = first + (leaves[i]->tag[k] & ~1u);
            struct block block = blocks_unpack(blocks, address, leaves[i]->value[k]);
            visitor->visit(visitor->data, &block);
        }
    }
}

void blocks_each(const struct blocks *blocks, void (*visit)(void *, const struct block *), void *data)
{
    struct visitor visitor = {visit, data};
    each_piece(blocks, visit_piece, &visitor);
    const struct odd_block *odd, *next;
    HASH_ITER(hh, blocks->odd, odd, next)
    {
        visit(data, &odd->block);
    }
}

/* ---- in order ---------------------------------------------------------------------------------- */

/* The first region with at least that number; NULL = none. */
static const struct region *next_region(const struct blocks *blocks, uint64_t number)
{
    const struct region *next = NULL;
    for (uint32_t i = 0; i < blocks->region_count; i++) {
        const struct region *region = region_at(blocks, i);
        if (region->number >= number && (!next || region->number < next->number))
            next = region;
    }
    return next;
}

#define PIECE_UNITS ((1u << BLOCKS_PIECE_SHIFT) / 8) /* units at which blocks in leaves may begin */
#define FETCH_AHEAD 16                               /* pieces */

/* A list of the blocks in a range that is being built. */
struct listing {
    struct block *next, *end; /* where the next block goes, and the end of the room */
    uint64_t from, to;        /* the part of the range that is left */
};

/* Gets the odd block at an address; false if it is not there. */
static bool look_up(const struct blocks *blocks, uint64_t address, struct block *block)
{
    const struct odd_block *odd;
    HASH_FIND(hh, blocks->odd, &address, sizeof address, odd);
    if (odd)
        *block = odd->block;
    return odd != NULL;
}

/* Gets the block with this address and leaf value, which may be odd. */
INLINE bool look_at(const struct blocks *blocks, uint64_t address, uint64_t value, struct block *block)
{
    if (UNLIKELY(value == BLOCKS_ODD))
        return look_up(blocks, address, block);
    *block = blocks_unpack(blocks, address, value);
    return true;
}

/* Lists the leaf's blocks that are in the range; first: the piece's first address. False if there was no
 * room for all. */
static bool list_leaf(const struct blocks *blocks, const struct leaf *leaf, uint64_t first,
                      struct listing *listing)
{
    uint8_t place[PIECE_UNITS];
    /* Bits: a block begins in this unit of the piece; its index in the leaf is place[unit]. */
    uint64_t begins = 0;
    __m128i tags = leaf_tags(leaf);
    unsigned none = leaf_find(tags, 0) | leaf_find(tags, LEAF_NO_PLACE);
    for (unsigned left = ~none & ((1u << LEAF_TAGS) - 1); left; left &= left - 1) {
        unsigned k = (unsigned)__builtin_ctz(left);
        place[leaf->tag[k] / 8] = (uint8_t)k;
        begins |= 1ull << leaf->tag[k] / 8;
    }
    if (listing->from > first)
        begins &= ~0ull << (listing->from - first + 7) / 8;
    if (listing->to - first < 1u << BLOCKS_PIECE_SHIFT)
        begins &= (1ull << (listing->to - first + 7) / 8) - 1;
    for (; begins; begins &= begins - 1) {
        unsigned unit = (unsigned)__builtin_ctzll(begins);
        uint64_t address = first + unit * 8;
        if (listing->next == listing->end) {
            listing->from = address;
            return false;
        }
        listing->next += look_at(blocks, address, leaf->value[place[unit]], listing->next);
    }
    return true;
}

/* Lists all blocks of a leaf if its places are ordered by address, as they are when the blocks were allocated
 * one after the other. There must be room for all. False, with nothing listed, if they are not. */
INLINE bool list_sorted(const struct blocks *blocks, const struct leaf *leaf, uint64_t first,
                        struct listing *listing)
{
    __m128i tags = leaf_tags(leaf);
    tags = _mm_or_si128(tags, _mm_cmpeq_epi8(tags, _mm_setzero_si128())); /* free like missing ones */
    __m128i highest = _mm_max_epu8(tags, _mm_slli_si128(tags, 1));
    if (_mm_movemask_epi8(_mm_cmpeq_epi8(highest, tags)) != (1 << LEAF_TAGS) - 1)
        return false;
    struct block *next = listing->next;
    for (unsigned left = ~leaf_find(tags, LEAF_NO_PLACE) & ((1u << LEAF_TAGS) - 1); left; left &= left - 1) {
        unsigned k = (unsigned)__builtin_ctz(left);
        next += look_at(blocks, first + (leaf->tag[k] & ~1u), leaf->value[k], next);
    }
    listing->next = next;
    return true;
}

/* Lists a piece's blocks that are in the range. False if there was no room for all. */
INLINE bool list_piece(const struct blocks *blocks, uint32_t piece, uint64_t first, struct listing *listing)
{
    bool is_whole = listing->from <= first && listing->to - first >= 1u << BLOCKS_PIECE_SHIFT;
    if (LIKELY(class_of(piece) != SPLIT && is_whole && listing->end - listing->next >= LEAF_TAGS) &&
        LIKELY(list_sorted(blocks, blocks_leaf_at(blocks, piece), first, listing)))
        return true;
    struct leaf *leaves[2];
    unsigned count = leaves_of(blocks, piece, leaves);
    for (unsigned i = 0; i < count; i++)
        if (!list_leaf(blocks, leaves[i], first, listing))
            return false;
    return true;
}

/* Lists one page of a region's pieces, from the beginning of the range on. */
static void list_page(const struct blocks *blocks, const struct region *region, struct listing *listing)
{
    size_t at = listing->from >> BLOCKS_PIECE_SHIFT & (BLOCKS_PIECES - 1), page = at / PIECES_A_PAGE;
    size_t end = (page + 1) * PIECES_A_PAGE;
    uint64_t first = listing->from & ~((1ull << BLOCKS_PIECE_SHIFT) - 1);
    if (!(region->touched[page / 64] >> (page & 63) & 1)) {
        listing->from = first + ((end - at) << BLOCKS_PIECE_SHIFT);
        return;
    }
    for (; at < end && first < listing->to && listing->next < listing->end; at++) {
        /* In a heap that has been used for a while, the leaves of neighbouring pieces are scattered. */
        if (at + FETCH_AHEAD < end)
            __builtin_prefetch(blocks_leaf_at(blocks, region->pieces[at + FETCH_AHEAD]));
        if (region->pieces[at] && !list_piece(blocks, region->pieces[at], first, listing))
            return;
        first += 1u << BLOCKS_PIECE_SHIFT;
        listing->from = first;
    }
}

size_t blocks_range(const struct blocks *blocks, uint64_t *from, uint64_t to, struct block *list, size_t room)
{
    struct listing listing = {.next = list, .end = list + room, .from = *from, .to = to};
    while (listing.from < to && listing.next < listing.end) {
        const struct region *region = next_region(blocks, listing.from >> BLOCKS_REGION_SHIFT);
        uint64_t start = region ? (uint64_t)region->number << BLOCKS_REGION_SHIFT : to;
        if (start > listing.from)
            listing.from = start;
        else
            list_page(blocks, region, &listing);
    }
    *from = listing.from < to ? listing.from : to;
    return (size_t)(listing.next - list);
}
