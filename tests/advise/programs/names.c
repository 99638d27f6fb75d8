/* Records with a name each, of which there are few different ones: each has its own, or they share them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 100000, NAMES = 20 };

static char *names[MANY];
static char *known[NAMES]; // mended

static char *name_of(int i, const char *text)
{
    if (known[i % NAMES] != NULL)                   // mended
        return known[i % NAMES];                    // mended
    return known[i % NAMES] = strdup(text);         // mended
    return strdup(text); /* read again and again */ // faulty HERE
}

int main(void)
{
    char text[100];

    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text,
                 "warehouse number %d, where all things are kept that nobody has asked for yet", i % NAMES);
        names[i] = name_of(i, text);
    }
    puts("waiting");
    fflush(stdout);
    return getchar() == EOF ? 0 : names[1][0] == 'x';
}
