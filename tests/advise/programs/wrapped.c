/* A copy of each line, from a wrapper of malloc that others call, too: it is the caller who can do without. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES = 200000 };

__attribute__((noinline)) static void *xmalloc(size_t size)
{
    void *block = malloc(size);

    if (block == NULL)
        abort();
    return block;
}

__attribute__((noinline)) static char *xstrdup(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(xmalloc(size), text, size);
}

int main(void)
{
    static char copy[64]; // mended
    char line[64];
    long sum = 0;

    for (int i = 0; i < LINES; i++) {
        snprintf(line, sizeof line, "line %d", i);
        char *copy = xstrdup(line); // faulty HERE
        strcpy(copy, line);         // mended
        sum += copy[i % 5];
        free(copy); // faulty
    }
    printf("%ld\n", sum);
    return 0;
}
