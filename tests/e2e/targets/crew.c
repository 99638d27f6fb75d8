/* crew.c - threads with names, on lines of their own and on lines that they share. What each of them has at
 * each moment does not depend on the order in which they run, and the program counts it itself: a line for
 * each thread and function,
 *
 *   NAME FUNCTION allocations bytes peak_allocations peak_bytes live_allocations live_bytes temporary
 *
 * Two readers and two writers hold what they made until main has made the largest block; then main gives
 * theirs back, or keeps it. After them come threads that are short, a child process, and one that is called
 * by its name only when it has allocated already, and that lives to the end: until standard input is closed.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOINLINE __attribute__((noipa)) /* nor made one of two that are alike */
#define BLOCKS_MAX 200
#define SHORT 40
#define SHARED_SIZE 24

struct counts {
    long allocations, bytes, peak_allocations, peak_bytes, live_allocations, live_bytes, temporary;
};

struct worker {
    const char *name, *function; /* the function of its own */
    void *(*own)(size_t);        /* NULL = none */
    size_t size;                 /* of the blocks that it makes there */
    int blocks, temporary;       /* in each function; and in the one that all share */
    void *held[2][BLOCKS_MAX];   /* shared, own */
    struct counts counts[2];
    pthread_t thread;
};

static pthread_barrier_t all_hold, all_given_back;
static sem_t is_named;

static void *need(void *block)
{
    if (!block)
        exit(2);
    memset(block, 1, 1);
    return block;
}

static void *NOINLINE shared(size_t size)
{
    return need(malloc(size));
}

static void *NOINLINE read_own(size_t size)
{
    return need(malloc(size));
}

static void *NOINLINE write_own(size_t size)
{
    return need(calloc(1, size));
}

static void *NOINLINE grown(void *block, size_t size)
{
    return need(realloc(block, size));
}

static void *NOINLINE largest(size_t size)
{
    return need(malloc(size));
}

/* So many events that all of this thread's to come are known to come after this. */
static void NOINLINE settle(void)
{
    for (int i = 0; i < 100; i++)
        free(need(malloc(1)));
}

static void made(struct counts *counts, size_t size)
{
    counts->allocations++;
    counts->bytes += (long)size;
    counts->live_allocations++;
    counts->live_bytes += (long)size;
}

static void gone(struct counts *counts, size_t size)
{
    counts->live_allocations--;
    counts->live_bytes -= (long)size;
}

static void work(struct worker *w)
{
    for (int i = 0; i < w->temporary; i++) {
        free(shared(SHARED_SIZE));
        made(&w->counts[0], SHARED_SIZE);
        gone(&w->counts[0], SHARED_SIZE);
        w->counts[0].temporary++;
    }
    for (int i = 0; i < w->blocks; i++) {
        w->held[0][i] = shared(SHARED_SIZE);
        made(&w->counts[0], SHARED_SIZE);
        if (w->own) {
            w->held[1][i] = w->own(w->size);
            made(&w->counts[1], w->size);
        }
    }
}

static void *hold(void *data)
{
    struct worker *w = data;
    prctl(PR_SET_NAME, w->name);
    work(w);
    pthread_barrier_wait(&all_hold);
    pthread_barrier_wait(&all_given_back);
    return NULL;
}

static void *be_short(void *data)
{
    struct worker *w = data;
    prctl(PR_SET_NAME, w->name);
    work(w);
    for (int i = 0; i < w->blocks; i++) {
        free(w->held[0][i]);
        gone(&w->counts[0], SHARED_SIZE);
    }
    return NULL;
}

static void *be_named_late(void *data)
{
    struct worker *w = data;
    work(w);
    prctl(PR_SET_NAME, w->name);
    sem_post(&is_named);
    for (;;)
        pause();
    return NULL;
}

static void start(struct worker *w, void *(*routine)(void *))
{
    if (pthread_create(&w->thread, NULL, routine, w) != 0)
        exit(2);
}

static void at_peak(struct counts *counts)
{
    counts->peak_allocations = counts->live_allocations;
    counts->peak_bytes = counts->live_bytes;
}

/* Gives back all blocks of one function from a number on. */
static void give_back(struct worker *w, int function, int from, size_t size)
{
    for (int i = from; i < w->blocks; i++) {
        free(w->held[function][i]);
        gone(&w->counts[function], size);
    }
}

static void print(const char *name, const char *function, const struct counts *c)
{
    printf("%s %s %ld %ld %ld %ld %ld %ld %ld\n", name, function, c->allocations, c->bytes,
           c->peak_allocations, c->peak_bytes, c->live_allocations, c->live_bytes, c->temporary);
}

static void print_worker(const struct worker *w)
{
    print(w->name, "shared", &w->counts[0]);
    if (w->own)
        print(w->name, w->function, &w->counts[1]);
}

static void one_wave(void)
{
    struct worker crew[] = {
        {.name = "reader-1",
         .function = "read_own",
         .own = read_own,
         .size = 100,
         .blocks = 150,
         .temporary = 5},
        {.name = "reader-2",
         .function = "read_own",
         .own = read_own,
         .size = 120,
         .blocks = 60,
         .temporary = 0},
        {.name = "writer-1",
         .function = "write_own",
         .own = write_own,
         .size = 300,
         .blocks = 70,
         .temporary = 9},
        {.name = "writer-2",
         .function = "write_own",
         .own = write_own,
         .size = 310,
         .blocks = 80,
         .temporary = 1},
    };
    const int count = sizeof crew / sizeof crew[0];
    struct counts growth = {0}, large = {0};

    pthread_barrier_init(&all_hold, NULL, (unsigned)count + 1);
    pthread_barrier_init(&all_given_back, NULL, (unsigned)count + 1);
    for (int i = 0; i < count; i++)
        start(&crew[i], hold);
    pthread_barrier_wait(&all_hold);
    settle();
    void *block = grown(crew[0].held[1][0], 5000);
    gone(&crew[0].counts[1], crew[0].size);
    made(&growth, 5000);
    void *large_one = largest(1 << 20);
    made(&large, 1 << 20);
    for (int i = 0; i < count; i++)
        for (int function = 0; function < 2; function++)
            at_peak(&crew[i].counts[function]);
    at_peak(&growth);
    at_peak(&large);
    free(block); /* not the block that was made last: that would be a temporary one */
    gone(&growth, 5000);
    free(large_one);
    gone(&large, 1 << 20);
    for (int i = 0; i < count; i++)
        give_back(&crew[i], 0, i, SHARED_SIZE); /* so many of them stay */
    give_back(&crew[0], 1, 1, crew[0].size);
    give_back(&crew[1], 1, 10, crew[1].size);
    pthread_barrier_wait(&all_given_back);
    for (int i = 0; i < count; i++) {
        pthread_join(crew[i].thread, NULL);
        print_worker(&crew[i]);
    }
    print("crew", "grown", &growth);
    print("crew", "largest", &large);
}

/* One after the other: they use the same memory of the tracer's. */
static void short_ones(void)
{
    for (int i = 0; i < SHORT; i++) {
        char name[16];
        snprintf(name, sizeof name, "short-%d", i);
        struct worker w = {.name = name, .blocks = i % 7 + 2};
        start(&w, be_short);
        pthread_join(w.thread, NULL);
        print_worker(&w);
    }
}

static void child(void)
{
    struct worker w = {.name = "forked", .blocks = 7};
    work(&w);
    give_back(&w, 0, 2, SHARED_SIZE);
    print_worker(&w);
    fflush(stdout);
    exit(0);
}

int main(void)
{
    static char buffer[65536];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    one_wave();
    short_ones();
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NAME, "forked");
        child();
    }
    waitpid(pid, NULL, 0);
    sem_init(&is_named, 0, 0);
    static struct worker late = {.name = "late-name", .blocks = 5};
    start(&late, be_named_late);
    sem_wait(&is_named);
    print_worker(&late);
    char byte;
    return read(STDIN_FILENO, &byte, 1) > 0;
}
