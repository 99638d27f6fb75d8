/* scribbler.c - writes a few random words over the memory that its tracer shares with it, between two times
 * of allocating with a second thread and a child, as a program with a wild pointer may. It prints a sum that
 * does not depend on that, and exits with status 9.
 *
 *   scribbler SEED PLACE     PLACE: anywhere, process, ring, header, notes, nodes, frames, words
 *
 * Built with the layout of the tracer under test (include/wire.h).
 */
#include "wire.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WINDOWS 256

static struct window {
    char *start;
    uint64_t offset, size; /* in the shared file */
} windows[WINDOWS];
static unsigned window_count;

static uint64_t state;

/* xorshift64 (Marsaglia 2003) */
static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void find_windows(void)
{
    char line[512], access[8];
    unsigned long start, end, offset;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps)) {
        if (strstr(line, "memfd:libtrace") && window_count < WINDOWS &&
            sscanf(line, "%lx-%lx %7s %lx", &start, &end, access, &offset) == 4 && access[1] == 'w')
            windows[window_count++] = (struct window){(char *)start, offset, end - start};
    }
    if (maps)
        fclose(maps);
}

/* Where so much at an offset of the shared file is mapped; NULL = nowhere. */
static char *at_offset(uint64_t offset, uint64_t size)
{
    for (unsigned i = 0; i < window_count; i++)
        if (offset >= windows[i].offset && offset + size <= windows[i].offset + windows[i].size)
            return windows[i].start + (offset - windows[i].offset);
    return NULL;
}

static char *random_word(char *from, uint64_t size)
{
    return from ? from + next_random() % (size / 8) * 8 : NULL;
}

static char *choose(const char *place)
{
    struct wire_arena *arena = (struct wire_arena *)at_offset(0, sizeof *arena);
    if (!arena)
        return NULL;
    struct wire_process *process = &arena->process[0];
    struct wire_ring *ring = &arena->ring[next_random() % 2];
    const uint64_t chunk = WIRE_CHUNK_SIZE;
    if (strcmp(place, "process") == 0)
        return random_word((char *)process, sizeof *process);
    if (strcmp(place, "ring") == 0)
        return random_word((char *)ring, sizeof *ring);
    if (strcmp(place, "header") == 0)
        return random_word((char *)arena, offsetof(struct wire_arena, chunk_map));
    if (strcmp(place, "notes") == 0)
        return random_word(at_offset(process->note_segment[0], chunk), chunk / 2);
    if (strcmp(place, "nodes") == 0)
        return random_word(at_offset(process->node_segment[0], chunk), chunk / 16);
    if (strcmp(place, "frames") == 0)
        return random_word(at_offset(process->frame_segment[0], chunk), 1024);
    if (strcmp(place, "words") == 0)
        return random_word(at_offset(ring->buffer, chunk), chunk);
    struct window *window = &windows[next_random() % window_count];
    return random_word(window->start, window->size);
}

static uint64_t some_value(uint64_t old)
{
    switch (next_random() % 5) {
    case 0:
        return next_random();
    case 1:
        return next_random() & 0xffffffff;
    case 2:
        return old ^ 1ull << next_random() % 64;
    case 3:
        return next_random() % 100;
    default:
        return UINT64_MAX;
    }
}

static void scribble(const char *place)
{
    for (uint64_t words = 1 + next_random() % 20; words > 0; words--) {
        uint64_t old;
        char *at = choose(place);
        if (!at)
            continue;
        memcpy(&old, at, sizeof old);
        *(volatile uint64_t *)at = some_value(old);
    }
}

__attribute__((noinline)) static void *make(unsigned depth, unsigned i)
{
    void *block = depth ? make(depth - 1, i) : malloc(i % 500 + 1);
    __asm__ volatile("" : : : "memory"); /* a frame of its own for each call */
    return block;
}

/* More than a ring holds. */
static void *allocate(void *sum)
{
    void *kept[256] = {NULL};
    for (unsigned i = 0; i < 30000; i++) {
        free(kept[i % 256]);
        kept[i % 256] = make(i % 17, i);
        *(uint64_t *)sum += i;
        if (i % 10000 == 0)
            usleep(5000); /* for the tracer to look at it */
    }
    for (unsigned i = 0; i < 256; i++)
        free(kept[i]);
    return NULL;
}

static uint64_t allocate_twice(void)
{
    uint64_t sums[2] = {0, 0};
    pthread_t thread;
    if (pthread_create(&thread, NULL, allocate, &sums[1]) != 0)
        exit(2);
    allocate(&sums[0]);
    pthread_join(thread, NULL);
    return sums[0] + sums[1];
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    state = strtoull(argv[1], NULL, 10) * 0x9e3779b97f4a7c15ull + 1;
    uint64_t sum = allocate_twice();
    find_windows();
    if (window_count)
        scribble(argv[2]);
    sum += allocate_twice();
    pid_t child = fork();
    if (child == 0) {
        uint64_t own = 0;
        allocate(&own);
        _exit(own % 100 == sum / 4 % 100 ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    printf("%s %llu %d\n", window_count ? "traced" : "untraced", (unsigned long long)sum, status);
    return 9;
}
