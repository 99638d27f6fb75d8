/* Names that are nearly all different; one in ten is that of another one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 50000 };

static char *names[MANY];

int main(void)
{
    char text[100];

    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "customer %06d, who lives in a street of some length",
                 i % 10 == 0 ? 7 : i);
        names[i] = strdup(text);
    }
    do {
        puts("waiting");
        fflush(stdout);
    } while (getchar() != EOF);
    return names[1][0] == 'x';
}
