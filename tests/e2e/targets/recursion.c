/* recursion.c - recursions that go one way or another at each level, with a block at each, down and up again.
 *
 *   recursion calls|signals DEPTH ROUNDS
 *
 * A block's size says where it was made: SIZE and the last twelve choices in binary, the innermost as the
 * lowest bit, 1 = right. "signals": blocks are made by the handler of a signal that comes at each level. In
 * the end it says how many blocks there were.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 100000u
#define CHOICES 12

static bool by_signal;
static unsigned path;
static unsigned long blocks;
static uint64_t state = 1;
static void *volatile block;

static void make(int unused)
{
    (void)unused;
    block = malloc(SIZE + (path & ((1u << CHOICES) - 1)));
    free(block);
    blocks++;
}

static inline void here(void)
{
    if (by_signal)
        raise(SIGUSR1);
    else
        make(0);
}

static bool choose(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 63;
}

static void left(int levels);
static void right(int levels);

static inline void go_on(int levels)
{
    unsigned here_path = path;
    here();
    if (levels > 1) {
        bool to_the_right = choose();
        path = path << 1 | to_the_right;
        if (to_the_right)
            right(levels - 1);
        else
            left(levels - 1);
        path = here_path;
        here();
    }
}

static __attribute__((noinline)) void left(int levels)
{
    go_on(levels);
    __asm__ volatile("");
}

static __attribute__((noinline)) void right(int levels)
{
    go_on(levels);
    __asm__ volatile("" ::: "memory");
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    by_signal = strcmp(argv[1], "signals") == 0;
    signal(SIGUSR1, make);
    for (int round = 0; round < atoi(argv[3]); round++) {
        path = 0;
        left(atoi(argv[2]));
    }
    printf("%lu\n", blocks);
    return 0;
}
