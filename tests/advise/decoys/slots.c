/* Slots of zeroes, which are filled later; and one buffer that is as large as all of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 20000, SLOT = 200 };

static char *slots[MANY], *buffer;

int main(void)
{
    buffer = malloc(MANY * SLOT);
    memset(buffer, 1, MANY * SLOT);
    for (int i = 0; i < MANY; i++)
        memset(slots[i] = malloc(SLOT), 0, SLOT);
    puts("waiting");
    fflush(stdout);
    while (getchar() != EOF)
        puts("waiting"), fflush(stdout);
    for (int i = 0; i < MANY; i++)
        snprintf(slots[i], SLOT, "%d", i);
    return buffer[1] == 'x';
}
