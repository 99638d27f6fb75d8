/* object_looks.c - see object_looks.h. */
#define _GNU_SOURCE
#include "object_looks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>
#include <uthash.h>

#define LOOKS_A_WALK 4096u     /* at most, what it takes to find classes included */
#define LIST_NS 60u            /* passing over a block without its page, sites that are new included */
#define LOOK_NS 1200u          /* reading a word of a page that nothing else was read of */
#define BLOCKS_A_WALK 1000000u /* are passed over, at 1.5 ns each */
#define SITE_A_WALK 256u       /* looks at most, of a site */
#define SITE_MOST 1024u        /* looks at a site, in all */
#define SITE_WITHOUT 16u       /* so many of a site without an object are enough */
#define SITE_OWNERS 8u         /* looks at a site of Python's objects, in all, the first object included */
#define SITE_LARGE 1024        /* sites that hold one in so many bytes of the heap are not passed over */
#define TYPE_OFTEN 128u        /* looks at a type that find nothing new before they become rarer */
#define NEVER UINT32_MAX
#define KNOWN_MOST 20000u /* words that are remembered */
#define DONE_MOST 65536u  /* looks that wait for the writer */

struct known_vtable {
    struct {
        uint64_t process, word;
    } key;
    uint32_t walk;              /* when that was last found out, as libraries may come and go */
    struct object_class *class; /* NULL = it is no vtable */
    UT_hash_handle hh;
};

/* ---- picking ------------------------------------------------------------------------------------ */

/* xorshift64*: from 1 to most, the same row of numbers in each run. */
static uint32_t pick_number(struct object_looks *looks, uint64_t most)
{
    uint64_t x = looks->random ? looks->random : 88172645463325252ull;
    x ^= x >> 12;
    x ^= x << 25;
    looks->random = x ^= x >> 27;
    uint64_t number = (uint32_t)(x * 0x2545f4914f6cdd1dull >> 32) % most + 1;
    return number < NEVER ? (uint32_t)number : NEVER - 1;
}

/* Blocks of a site from one that is picked to the next, on average, on the pages that are looked at. */
static uint64_t distance(const struct object_looks *looks, const struct site *site)
{
    uint64_t live = (site->allocations - site->frees) / looks->apart;
    uint64_t of_site = live / SITE_A_WALK, of_all = live * looks->ledger->count / looks->most;
    uint64_t most = of_site > of_all ? of_site : of_all;
    return most > 1 ? (most < NEVER / 2 ? most : NEVER / 2) : 1;
}

/* Whether the first object of a site that is met is looked at. */
static bool is_time_for(struct object_looks *looks, struct object_type *type, const struct site *site)
{
    uint64_t bytes = site->bytes - site->freed_bytes;
    return pick_number(looks, type->picked++ / TYPE_OFTEN + 1) == 1 ||
           bytes >= looks->ledger->heap.bytes / SITE_LARGE;
}

static bool is_looked_at(const struct object_looks *looks, const struct object_site *known, uint32_t kind,
                         const struct object_type *type)
{
    if (kind == WIRE_FRAME_TYPE)
        return type && type->owner.count && known->looks < SITE_OWNERS;
    return kind == WIRE_FRAME_NATIVE && looks->mappings && known->looks < SITE_MOST &&
           (known->objects || known->looks < SITE_WITHOUT);
}

/* A site of objects that share attributes' names was met: of each type one is read in a walk, as long as half of all reads is
 * left for memory, of which a program with many classes has more kinds, too; and a quarter is for types of which none was yet. */
static void pick_instance(struct object_looks *looks, struct object_type *type, struct object_block block)
{
    uint32_t kept = type->keys_walk ? looks->most / 4 * 3 : looks->most / 2;
    if (type->keys_walk == looks->walk || looks->left < kept + PYTHON_KEYS_READS)
        return;
    type->keys_walk = looks->walk;
    looks->left -= PYTHON_KEYS_READS;
    looks->instances[looks->instance_count++] = (struct object_instance){block, type->keys};
    if (looks->instance_count == OBJECT_INSTANCES)
        object_looks_read(looks);
}

/* It is a block's turn, or the site's first block was met. */
static __attribute__((noinline)) void turn(struct object_looks *looks, struct object_site *known,
                                           uint32_t index, uint64_t address, uint64_t size)
{
    const struct site *site = ledger_site(looks->ledger, index);
    bool is_first = known->skip == NEVER;         /* 0 before it was counted down */
    bool again = known->shares;                   /* first in this walk only */
    if (site->process != looks->process->index) { /* a block from before a fork: that is the other's site */
        known->skip = 0;
        return;
    }
    const struct arena_frame end = object_types_end(looks->process, site);
    struct object_type *type =
        end.kind == WIRE_FRAME_TYPE ? object_types_find(looks->process, end.owner) : NULL;
    if (type && type->keys.at) {
        known->shares = true;
        pick_instance(looks, type,
                      (struct object_block){.address = address, .process = looks->process, .site = index});
    }
    if (!is_looked_at(looks, known, end.kind, type)) {
        known->skip = NEVER;
        return;
    }
    uint64_t apart = distance(looks, site);
    if (type && is_first)
        is_first = again || !is_time_for(looks, type, site);
    known->skip = pick_number(looks, is_first ? apart : 2 * apart - 1);
    if (is_first && --known->skip > 0)
        return;
    if (is_first)
        known->skip = pick_number(looks, 2 * apart - 1);
    uint32_t bytes = type ? python_owner_size(&type->owner) : sizeof(uint64_t);
    if (!looks->left || size < bytes || bytes > OBJECT_BYTES || size >= PAGE_BLOCK_LARGE)
        return;
    looks->left--;
    looks->picked[looks->picked_count++] = (struct object_block){
        .address = address, .process = looks->process, .site = index, .size = bytes, .type = end.owner};
    if (type)
        looks->picked[looks->picked_count - 1].owner = type->owner;
    if (looks->picked_count == OBJECT_PICKS)
        object_looks_read(looks);
}

/* The walk lists millions of blocks: this is all that it costs for most of them. */
INLINE void pass(struct object_looks *looks, uint32_t index, uint64_t address, uint64_t size)
{
    struct object_site *known = (struct object_site *)looks->sites.memory + index;
    if (UNLIKELY(index < looks->site_count && known->skip-- <= 1))
        turn(looks, known, index, address, size);
}

static bool is_skipped(struct object_looks *looks)
{
    if (looks->apart == 1)
        return false;
    if (looks->skip > 1)
        return looks->skip--;
    looks->skip = pick_number(looks, 2 * looks->apart - 1);
    return false;
}

void object_looks_page(struct object_looks *looks, uint64_t page, const struct page_blocks *list)
{
    if (is_skipped(looks))
        return;
    for (uint32_t i = 0; i < list->count; i++)
        pass(looks, list->owner[i], page + list->at[i], list->size[i]);
}

void object_looks_list(struct object_looks *looks, const struct block *list, size_t count)
{
    if (is_skipped(looks))
        return;
    for (size_t i = 0; i < count; i++)
        pass(looks, list[i].site, list[i].address, list[i].size);
}

void object_looks_begin(struct object_looks *looks, uint64_t ns)
{
    looks->most = ns / LOOK_NS < LOOKS_A_WALK ? (uint32_t)(ns / LOOK_NS) + 1 : LOOKS_A_WALK;
    looks->left = looks->most;
    looks->walk++;
    struct object_site *sites = looks->sites.memory;
    /* The time may have been over before it was the turn of some. */
    for (uint32_t i = 0; i < looks->site_count; i++)
        if (sites[i].shares || (sites[i].looks == 0 && sites[i].skip < NEVER / 2))
            sites[i].skip = 0;
}

void object_looks_at(struct object_looks *looks, struct tracked_process *process, const struct ledger *ledger,
                     const struct mappings *mappings)
{
    looks->process = process;
    looks->ledger = ledger;
    looks->mappings = mappings;
    looks->apart = (uint32_t)(ledger->heap.blocks / BLOCKS_A_WALK) + 1;
    const struct object_site *last = GROW_AT(&looks->sites, struct object_site, ledger->count);
    looks->site_count = last && !looks->off && !process->unreadable ? ledger->count + 1 : 0;
}

/* ---- reading ------------------------------------------------------------------------------------ */

/* True if all of it is in a module, or in memory of zeroes that it has behind its file. */
static bool is_in_module(const struct mappings *mappings, uint64_t address, size_t size)
{
    size_t low = 0, high = mappings->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (mappings->list[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return false;
    const struct mapping *at = &mappings->list[low - 1], *before = low > 1 ? at - 1 : NULL;
    if (address >= at->end || size > at->end - address)
        return false;
    return at->inode ||
           (before && before->inode && before->end == at->start && *mapping_name(mappings, at) == '\0');
}

/* Of a service or a container whose seccomp filter kills for a system call that programs seldom make, we have the filter,
 * too. Then memory is read like a file, a word at a time. Returns a descriptor; -1: not so, or it cannot be read. */
static int open_memory(const struct tracked_process *process, bool *instead)
{
    char path[64];
    *instead = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0;
    if (!*instead)
        return -1;
    snprintf(path, sizeof path, "/proc/%d/mem", process->facts.pid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

struct words {
    uint64_t word[OBJECT_BYTES / sizeof(uint64_t)];
};

/* Reads the first words of blocks, until those of one are not there. Returns of how many; -1 = of none. */
static int read_words(const struct object_looks *looks, struct words *words,
                      const struct object_block *blocks, unsigned count)
{
    struct iovec here[OBJECT_PICKS], there[OBJECT_PICKS];
    unsigned read = 0;
    for (unsigned i = 0; i < count; i++) {
        here[i] = (struct iovec){words[i].word, blocks[i].size};
        there[i] = (struct iovec){(void *)(uintptr_t)blocks[i].address, blocks[i].size};
    }
    if (looks->memory < 0) {
        ssize_t got = process_vm_readv(looks->process->facts.pid, here, count, there, count, 0);
        for (; got > 0 && read < count && (size_t)got >= blocks[read].size; read++)
            got -= (ssize_t)blocks[read].size;
        return got < 0 ? -1 : (int)read;
    }
    while (read < count && pread(looks->memory, words[read].word, blocks[read].size,
                                 (off_t)blocks[read].address) == (ssize_t)blocks[read].size)
        read++;
    errno = EFAULT;
    return read ? (int)read : -1;
}

static bool read_any(void *data, uint64_t address, void *to, size_t size)
{
    const struct object_looks *looks = data;
    struct iovec here = {to, size}, there = {(void *)(uintptr_t)address, size};
    if (looks->memory >= 0)
        return address >> 47 == 0 && pread(looks->memory, to, size, (off_t)address) == (ssize_t)size;
    return process_vm_readv(looks->process->facts.pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

static bool read_module(void *data, uint64_t address, void *to, size_t size)
{
    struct object_looks *looks = data;
    if (!is_in_module(looks->mappings, address, size))
        return false;
    looks->left -= looks->left > 0;
    return read_any(looks, address, to, size);
}

/* Of an object that begins with a word; the one from before if nothing has changed. NULL = it is no object. */
static struct object_class *class_of(struct object_looks *looks, uint64_t word, struct object_class *before)
{
    struct rtti rtti;
    enum rtti_result result = rtti_look(read_module, looks, word, &rtti);
    size_t size = result == RTTI_CLASS ? rtti.size : 0;
    if (result == RTTI_NO || (before && before->size == size && memcmp(before->names, rtti.names, size) == 0))
        return result == RTTI_NO ? NULL : before;
    struct object_class *class = malloc(offsetof(struct object_class, names) + size);
    if (!class)
        return NULL;
    class->process = looks->process->index;
    class->vtable = word;
    class->size = size;
    memcpy(class->names, rtti.names, size);
    return class;
}

static const struct object_class *look_up(struct object_looks *looks, uint64_t word)
{
    struct known_vtable *known;
    if (word % sizeof word != 0 || !is_in_module(looks->mappings, word, 0))
        return NULL;
    struct known_vtable key = {.key = {looks->process->index, word}};
    HASH_FIND(hh, looks->known, &key.key, sizeof key.key, known);
    if (!known) {
        known = HASH_COUNT(looks->known) < KNOWN_MOST ? calloc(1, sizeof *known) : NULL;
        if (!known)
            return NULL;
        known->key.process = key.key.process;
        known->key.word = word;
        HASH_ADD(hh, looks->known, key, sizeof known->key, known);
    }
    if (known->walk != looks->walk)
        known->class = class_of(looks, word, known->class);
    known->walk = looks->walk;
    return known->class;
}

static void take(struct object_looks *looks, struct object_block block)
{
    struct object_block *read = GROW_AT(&looks->read, struct object_block, looks->read_count);
    if (!read)
        return;
    *read = block;
    looks->read_count++;
}

/* ---- memory of Python's objects: blocks that a word is the address of ------------------------------ */

static uint32_t site_of_large(const struct blocks *blocks, uint64_t address)
{
    struct block block;
    return blocks_range(blocks, &address, address + 1, &block, 1) ? block.site : 0;
}

/* The site of the block at an address, which may be anything; 0 = there is none. */
static uint32_t site_at(const struct blocks *blocks, uint64_t address)
{
    if (address >> 48 || address % 8)
        return 0;
    const struct leaf *leaf = blocks_leaf(blocks, address);
    uint32_t site = blocks_peek_site(blocks, address);
    return LIKELY(site || !leaf_find(leaf_tags(leaf), leaf_tag(address))) ? site
                                                                          : site_of_large(blocks, address);
}

static bool is_memory(const struct object_looks *looks, uint32_t index)
{
    const struct site *site = ledger_site(looks->ledger, index);
    return site->process == looks->process->index &&
           object_types_end(looks->process, site).kind == WIRE_FRAME_CALL;
}

/* Notes that memory of a site's call was met. */
static void meet_call(const struct object_looks *looks, uint32_t index, uint32_t type)
{
    uint32_t frame = (uint32_t)arena_node(looks->process->slot, ledger_site(looks->ledger, index)->node);
    bool *met = frame <= ARENA_FRAMES_MAX ? GROW_AT(&looks->process->calls, bool, frame) : NULL;
    struct object_type *of = met && !*met ? object_types_find(looks->process, type) : NULL;
    if (!of)
        return;
    *met = true;
    of->picked = 0;
}

/* The address of the block that a word at such a place stands for; it may be of none. */
static uint64_t memory_at(const struct object_looks *looks, const struct python_place *place, uint64_t word)
{
    const struct blocks *blocks = &looks->process->blocks;
    if (!place->inside)
        return word;
    word += word & 1;
    for (uint64_t back = 8; back <= PYTHON_INSIDE && back < word; back += 8)
        if (site_at(blocks, word - back))
            return word - back;
    return 0;
}

static void take_owner(struct object_looks *looks, const struct object_block *block,
                       const struct words *words)
{
    const struct python_owner *owner = &block->owner;
    take(looks, *block);
    for (uint32_t i = 0; i < owner->count; i++) {
        const struct python_place *place = &owner->places[i];
        uint64_t word = words->word[(owner->headers + place->at) / sizeof word];
        uint64_t address = memory_at(looks, place, word);
        uint32_t site = site_at(&looks->process->blocks, address);
        if (!site || !is_memory(looks, site))
            continue;
        meet_call(looks, site, block->type);
        take(looks, (struct object_block){
                        .address = address, .process = block->process, .site = site, .memory = place->what});
    }
}

static void take_words(struct object_looks *looks, const struct object_block *block,
                       const struct words *words)
{
    struct object_block read = *block;
    if (read.owner.count) {
        take_owner(looks, block, words);
        return;
    }
    read.class = look_up(looks, words->word[0]);
    take(looks, read);
}

static void read_picked(struct object_looks *looks)
{
    struct words words[OBJECT_PICKS];
    const struct object_block *picked = looks->picked;
    for (unsigned at = 0; at < looks->picked_count;) {
        int read = read_words(looks, words, picked + at, looks->picked_count - at);
        for (int i = 0; i < read; i++)
            take_words(looks, &picked[at + (unsigned)i], &words[i]);
        at += (unsigned)(read > 0 ? read : 0) + 1; /* that one is not there any more */
        if (read < 0 && errno != EFAULT) {
            looks->process->unreadable |= errno != ESRCH;
            break;
        }
    }
}

static void read_instances(struct object_looks *looks)
{
    for (unsigned i = 0; i < looks->instance_count; i++) {
        struct object_block block = looks->instances[i].block;
        int64_t count = python_keys_read(&looks->instances[i].keys, block.address, read_any, looks);
        if (count < 0)
            continue;
        block.keys = (uint32_t)count + 1;
        take(looks, block);
    }
}

void object_looks_read(struct object_looks *looks)
{
    bool instead = false;
    looks->memory = looks->picked_count + looks->instance_count ? open_memory(looks->process, &instead) : -1;
    if (instead && looks->memory < 0) {
        looks->process->unreadable |= errno != ENOENT && errno != ESRCH;
    } else {
        read_picked(looks);
        read_instances(looks);
    }
    looks->instance_count = 0;
    if (looks->memory >= 0)
        close(looks->memory);
    looks->picked_count = 0;
}

#define LISTED 256

void object_looks_alone(struct object_looks *looks, struct tracked_process *process,
                        const struct ledger *ledger, uint64_t list_ns, uint64_t look_ns)
{
    struct block list[LISTED];
    uint64_t apart = blocks_count(&process->blocks) * (uint64_t)LIST_NS / (list_ns + 1) + 1;
    object_looks_begin(looks, look_ns);
    object_looks_at(looks, process, ledger, NULL);
    for (uint64_t from = 0, to = 1ull << 48, end; looks->site_count && from < to;
         from = end + (apart - 1) * (end - from)) {
        end = from;
        size_t count = blocks_range(&process->blocks, &end, to, list, LISTED);
        object_looks_list(looks, list, count);
        if (count < LISTED)
            break;
        from = list[0].address;
    }
    object_looks_read(looks);
}

/* ---- counting ----------------------------------------------------------------------------------- */

static bool is_there(const struct object_block *block)
{
    return !block->process->ended && site_at(&block->process->blocks, block->address) == block->site;
}

static bool settle(struct object_looks *looks, const struct object_block *block)
{
    struct object_look *done =
        looks->done_count < DONE_MOST ? GROW_AT(&looks->done, struct object_look, looks->done_count) : NULL;
    if (!done)
        return false;
    const struct site *site = ledger_site(looks->ledger, block->site);
    *done = (struct object_look){block->site,  site->node,    site->process,
                                 block->class, block->memory, block->keys};
    looks->done_count++;
    return true;
}

void object_looks_settle(struct object_looks *looks)
{
    const struct object_block *read = looks->read.memory;
    bool has_owner = false;
    for (uint32_t i = 0; i < looks->read_count; i++) {
        const struct object_block *block = &read[i];
        struct object_site *known = (struct object_site *)looks->sites.memory + block->site;
        bool there = is_there(block), is_owner = block->owner.count != 0;
        if (is_owner)
            has_owner = there;
        if (!there || (block->memory && !has_owner))
            continue;
        if (!is_owner && !settle(looks, block))
            break;
        if (block->keys)
            continue;
        known->looks += !block->memory;
        known->objects += block->class != NULL;
    }
    looks->read_count = 0;
}

struct object_look *object_looks_take(struct object_looks *looks, size_t *count)
{
    size_t size = looks->done_count * sizeof(struct object_look);
    struct object_look *taken = size ? malloc(size) : NULL;
    *count = taken ? looks->done_count : 0;
    if (!taken)
        return NULL;
    memcpy(taken, looks->done.memory, size);
    looks->done_count = 0;
    return taken;
}
