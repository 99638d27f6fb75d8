/* content_looks.c - see content_looks.h. */
#define _GNU_SOURCE
#include "content_looks.h"
#include "blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <uthash.h>

#define READS_A_WALK 4096u
#define READ_NS 1500u          /* reading and hashing a block of a page that nothing else was read of */
#define SITE_A_WALK 1024u      /* blocks that are read, of a site, at most */
#define SITE_LEAST 1000u       /* fewer live blocks do not matter, */
#define SITE_PART 100u         /* nor does less than a hundredth of the heap */
#define BLOCKS_A_WALK 1000000u /* of more, some pages are passed over */
#define DONE_MOST 65536u       /* blocks that wait to be counted */
#define KNOWN_MOST 65536u      /* blocks that are remembered */
#define NEVER UINT32_MAX       /* as a bound */

struct known_content {
    struct {
        uint64_t process, address;
    } key;
    struct content_key was;
    uint64_t first_ns; /* when that was first seen */
    UT_hash_handle hh;
};

/* ---- picking ------------------------------------------------------------------------------------ */

/* MurmurHash3's end: regular addresses make irregular numbers. */
INLINE uint32_t mix(uint64_t address)
{
    uint64_t x = address >> 3;
    x = (x ^ x >> 33) * 0xff51afd7ed558ccdull;
    x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ull;
    return (uint32_t)(x >> 32);
}

/* What of a site's blocks is compared; false: nothing. */
static bool is_compared(const struct content_looks *looks, const struct site *site,
                        struct python_value *value)
{
    const struct arena_frame end = object_types_end(looks->process, site);
    const struct object_type *type =
        end.kind == WIRE_FRAME_TYPE ? object_types_find(looks->process, end.owner) : NULL;
    *value = type ? type->value : (struct python_value){0};
    return end.kind == WIRE_FRAME_NATIVE || value->known;
}

/* From which hash of an address on the blocks of a site are picked. */
static uint32_t bound_of(const struct content_looks *looks, const struct site *site)
{
    uint64_t live = site->allocations - site->frees, bytes = site->bytes - site->freed_bytes,
             all = looks->ledger->heap.bytes;
    struct python_value value;
    if (live < SITE_LEAST || bytes < all / SITE_PART || !all || !is_compared(looks, site, &value))
        return NEVER;
    double want = (double)looks->most * (double)bytes / (double)all, there = (double)live / looks->apart;
    want = want < SITE_A_WALK ? want : SITE_A_WALK;
    return want < there ? NEVER - (uint32_t)((double)NEVER * want / there) - 1 : 1;
}

/* A block is to be picked, or its site was met for the first time in this walk. */
static __attribute__((noinline)) void turn(struct content_looks *looks, uint32_t index, uint64_t address,
                                           uint32_t size, uint32_t number)
{
    uint32_t *bound = (uint32_t *)looks->bounds.memory + index;
    const struct site *site = ledger_site(looks->ledger, index);
    if (site->process != looks->process->index)
        return;
    if (*bound == 0)
        *bound = bound_of(looks, site);
    bool on_page = (address & 4095) + size <= 4096;
    if (*bound == NEVER || number < *bound || !looks->left || !on_page || size == 0 || size > CONTENT_BYTES)
        return;
    struct content_block block = {.key = {.site = index, .size = size, .address = address},
                                  .process = looks->process};
    if (!is_compared(looks, site, &block.value))
        return;
    looks->left--;
    looks->picked[looks->picked_count++] = block;
    if (looks->picked_count == CONTENT_PICKS)
        content_looks_read(looks);
}

/* Of very many blocks some pages are passed over. */
static bool is_passed_over(const struct content_looks *looks, uint64_t page)
{
    return !looks->site_count || (looks->apart > 1 && mix(page + 1) > NEVER / looks->apart);
}

INLINE void pass(struct content_looks *looks, const uint32_t *bounds, uint32_t index, uint64_t address,
                 uint32_t size)
{
    uint32_t number = mix(address);
    if (index < looks->site_count && UNLIKELY(number >= bounds[index]))
        turn(looks, index, address, size, number);
}

void content_looks_page(struct content_looks *looks, uint64_t page, const struct page_blocks *list)
{
    if (is_passed_over(looks, page))
        return;
    const uint32_t *bounds = looks->bounds.memory;
    for (uint32_t i = 0; i < list->count; i++)
        pass(looks, bounds, list->owner[i], page + list->at[i], list->size[i]);
}

void content_looks_list(struct content_looks *looks, const struct block *list, size_t count)
{
    if (!count || is_passed_over(looks, list->address & ~4095ull))
        return;
    const uint32_t *bounds = looks->bounds.memory;
    for (size_t i = 0; i < count; i++)
        if (list[i].size <= CONTENT_BYTES)
            pass(looks, bounds, list[i].site, list[i].address, (uint32_t)list[i].size);
}

void content_looks_begin(struct content_looks *looks, uint64_t ns)
{
    looks->most = ns / READ_NS < READS_A_WALK ? (uint32_t)(ns / READ_NS) + 1 : READS_A_WALK;
    looks->left = looks->most + looks->most / 4;
    if (looks->bounds.memory)
        memset(looks->bounds.memory, 0, looks->bounds.room);
    looks->site_count = 0;
}

void content_looks_at(struct content_looks *looks, struct tracked_process *process,
                      const struct ledger *ledger)
{
    looks->process = process;
    looks->ledger = ledger;
    looks->apart = (uint32_t)(ledger->heap.blocks / BLOCKS_A_WALK) + 1;
    bool reads = !looks->off && !process->unreadable && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0;
    const uint32_t *last = GROW_AT(&looks->bounds, uint32_t, ledger->count);
    looks->site_count = last && reads ? ledger->count + 1 : 0;
}

/* ---- reading ------------------------------------------------------------------------------------ */

/* Reads blocks, until one is not there. Returns how many; -1 = none. */
static int read_blocks(struct content_looks *looks, unsigned from)
{
    struct iovec here[CONTENT_PICKS] = {0}, there[CONTENT_PICKS] = {0};
    const unsigned count = looks->picked_count - from;
    const struct content_block *blocks = looks->picked + from;
    unsigned read = 0;
    for (unsigned i = 0; i < count; i++) {
        here[i] = (struct iovec){looks->bytes[from + i], blocks[i].key.size};
        there[i] = (struct iovec){(void *)(uintptr_t)blocks[i].key.address, blocks[i].key.size};
    }
    ssize_t got = process_vm_readv(looks->process->facts.pid, here, count, there, count, 0);
    if (got < 0)
        return -1;
    for (; read < count && (size_t)got >= blocks[read].key.size; read++)
        got -= (ssize_t)blocks[read].key.size;
    return (int)read;
}

static void take(struct content_looks *looks, struct content_block block, unsigned char *bytes)
{
    if (block.value.known && !python_value_only(&block.value, bytes, block.key.size))
        return;
    struct content_block *read = GROW_AT(&looks->read, struct content_block, looks->read_count);
    if (!read)
        return;
    block.key.hash = content_hash(bytes, block.key.size);
    *read = block;
    looks->read_count++;
}

void content_looks_read(struct content_looks *looks)
{
    for (unsigned at = 0; at < looks->picked_count;) {
        int read = read_blocks(looks, at);
        for (int i = 0; i < read; i++)
            take(looks, looks->picked[at + (unsigned)i], looks->bytes[at + (unsigned)i]);
        if (read < 0 && errno != EFAULT) {
            looks->process->unreadable |= errno != ESRCH;
            break;
        }
        at += (unsigned)(read > 0 ? read : 0) + 1; /* that one is not there any more */
    }
    looks->picked_count = 0;
}

/* ---- counting ----------------------------------------------------------------------------------- */

void content_looks_settle(struct content_looks *looks)
{
    const struct content_block *read = looks->read.memory;
    for (uint32_t i = 0; i < looks->read_count && looks->done_count < DONE_MOST; i++) {
        const struct content_key *key = &read[i].key;
        struct content_block *done =
            read[i].process->ended || blocks_peek_site(&read[i].process->blocks, key->address) != key->site
                ? NULL
                : GROW_AT(&looks->done, struct content_block, looks->done_count);
        if (!done)
            continue;
        *done = read[i];
        looks->done_count++;
    }
    looks->read_count = 0;
}

/* Compares a block with what it held when it was looked at before, and remembers it. */
static void compare(struct content_looks *looks, const struct content_block *block, struct content_site *site,
                    uint64_t now_ns)
{
    struct known_content *known, key = {.key = {block->process->index, block->key.address}};
    HASH_FIND(hh, looks->known, &key.key, sizeof key.key, known);
    if (known && known->was.site == block->key.site && known->was.size == block->key.size) {
        site->again += known->first_ns != now_ns; /* else it is in the list twice */
        site->changed += known->was.hash != block->key.hash;
        if (now_ns - known->first_ns > site->apart_ns)
            site->apart_ns = now_ns - known->first_ns;
        return;
    }
    if (!known) {
        known = HASH_COUNT(looks->known) < KNOWN_MOST ? calloc(1, sizeof *known) : NULL;
        if (!known)
            return;
        known->key.process = key.key.process;
        known->key.address = key.key.address;
        HASH_ADD(hh, looks->known, key, sizeof known->key, known);
    }
    known->was = block->key;
    known->first_ns = now_ns;
}

static void count_site(struct content_looks *looks, const struct content_block *blocks, size_t count,
                       const struct content_counts *counts, uint64_t now_ns)
{
    const uint32_t index = blocks->key.site;
    struct content_site *site = GROW_AT(&looks->sites, struct content_site, index);
    if (!site)
        return;
    const struct site *of = ledger_site(looks->ledger, index);
    uint64_t live_bytes = of->bytes - of->freed_bytes;
    uint32_t again = site->again;
    site->again = 0;
    for (size_t i = 0; i < count; i++)
        compare(looks, &blocks[i], site, now_ns);
    site->again = site->again > again ? site->again : again;
    /* A look with little time sees few blocks. */
    if ((double)live_bytes * counts->blocks >= (double)site->live_bytes * site->counts.blocks) {
        site->live_bytes = live_bytes;
        site->counts = *counts;
    }
    looks->new_count += !site->is_new;
    site->is_new = true;
}

static int by_content(const void *a, const void *b)
{
    return content_order(&((const struct content_block *)a)->key, &((const struct content_block *)b)->key);
}

void content_looks_finish(struct content_looks *looks, const struct tracked_process *process, uint64_t now_ns)
{
    struct content_block *done = looks->done.memory;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < looks->done_count; i++) /* those of others to the front */
        if (process && done[i].process != process) {
            struct content_block other = done[i];
            done[i] = done[kept];
            done[kept++] = other;
        }
    size_t count = looks->done_count - kept, of_site = 0;
    if (count)
        qsort(done + kept, count, sizeof *done, by_content);
    for (size_t i = kept; i < kept + count; i += of_site) {
        struct content_counts counts;
        of_site = content_count(&done[i].key, sizeof *done, kept + count - i, &counts);
        count_site(looks, &done[i], of_site, &counts, now_ns);
    }
    looks->done_count = kept;
}

struct content_result *content_looks_take(struct content_looks *looks, size_t *count)
{
    struct content_result *taken = looks->new_count ? malloc(looks->new_count * sizeof *taken) : NULL;
    struct content_site *sites = looks->sites.memory;
    *count = 0;
    for (size_t i = 0; taken && i < looks->sites.room / sizeof *sites && *count < looks->new_count; i++) {
        if (!sites[i].is_new)
            continue;
        const struct site *site = ledger_site(looks->ledger, (uint32_t)i);
        taken[(*count)++] =
            (struct content_result){(uint32_t)i, site->node, site->process, site->thread, sites[i]};
        sites[i].is_new = false;
    }
    if (taken)
        looks->new_count = 0;
    return taken;
}
