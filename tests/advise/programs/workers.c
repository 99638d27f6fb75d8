/* A process and the worker that it forks, with names of which there are few different ones: each has its own, or they share
 * them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OF_BOTH = 20000, MANY = 60000, NAMES = 20 };

static char *numbers[OF_BOTH], *names[MANY];
static char *known[NAMES]; // mended

static char *name_of(int i, const char *text)
{
    if (known[i % NAMES] != NULL)           // mended
        return known[i % NAMES];            // mended
    return known[i % NAMES] = strdup(text); // mended
    return strdup(text);                    // faulty HERE
}

static int work(void)
{
    char text[100];

    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "warehouse number %d, where all things are kept", i % NAMES);
        names[i] = name_of(i, text);
    }
    puts("waiting");
    fflush(stdout);
    return getchar() == EOF ? 0 : names[1][0] == 'x';
}

int main(void)
{
    char text[100];
    int status;

    for (int i = 0; i < OF_BOTH; i++) {
        snprintf(text, sizeof text, "number %d", i);
        numbers[i] = strdup(text);
    }
    if (fork() == 0)
        _exit(work());
    wait(&status);
    return numbers[1][0] == 'x';
}
