/* filled.c - a program that fills the memory that it was given: holds some, and makes many blocks from many
 * stacks.
 *
 *   filled HELD BLOCKS KEPT THREADS LEAP
 *
 * Holds HELD MiB. Each of THREADS threads (0: the main one) makes BLOCKS blocks in each of which 50 sizes and
 * 16,384 stacks take turns, and frees all but one in KEPT (0: all). Then LEAP MiB are taken at once, for a
 * moment. Says what all blocks were filled with, added up.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))
#define DEPTH 14

static long blocks, kept;

static NOINLINE void *leaf(long i)
{
    unsigned char *block = malloc((size_t)(i % 50) + 1);
    *block = (unsigned char)i;
    return block;
}

/* Each bit of i leads through another place at one level of the stack. */
static NOINLINE void *go(int depth, long i)
{
    void *block;
    if (depth == 0)
        block = leaf(i);
    else if (i >> depth & 1)
        block = go(depth - 1, i);
    else
        block = go(depth - 1, i);
    __asm__ volatile("" : : "r"(block) : "memory"); /* no tail call, and two calls */
    return block;
}

static void *work(void *sum)
{
    for (long i = 0; i < blocks; i++) {
        unsigned char *block = go(DEPTH, i);
        *(unsigned long *)sum += *block;
        if (kept == 0 || i % kept)
            free(block);
    }
    return NULL;
}

static int touch(size_t mib)
{
    char *memory = malloc(mib << 20 ? mib << 20 : 1);
    if (!memory)
        return 1;
    memset(memory, 1, mib << 20);
    __asm__ volatile("" : : "r"(memory) : "memory");
    free(memory);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    size_t held = strtoul(argv[1], NULL, 0) << 20;
    int threads = atoi(argv[4]) < 64 ? atoi(argv[4]) : 64;
    char *memory = malloc(held + 1);
    unsigned long sum = 0, sums[64] = {0};
    pthread_t thread[64];
    blocks = atol(argv[2]);
    kept = atol(argv[3]);
    if (!memory)
        return 3;
    memset(memory, 1, held);
    if (threads == 0)
        work(&sum);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, work, &sums[i]) != 0)
            return 4;
    for (int i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
        sum += sums[i];
    }
    if (touch(strtoul(argv[5], NULL, 0)) != 0)
        return 5;
    for (size_t i = 0; i < held; i += 4096)
        sum += (unsigned char)memory[i];
    printf("%lu\n", sum);
    return 8;
}
