/* Room for all that might come, or for what comes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text;

int main(void)
{
    size_t room = 64 << 20; // faulty
    size_t room = 1 << 20;  // mended
    text = malloc(room);    // HERE

    memset(text, 'x', 1 << 20);
    puts("waiting");
    fflush(stdout);
    return getchar() == EOF ? 0 : text[1] == 'y';
}
