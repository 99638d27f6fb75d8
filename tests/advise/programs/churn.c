/* A buffer for each record, or one for all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    size_t sum = 0;
    char *text = malloc(4096); // mended

    for (int i = 0; i < 200000; i++) {
        char *text = malloc(4096); // faulty HERE

        snprintf(text, 4096, "record %d", i);
        sum += strlen(text);
        free(text); // faulty
    }
    free(text); // mended
    printf("%zu\n", sum);
}
