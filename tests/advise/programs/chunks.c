/* An obstack for each piece of work, of those that a program brings along (gnulib's has functions of these names): it is who
 * begins it that can do without. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES = 40000, CHUNK = 4064 };

struct obstack {
    char *chunk;
};

__attribute__((noinline)) static void *call_chunkfun(struct obstack *h, size_t size)
{
    h->chunk = malloc(size);
    return h->chunk;
}

__attribute__((noinline)) static int _obstack_begin(struct obstack *h)
{
    return call_chunkfun(h, CHUNK) != NULL;
}

__attribute__((noinline)) static void _obstack_free(struct obstack *h)
{
    free(h->chunk);
}

int main(void)
{
    struct obstack words;
    long sum = 0;

    _obstack_begin(&words); // mended
    for (int i = 0; i < PIECES; i++) {
        _obstack_begin(&words); // faulty HERE
        snprintf(words.chunk, CHUNK, "piece %d", i);
        sum += words.chunk[i % 7];
        _obstack_free(&words); // faulty
    }
    _obstack_free(&words); // mended
    printf("%ld\n", sum);
    return 0;
}
