/* A cache that fills up, and then stays as it is. */
#include "trace.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 4000 };
static char *cache[SLOTS];

int main(void)
{
    unsigned random = 1;
    size_t sum = 0;

    for (int i = 0; i < 40000; i++) {
        random = random * 1103515245 + 12345;
        unsigned key = random / 65536 % SLOTS;

        if (cache[key] == NULL) {
            cache[key] = malloc(500);
            snprintf(cache[key], 500, "value %u", key);
        }
        sum += strlen(cache[key]);
        if (i % 2000 == 1999)
            trace_mark("batch");
    }
    printf("%zu\n", sum);
}
