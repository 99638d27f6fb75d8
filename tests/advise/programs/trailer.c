/* A text that gets a trailer at its end: room for it was there from the beginning, or it moves. All blocks come from one
 * heap, as in a server that does not map large ones apart. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 24 << 20, TRAILER = 4096, INDEX = 1 << 20 };

int main(void)
{
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    char *text = malloc(SIZE);           // faulty
    char *text = malloc(SIZE + TRAILER); // mended
    memset(text, 'x', SIZE);
    char *index = malloc(INDEX);
    memset(index, 'i', INDEX);
    text = realloc(text, SIZE + TRAILER); // faulty HERE
    memset(text + SIZE, '.', TRAILER);
    printf("%c%c%c\n", text[0], text[SIZE], index[INDEX - 1]);
    free(index);
    free(text);
}
