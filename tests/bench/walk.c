/* walk.c - what a walk over resident pages costs: seconds of a processor for each GiB of blocks, user and system.
 *
 *   walk MIB ROUNDS [LAYOUT...]      without a layout: all of them
 *
 * A child has the memory, and has touched all of it; this program has the table of its blocks, as the collector would,
 * and walks. It passes over the blocks for looks at objects on the way, but all sites have been looked at already. For
 * each layout one line: its blocks, user and system time of the quickest and of the median walk, and a
 * check, which is the same wherever the walks have found the same.
 */
#define _GNU_SOURCE
#include "bench.h"
#include "blocks_page.h"
#include "inherited.h"
#include "object_looks.h"
#include "residence.h"
#include "track.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct layout {
    const char *name;
    unsigned size_least, size_most; /* bytes of a block */
    unsigned unit;                  /* what the allocator rounds up to; 0 = like glibc */
    unsigned lines;
    unsigned gaps;     /* of 100 blocks, as many are not there */
    bool in_order;     /* of their addresses: that is how they were allocated */
    unsigned row;      /* so many neighbours are of one line; 0 = one */
    unsigned in_place; /* shuffled within so many neighbours only; 0 = all of them */
};

static const struct layout layouts[] = {
    {"one-line", 24, 160, 0, 1, 0, true, 0, 0},
    {"mixed", 24, 160, 0, 1000, 0, true, 0, 0},
    {"24-bytes", 24, 24, 0, 1, 0, true, 0, 0},
    {"24-bytes-mixed", 24, 24, 0, 1000, 0, true, 0, 0},
    {"24-bytes-rows", 24, 24, 0, 1000, 0, true, 20, 0},
    {"24-bytes-gaps", 24, 24, 0, 1000, 30, true, 0, 0},
    {"shuffled-one-line", 24, 160, 0, 1, 0, false, 0, 0},
    {"shuffled-mixed", 24, 160, 0, 1000, 0, false, 0, 0},
    {"shuffled-gaps", 24, 160, 0, 1000, 50, false, 0, 0},
    {"shuffled-24-bytes", 24, 24, 0, 1, 0, false, 0, 0},
    {"shuffled-24-mixed", 24, 24, 0, 1000, 0, false, 0, 0},
    {"nearby-24-mixed", 24, 24, 0, 1000, 0, false, 0, 64},
    {"python", 24, 120, 16, 1000, 20, false, 0, 64},
    {"16-bytes-mixed", 16, 16, 16, 1000, 0, true, 0, 0},
    {"shuffled-16-mixed", 16, 16, 16, 1000, 0, false, 0, 0},
    {"shuffled-16-gaps", 16, 16, 16, 200000, 30, false, 0, 0},
    {"8-bytes-mixed", 8, 8, 8, 1000, 0, true, 0, 0},
    {"shuffled-8-gaps", 8, 8, 8, 200000, 30, false, 0, 0},
    {"kilobytes", 500, 9000, 0, 1000, 0, false, 0, 0},
};

static uint64_t state = 88172645463325252ull;

static uint64_t unit_of_size(const struct layout *layout, uint64_t size)
{
    if (layout->unit)
        return (size + layout->unit - 1) / layout->unit * layout->unit;
    uint64_t unit = (size + 8 + 15) & ~15ull;
    return unit < 32 ? 32 : unit;
}

static void shuffle(struct block *blocks, size_t count, size_t within)
{
    for (size_t i = count; i > 1; i--) {
        size_t first = (i - 1) / within * within, other = first + bench_random(&state) % (i - first);
        struct block block = blocks[i - 1];
        blocks[i - 1] = blocks[other];
        blocks[other] = block;
    }
}

/* Fills the table; returns how many blocks there are. */
static size_t fill(const struct layout *layout, struct blocks *table, uint64_t start, uint64_t bytes)
{
    size_t count = 0, room = bytes / 8 + 1, made = 0;
    size_t list_bytes = room * sizeof(struct block);
    struct block *list =
        mmap(NULL, list_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint32_t line = 1;
    for (uint64_t at = start; list != MAP_FAILED;) {
        uint64_t number = bench_random(&state);
        uint64_t size = layout->size_least + number % (layout->size_most - layout->size_least + 1);
        uint64_t unit = unit_of_size(layout, size);
        if (at + unit > start + bytes)
            break;
        if (made++ % (layout->row ? layout->row : 1) == 0)
            line = 1 + (uint32_t)(number >> 32) % layout->lines;
        if ((number >> 20) % 100 >= layout->gaps)
            list[count++] = (struct block){.address = at, .size = size, .site = line, .born = 1};
        at += unit;
    }
    if (!layout->in_order)
        shuffle(list, count, layout->in_place ? layout->in_place : count);
    for (size_t i = 0; i < count; i++) {
        struct block old;
        if (blocks_put(table, &list[i], &old) != 0)
            exit(1);
    }
    munmap(list, list_bytes);
    return count;
}

static struct object_looks looks;
static struct ledger ledger; /* of sites without anything, which the looks know not to be native */

/* As after some walks. */
static void prepare_looks(struct tracked_process *process, uint32_t lines, size_t blocks)
{
    const struct site *last = GROW_AT(&ledger.sites, struct site, lines);
    if (!last)
        exit(1);
    ledger.count = lines;
    ledger.heap.blocks = blocks;
    object_looks_begin(&looks, UINT64_MAX);
    object_looks_at(&looks, process, &ledger, NULL);
}

static size_t blocks_of(void *data, uint64_t *from, uint64_t to, struct residence_block *out, size_t room)
{
    return inherited_range(data, from, to, (struct block *)out, room);
}

static void page_of(void *data, uint64_t page, struct page_blocks *list)
{
    const struct tracked_process *process = data;
    blocks_page(&process->blocks, page, list);
    object_looks_page(&looks, page, list);
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static uint64_t check_of(const struct residence *r)
{
    uint64_t check = 14695981039346656037ull;
    for (uint32_t owner = 0; owner <= r->owner_count; owner++)
        for (int i = 0; i < RESIDENCE_OWNED; i++)
            check = ((check ^ r->owners[owner].bytes[i]) * 1099511628211ull ^ r->owners[owner].blocks[i]) *
                    1099511628211ull;
    for (int i = 0; i < RESIDENCE_FILES; i++)
        if (i != RESIDENCE_STACKS)
            check = (check ^ r->part[i]) * 1099511628211ull;
    return check;
}

struct cost {
    double user, system;
};

static struct cost walk(int pid, struct tracked_process *process, uint32_t lines, uint64_t *check)
{
    struct residence r;
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    if (residence_begin(&r, pid, lines + 1) != 0)
        exit(1);
    residence_pages(&r, page_of);
    while (!residence_step(&r, 4 << 20, blocks_of, process)) {
    }
    getrusage(RUSAGE_SELF, &after);
    *check = check_of(&r);
    residence_end(&r);
    return (struct cost){seconds(after.ru_utime) - seconds(before.ru_utime),
                         seconds(after.ru_stime) - seconds(before.ru_stime)};
}

static int by_sum(const void *a, const void *b)
{
    const struct cost *one = a, *other = b;
    double difference = one->user + one->system - other->user - other->system;
    return difference < 0 ? -1 : difference > 0;
}

static void run(const struct layout *layout, int pid, uint64_t start, uint64_t bytes, int rounds)
{
    static struct tracked_process process;
    struct cost costs[rounds];
    uint64_t check = 0;
    memset(&process, 0, sizeof process);
    state = 88172645463325252ull;
    if (!blocks_open(&process.blocks))
        exit(1);
    size_t count = fill(layout, &process.blocks, start, bytes);
    prepare_looks(&process, layout->lines, count);
    for (int i = 0; i < rounds; i++)
        costs[i] = walk(pid, &process, layout->lines, &check);
    qsort(costs, (size_t)rounds, sizeof costs[0], by_sum);
    double gib = (double)bytes / (1 << 30);
    struct cost least = costs[0], median = costs[rounds / 2];
    printf("%-18s %9zu blocks %5.1f B each; least %.3f = %.3f + %.3f; median %.3f = %.3f + %.3f s/GiB; "
           "%016llx\n",
           layout->name, count, (double)process.blocks.leaf_bytes / (double)count,
           (least.user + least.system) / gib, least.user / gib, least.system / gib,
           (median.user + median.system) / gib, median.user / gib, median.system / gib,
           (unsigned long long)check);
    fflush(stdout);
    blocks_close(&process.blocks);
}

static bool is_wanted(const struct layout *layout, int argc, char **argv)
{
    for (int i = 3; i < argc; i++)
        if (strcmp(argv[i], layout->name) == 0)
            return true;
    return argc <= 3;
}

int main(int argc, char **argv)
{
    uint64_t bytes = (uint64_t)bench_argument(argc, argv, 1, 512) << 20;
    int rounds = (int)bench_argument(argc, argv, 2, 5), ready[2];
    /* A place that is the same in each run: the check depends on it. */
    uint8_t *memory = mmap((void *)0x600000000000, bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || rounds < 1 || pipe(ready) != 0)
        return 1;
    madvise(memory, bytes, MADV_NOHUGEPAGE);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (uint64_t at = 0; at < bytes; at += 4096)
            memory[at] = 1;
        if (write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    char byte;
    if (child < 0 || read(ready[0], &byte, 1) != 1)
        return 1;
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (is_wanted(&layouts[i], argc, argv))
            run(&layouts[i], child, (uint64_t)memory, bytes, rounds);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return 0;
}
