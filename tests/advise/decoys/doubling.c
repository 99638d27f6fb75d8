/* An array that grows by a factor. */
#include "trace.h"
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    long *values = NULL, sum = 0;
    size_t room = 0;

    for (size_t n = 0; n < 300000; n++) {
        if (n == room) {
            room = room > 0 ? room + room / 8 + 8 : 8;
            values = realloc(values, room * sizeof *values);
        }
        values[n] = (long)n;
        if (n % 20000 == 0)
            trace_mark("more");
    }
    for (size_t i = 0; i < 300000; i++)
        sum += values[i];
    printf("%ld\n", sum);
    free(values);
}
