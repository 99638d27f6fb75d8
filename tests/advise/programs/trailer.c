/* A text that gets a trailer at its end: room for it was there from the beginning, or it moves. All blocks come from one
 * heap, as in a server that does not map large ones apart. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 64 << 20, TRAILER = 4096, INDEX = 1 << 20 };

static char *volatile text, *volatile index_of_text; /* so that no compiler leaves them out */

int main(void)
{
    mallopt(M_MMAP_MAX, 0);
    text = malloc(SIZE);           // faulty
    text = malloc(SIZE + TRAILER); // mended
    memset(text, 'x', SIZE);
    index_of_text = malloc(INDEX);
    memset(index_of_text, 'i', INDEX);
    text = realloc(text, SIZE + TRAILER); // faulty HERE
    memset(text + SIZE, '.', TRAILER);
    printf("%c%c%c\n", text[0], text[SIZE], index_of_text[INDEX - 1]);
    free(index_of_text);
    free(text);
}
