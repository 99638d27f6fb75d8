/* Counters that are all equal, and stay so: each is written to. */
#include <stdio.h>
#include <stdlib.h>

enum { MANY = 50000 };
struct counter {
    long seen, limit;
    char rest[64];
};

static struct counter *counters[MANY];

int main(void)
{
    for (int i = 0; i < MANY; i++) {
        counters[i] = calloc(1, sizeof *counters[i]);
        counters[i]->limit = 100;
    }
    do {
        for (int i = 0; i < MANY; i++)
            counters[i]->seen++;
        puts("waiting");
        fflush(stdout);
    } while (getchar() != EOF);
}
