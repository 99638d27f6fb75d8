/* Many blocks that go, and a few that stay: these are made in between, or apart. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 200000, EACH = 10 };

static void *many[MANY];
static char *few[MANY / EACH];
static char apart[MANY / EACH][64]; // mended

int main(void)
{
    for (int i = 0; i < MANY; i++) {
        many[i] = malloc(200);
        memset(many[i], 1, 200);
        if (i % EACH == 0) {
            few[i / EACH] = apart[i / EACH]; // mended
            few[i / EACH] = malloc(64);      // faulty HERE
            snprintf(few[i / EACH], 64, "%d", i);
        }
    }
    for (int i = 0; i < MANY; i++)
        free(many[i]);
    puts("waiting");
    fflush(stdout);
    return getchar() == EOF ? 0 : few[1][0] == 'x';
}
