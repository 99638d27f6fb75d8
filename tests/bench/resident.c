/* resident.c - a program that holds blocks of some sizes and waits: its pages are looked at.
 *
 *   resident MIB LEAST MOST AGAIN FREED      AGAIN, FREED: per cent
 *
 * Fills MIB with blocks of LEAST to MOST bytes from ten lines, then frees AGAIN of 100, picked at random, and makes as many
 * anew, and in the end frees FREED of 100 at random. Prints a line then.
 */
#include "bench.h"

#include <string.h>
#include <unistd.h>

static uint64_t state = 88172645463325252ull;

#define LINE(n)                                 \
    NOINLINE static void *make_##n(size_t size) \
    {                                           \
        void *block = malloc(size);             \
        KEEP_FRAME();                           \
        return block;                           \
    }
LINE(0)
LINE(1)
LINE(2)
LINE(3)
LINE(4)
LINE(5)
LINE(6)
LINE(7)
LINE(8)
LINE(9)

static void *(*const makers[])(size_t) = {make_0, make_1, make_2, make_3, make_4,
                                          make_5, make_6, make_7, make_8, make_9};

static void *make(size_t least, size_t most)
{
    size_t size = least + bench_random(&state) % (most - least + 1);
    void *block = makers[bench_random(&state) % 10](size);
    return block ? memset(block, 1, size) : NULL;
}

int main(int argc, char **argv)
{
    size_t bytes = (size_t)bench_argument(argc, argv, 1, 64) << 20;
    size_t least = (size_t)bench_argument(argc, argv, 2, 24),
           most = (size_t)bench_argument(argc, argv, 3, 160);
    size_t again = (size_t)bench_argument(argc, argv, 4, 0), freed = (size_t)bench_argument(argc, argv, 5, 0);
    size_t count = bytes / ((least + most) / 2);
    void **blocks = calloc(count, sizeof *blocks);
    if (!blocks || most < least)
        return 1;
    for (size_t i = 0; i < count; i++)
        blocks[i] = make(least, most);
    for (size_t i = count; i > 1; i--) { /* in an order of its own */
        size_t other = bench_random(&state) % i;
        void *block = blocks[i - 1];
        blocks[i - 1] = blocks[other];
        blocks[other] = block;
    }
    for (size_t i = 0; i < count * again / 100; i++)
        free(blocks[i]);
    for (size_t i = 0; i < count * again / 100; i++)
        blocks[i] = make(least, most);
    for (size_t i = 0; i < count; i++)
        if (bench_random(&state) % 100 < freed)
            free(blocks[i]);
    if (puts("ready") < 0 || fflush(stdout) != 0)
        return 1;
    for (;;)
        pause();
}
