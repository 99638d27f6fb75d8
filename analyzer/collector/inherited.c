/* inherited.c - see inherited.h. */
#include "inherited.h"
#include "shortage.h"
#include "track.h"

#define DEPTH_MOST 16 /* forks of forks; older blocks are not known */
#define AT_ONCE 128

void inherited_begin(struct tracked_process *process, struct tracked_process *from, uint32_t tick)
{
    if (!from || from->inherited.depth == DEPTH_MOST)
        return;
    process->inherited.from = from;
    process->inherited.tick = tick;
    process->inherited.depth = from->inherited.depth + 1;
    from->inherited.heirs++;
}

void inherited_freed(struct tracked_process *process, uint64_t address)
{
    struct blocks *freed = &process->inherited.freed;
    struct block block = {.address = address, .size = 1}, old;
    if (process->inherited.from && (freed->regions || SHORTAGE_UNLESS(blocks_open(freed))))
        blocks_put(freed, &block, &old);
}

struct blocks_list {
    size_t count;
    uint64_t next; /* where to go on; nothing is known from there on */
    struct block block[AT_ONCE];
};

/* Nobody needs its own blocks any more, nor those it inherited. */
static void close_table(struct tracked_process *process)
{
    blocks_close(&process->blocks);
    process->inherited.kept = false;
    inherited_end(process);
}

void inherited_end(struct tracked_process *process)
{
    struct tracked_process *from = process->inherited.from;
    if (!from || process->inherited.heirs) /* its heirs need it */
        return;
    blocks_close(&process->inherited.freed);
    process->inherited.from = NULL;
    if (--from->inherited.heirs == 0 && from->inherited.kept)
        close_table(from);
}

void inherited_close(struct tracked_process *process)
{
    if (process->inherited.heirs)
        process->inherited.kept = true;
    else
        close_table(process);
}

static bool is_freed(const struct tracked_process *process, uint64_t address)
{
    const struct blocks *freed = &process->inherited.freed;
    uint64_t from = address;
    struct block block;
    return freed->regions && blocks_range(freed, &from, address + 1, &block, 1) == 1;
}

/* Lists the blocks of a process that were born up to a tick, including inherited ones. */
static size_t range(const struct tracked_process *process, uint32_t tick, uint64_t *from, uint64_t to,
                    struct block *list, size_t room);

static size_t own_range(const struct tracked_process *process, uint32_t tick, uint64_t *from, uint64_t to,
                        struct block *list, size_t room)
{
    size_t found = blocks_range(&process->blocks, from, to, list, room), count = 0;
    if (tick == UINT32_MAX)
        return found;
    for (size_t i = 0; i < found; i++)
        if (list[i].born <= tick)
            list[count++] = list[i];
    return count;
}

static uint64_t end_of(const struct block *block)
{
    return block->address + (block->size ? block->size : 1);
}

/* Merges both lists by address, up to where the shorter one ends; *from is set to where to go on.
 * Inherited blocks that overlap the process's own are gone. */
static size_t merge(const struct tracked_process *process, const struct blocks_list *own,
                    const struct blocks_list *other, uint64_t *from, struct block *list, size_t room)
{
    uint64_t stop = own->next < other->next ? own->next : other->next, reached = 0;
    size_t count = 0, i = 0, k = 0;
    for (;;) {
        while (k < other->count && other->block[k].address < reached)
            k++;
        const struct block *a = i < own->count && own->block[i].address < stop ? &own->block[i] : NULL;
        const struct block *b = k < other->count && other->block[k].address < stop ? &other->block[k] : NULL;
        if (a && b && a->address <= b->address)
            b = NULL;
        const struct block *next = b ? b : a;
        *from = next ? next->address : stop;
        if (!next || count == room)
            return count;
        if (!b) {
            reached = end_of(a);
            list[count++] = *a;
            i++;
            continue;
        }
        bool is_covered = i < own->count && own->block[i].address < end_of(b);
        if (!is_covered && !is_freed(process, b->address))
            list[count++] = *b;
        k++;
    }
}

static size_t range(const struct tracked_process *process, uint32_t tick, uint64_t *from, uint64_t to,
                    struct block *list, size_t room)
{
    const struct inherited *inherited = &process->inherited;
    struct blocks_list own = {.next = *from}, other = {.next = *from};
    if (!inherited->from)
        return own_range(process, tick, from, to, list, room);
    own.count = own_range(process, tick, &own.next, to, own.block, AT_ONCE);
    uint32_t then = inherited->tick < tick ? inherited->tick : tick;
    other.count = range(inherited->from, then, &other.next, to, other.block, AT_ONCE);
    return merge(process, &own, &other, from, list, room);
}

size_t inherited_range(const struct tracked_process *process, uint64_t *from, uint64_t to, struct block *list,
                       size_t room)
{
    size_t count = 0;
    while (*from < to && count == 0)
        count = range(process, UINT32_MAX, from, to, list, room);
    return count;
}
