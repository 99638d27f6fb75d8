/* blocks.c - see blocks.h. */
#define _GNU_SOURCE
#include "blocks_private.h"
#include "shortage.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SWEEP_FROM ((size_t)1 << 20) /* bytes of leaves: with fewer there is no sweep */
#define SWEEP_PART 4                 /* this share of them must have been taken since the last sweep */
/* Bytes of leaves for each block: beyond that, many leaves must be empty. */
#define SPARSE 64

/* By class of leaf; the last is that of split pieces. */
static const unsigned units[LEAF_CLASSES + 1] = {1, 2, 3, 5, 1};

/* ---- leaves ------------------------------------------------------------------------------------ */

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
    /* Zeroing a huge page takes as long as a program needs to fill its ring: it would have to wait. */
    blocks->leaf_memory.small_pages = true;
    if (first >> (32 - LEAF_CLASS_BITS) || !grow_to(&blocks->leaf_memory, blocks->leaf_bytes + PAGE))
        return false;
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
    memset(leaf->tag, 0, places_of(class));
    memset(leaf->tag + places_of(class), LEAF_NO_PLACE, LEAF_TAGS - places_of(class));
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

static bool has_room(const struct leaf *leaf)
{
    return leaf_find(leaf_tags(leaf), 0) != 0;
}

/* Like leaf_part(), of the half that a block with that tag is in. */
static unsigned part_of_half(uint8_t tag)
{
    return leaf_part((uint8_t)(tag << 1));
}

/* Adds a block to a leaf that is not full; part: as for leaf_place(). */
static void add_to(struct leaf *leaf, unsigned part, uint8_t tag, uint64_t value)
{
    assert(has_room(leaf));
    unsigned place = leaf_place(leaf, leaf_find(leaf_tags(leaf), 0), part);
    leaf->tag[place] = tag;
    leaf->value[place] = value;
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
        add_to(to, part_of_half(from->tag[k]), from->tag[k], from->value[k]);
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
    for (unsigned k = 0; k < places_of(class_of(old)); k++)
        add_to(to, leaf_part(from->tag[k]), from->tag[k], from->value[k]);
    free_leaf(blocks, old);
    *piece = larger;
    return true;
}

/* Finds or makes a leaf with a free place for this address, which must not be in it; NULL = out of memory. */
static struct leaf *make_place(struct blocks *blocks, uint64_t address)
{
    uint32_t number = (uint32_t)(address >> BLOCKS_REGION_SHIFT);
    uint32_t *piece = half_of(blocks, blocks_piece(blocks, address), address);
    if (piece && *piece && has_room(blocks_leaf_at(blocks, *piece)))
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
    return has_room(leaf) ? leaf : NULL;
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
    uint8_t tag = leaf_tag(block->address);
    bool is_half = class_of(*blocks_piece(blocks, block->address)) == SPLIT;
    add_to(leaf, is_half ? part_of_half(tag) : leaf_part(tag), tag,
           blocks_fits(block) ? blocks_pack(blocks, block) : BLOCKS_ODD);
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

bool blocks_resite(struct blocks *blocks, const struct block *block, uint32_t site)
{
    struct leaf *leaf = blocks_leaf(blocks, block->address);
    unsigned found = leaf_find(leaf_tags(leaf), leaf_tag(block->address));
    uint64_t *value = found ? &leaf->value[__builtin_ctz(found)] : NULL;
    bool quick =
        value && *value != BLOCKS_ODD && blocks_address_fits(block->address) && blocks_site_fits(site);
    struct block now, none;
    if (quick)
        now = blocks_unpack(blocks, block->address, *value);
    else if (!blocks_take_slow(blocks, block->address, &now))
        return false;
    bool same = now.site == block->site && now.size == block->size;
    if (same)
        now.site = site;
    if (quick)
        *value = blocks_pack(blocks, &now);
    else if (blocks_put_slow(blocks, &now, &none) < 0)
        return false;
    return same;
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
