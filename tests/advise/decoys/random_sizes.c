/* One buffer at a time, of whatever size a record has: nothing grows. */
#include "trace.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    unsigned random = 1;
    size_t sum = 0;
    char *names[100] = {0};

    for (int i = 0; i < 20000; i++) {
        random = random * 1103515245 + 12345;
        char *record = malloc(random / 65536 % 32768 * 4 + 8);

        snprintf(record, 8, "%d", i % 1000);
        free(names[i % 100]);
        names[i % 100] = strdup(record);
        sum += strlen(names[i % 100]);
        if (i % 1000 == 500)
            trace_mark("more");
        free(record);
    }
    for (int i = 0; i < 100; i++)
        free(names[i]);
    printf("%zu\n", sum);
}
