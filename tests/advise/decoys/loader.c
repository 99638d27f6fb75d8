/* Loads a table, answers, and leaves the rest to the system: it grows all the time, and nothing is wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    static char *lines[50000];
    size_t sum = 0;

    for (int i = 0; i < 50000; i++) {
        lines[i] = malloc((size_t)(100 + i % 200));
        snprintf(lines[i], 100, "line %d", i);
    }
    for (int i = 0; i < 50000; i++)
        sum += strlen(lines[i]);
    printf("%zu\n", sum);
}
