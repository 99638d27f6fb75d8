/* Two blocks of one line at the same time, but never two of one caller. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES = 100000 };

__attribute__((noinline)) static char *copy_of(const char *text, char *kept)
{
    char *copy = kept;                     // mended
    char *copy = malloc(strlen(text) + 1); // faulty HERE

    return strcpy(copy, text);
}

int main(void)
{
    char line[64], kept[2][64];
    long sum = 0;

    for (int i = 0; i < LINES; i++) {
        snprintf(line, sizeof line, "line %d", i);
        char *one = copy_of(line, kept[0]);
        char *other = copy_of(line + 5, kept[1]);

        sum += one[i % 5] + other[0];
        free(one);   // faulty
        free(other); // faulty
    }
    printf("%ld\n", sum);
    return 0;
}
