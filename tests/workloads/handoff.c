/* handoff.c - threads that hand blocks to each other: every block is freed by another thread than the one
 * that allocated it, and some are resized on the way. What is allocated does not depend on the order in which
 * the threads run, and the program counts it itself: its last line is an oracle for who traces it.
 *
 *   handoff [BLOCKS [THREADS]]    a thread's blocks, 20,000; threads, 8
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 256
#define BATCH 64 /* blocks that wait in a sender's hand before they are handed over */

struct block {
    struct block *next; /* in a queue or a batch */
    size_t size;
    long number;
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct block *first;
};

struct counts {
    uint64_t allocations, frees, bytes;
};

struct worker {
    pthread_t thread;
    int index;
    struct counts counts;
    uint64_t sum;
};

static long blocks = 20000;
static int threads = 8;
static struct queue queues[THREADS_MAX];
static struct worker workers[THREADS_MAX];
static pthread_barrier_t all_alive; /* so that no thread inherits the stack of one that has ended */

static void *count(struct counts *counts, void *memory, size_t size)
{
    if (!memory) {
        fputs("handoff: out of memory\n", stderr);
        exit(1);
    }
    counts->allocations++;
    counts->bytes += size;
    return memory;
}

static size_t size_of(long number, int thread)
{
    return sizeof(struct block) + (size_t)(number * 37 + thread * 101) % 1000;
}

/* A block by one of the ways to get one. */
static struct block *make(struct counts *counts, long number, int thread)
{
    size_t size = size_of(number, thread);
    struct block *block;
    void *aligned = NULL;

    switch (number % 5) {
    case 0:
        block = count(counts, calloc(1, size), size);
        break;
    case 1:
        if (posix_memalign(&aligned, 64, size) != 0)
            aligned = NULL;
        block = count(counts, aligned, size);
        break;
    case 2:
        block = count(counts, realloc(NULL, size), size);
        break;
    default:
        block = count(counts, malloc(size), size);
    }
    block->size = size;
    block->number = number;
    return block;
}

/* Uses a block that came from another thread and frees it; one in three grows or shrinks first. */
static uint64_t use(struct counts *counts, struct block *block)
{
    uint64_t sum = (uint64_t)block->number * 2654435761u ^ block->size;

    if (block->number % 3 == 0) {
        size_t size = block->number % 2 ? block->size * 3 : sizeof *block;
        block = count(counts, realloc(block, size), size);
        counts->frees++; /* the old block, as valgrind counts it */
        block->size = size;
    }
    memset(block + 1, 7, block->size - sizeof *block);
    free(block);
    counts->frees++;
    return sum;
}

static void hand_over(struct queue *queue, struct block *first, struct block *last)
{
    pthread_mutex_lock(&queue->lock);
    last->next = queue->first;
    queue->first = first;
    pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

static struct block *take(struct queue *queue, int wait)
{
    pthread_mutex_lock(&queue->lock);
    while (wait && !queue->first)
        pthread_cond_wait(&queue->filled, &queue->lock);
    struct block *first = queue->first;
    queue->first = NULL;
    pthread_mutex_unlock(&queue->lock);
    return first;
}

static long use_all(struct worker *self, struct block *block)
{
    long used = 0;

    for (struct block *next; block; block = next, used++) {
        next = block->next;
        self->sum += use(&self->counts, block);
    }
    return used;
}

/* In every round each thread hands a batch to the one so many places further on, so that each gets as many
 * blocks as it makes. */
static void *work(void *argument)
{
    struct worker *self = argument;
    struct queue *own = &queues[self->index];
    long received = 0;

    pthread_barrier_wait(&all_alive);
    for (long made = 0, round = 0; made < blocks; round++) {
        long batch = blocks - made < BATCH ? blocks - made : BATCH;
        int to = (self->index + 1 + (threads > 1 ? (int)(round % (threads - 1)) : 0)) % threads;
        struct block *first = NULL, *last = NULL;
        for (long i = 0; i < batch; i++, made++) {
            struct block *block = make(&self->counts, made, self->index);
            block->next = first;
            first = block;
            if (!last)
                last = block;
        }
        hand_over(&queues[to], first, last);
        received += use_all(self, take(own, 0));
    }
    while (received < blocks)
        received += use_all(self, take(own, 1));
    return NULL;
}

int main(int argc, char **argv)
{
    struct counts total = {0, 0, 0};
    uint64_t sum = 0;

    if (argc > 1)
        blocks = strtol(argv[1], NULL, 10);
    if (argc > 2)
        threads = (int)strtol(argv[2], NULL, 10);
    if (blocks < 0 || threads < 1 || threads > THREADS_MAX) {
        fprintf(stderr, "usage: %s [BLOCKS [THREADS]], 1 to %d threads\n", argv[0], THREADS_MAX);
        return 2;
    }
    pthread_attr_t small; /* so that the C library keeps the stacks of all for the next threads */
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 << 10);
    pthread_barrier_init(&all_alive, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++) {
        pthread_mutex_init(&queues[i].lock, NULL);
        pthread_cond_init(&queues[i].filled, NULL);
        workers[i].index = i;
    }
    for (int i = 0; i < threads; i++)
        if (pthread_create(&workers[i].thread, &small, work, &workers[i]) != 0) {
            fputs("handoff: cannot start a thread\n", stderr);
            return 1;
        }
    for (int i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        total.allocations += workers[i].counts.allocations;
        total.frees += workers[i].counts.frees;
        total.bytes += workers[i].counts.bytes;
        sum += workers[i].sum;
    }
    printf("checksum %016llx\n", (unsigned long long)sum);
    printf("%llu allocations, %llu frees, %llu bytes\n", (unsigned long long)total.allocations,
           (unsigned long long)total.frees, (unsigned long long)total.bytes);
    return 0;
}
