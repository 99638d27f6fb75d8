/* Values one after the other: room for one more each time, or for twice as many. */
#include "trace.h"
#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 20000 };

int main(void)
{
    long *values = NULL, sum = 0;
    size_t room = 0;

    for (size_t n = 0; n < COUNT; n++) {
        if (n == room) {
            room = room + 1;                                 // faulty
            room = room > 0 ? room * 2 : 8;                  // mended
            values = realloc(values, room * sizeof *values); // HERE
        }
        values[n] = (long)n * 7 % 1000;
        if (n % (COUNT / 10) == COUNT / 20)
            trace_mark("a tenth");
    }
    for (size_t i = 0; i < COUNT; i++)
        sum += values[i];
    printf("%ld\n", sum);
    free(values);
}
