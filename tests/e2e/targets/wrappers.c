/* wrappers.c - allocates through functions that do nothing else, of which one calls the other, and recursively. */
#include <stdlib.h>
#include <string.h>

enum { LOADS = 100, DEPTH = 5 };

static void *kept[2 * LOADS + DEPTH + 1];

__attribute__((noinline)) void *xmalloc(size_t size)
{
    void *memory = malloc(size);

    if (memory == NULL)
        abort();
    return memory;
}

__attribute__((noinline)) char *xstrdup(const char *text)
{
    char *copy = xmalloc(strlen(text) + 1);

    return strcpy(copy, text);
}

__attribute__((noinline)) void load(int i)
{
    kept[i] = xmalloc(1000);
    kept[LOADS + i] = xstrdup("hello, world");
}

__attribute__((noinline)) void deeper(int depth)
{
    kept[2 * LOADS + depth] = xmalloc(10000);
    if (depth > 0)
        deeper(depth - 1);
    kept[0] = kept[0]; /* no tail call */
}

int main(void)
{
    for (int i = 0; i < LOADS; i++)
        load(i);
    deeper(DEPTH);
    return kept[0] == NULL;
}
