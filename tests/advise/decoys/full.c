/* Three caches of 4,000 entries: one is full late, one early, but what is in it becomes larger, and one is emptied. */
#include "trace.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARKS = 40, STEPS = 5000, SLOTS = 4000 };
static char *late[SLOTS], *early[SLOTS], *emptied[SLOTS];

static void late_put(int step)
{
    int i = step / (MARKS * STEPS / SLOTS * 9 / 10);

    if (i < SLOTS && late[i] == NULL)
        late[i] = calloc(1, 500);
}

static void early_put(int step)
{
    int i = step / 10 % SLOTS;

    free(early[i]);
    early[i] = calloc(1, 500 + (size_t)step / 4000);
}

static void emptied_put(int step)
{
    int i = step / 17 % SLOTS; /* emptied twice, and nearly full again at the end */

    for (int k = 0; k < SLOTS && i == 0 && step % 17 == 0; k++) {
        free(emptied[k]);
        emptied[k] = NULL;
    }
    if (emptied[i] == NULL)
        emptied[i] = calloc(1, 500);
}

int main(void)
{
    for (int step = 0; step < MARKS * STEPS; step++) {
        late_put(step);
        early_put(step);
        emptied_put(step);
        if (step % STEPS == STEPS - 1)
            trace_mark("batch");
    }
    printf("%s%s%s\n", late[0], early[0], emptied[0]);
}
