/* Requests, of which a tenth is refused: what was made for those is freed, or forgotten. */
#include "trace.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
    char text[400];
};

static int serve(int i)
{
    struct request *request = malloc(sizeof *request); // HERE

    snprintf(request->text, sizeof request->text, "request %d", i);
    int length = (int)strlen(request->text);

    if (i % 10 == 0) {
        free(request); // mended
        return -1;
    }
    free(request);
    return length;
}

int main(void)
{
    long sum = 0;

    for (int batch = 0; batch < 20; batch++) {
        for (int i = 0; i < 2000; i++)
            sum += serve(batch * 2000 + i);
        trace_mark("batch");
    }
    printf("%ld\n", sum);
}
