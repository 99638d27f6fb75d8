/* Room for all that might come, or for what comes, from a wrapper of malloc: whose line is all that is known of pages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text;

__attribute__((noinline)) static void *xmalloc(size_t size)
{
    void *block = malloc(size); // HERE

    if (block == NULL)
        abort();
    return block;
}

int main(void)
{
    size_t room = 64 << 20; // faulty
    size_t room = 1 << 20;  // mended
    text = xmalloc(room);

    memset(text, 'x', 1 << 20);
    puts("waiting");
    fflush(stdout);
    return getchar() == EOF ? 0 : text[1] == 'y';
}
