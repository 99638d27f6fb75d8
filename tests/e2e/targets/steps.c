/* steps: does what it is told on standard input, and says when it is done: a program that a test can look at
 * in its middle.
 *
 *   keep N     N blocks of 100 bytes            free N    of those, the latest
 *   large N    N blocks of 10,000 bytes         brief N   N blocks of 50 bytes, each freed at once
 *   mark NAME  names the moment
 */
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *kept[1 << 20], *volatile kept_large[1 << 10];
static long count, count_large;

static __attribute__((noinline)) void keep(long n)
{
    while (n-- > 0)
        kept[count++] = malloc(100);
}

static __attribute__((noinline)) void give(long n)
{
    while (n-- > 0)
        free(kept[--count]);
}

static __attribute__((noinline)) void large(long n)
{
    while (n-- > 0)
        kept_large[count_large++] = malloc(10000);
}

static __attribute__((noinline)) void brief(long n)
{
    while (n-- > 0) {
        void *volatile block = malloc(50);
        free(block);
    }
}

int main(void)
{
    char line[256];

    setvbuf(stdin, NULL, _IONBF, 0);
    while (fgets(line, sizeof line, stdin)) {
        char *argument = line + strcspn(line, " ");

        line[strcspn(line, "\n")] = '\0';
        argument += *argument == ' ';
        if (strncmp(line, "keep ", 5) == 0)
            keep(atol(argument));
        else if (strncmp(line, "free ", 5) == 0)
            give(atol(argument));
        else if (strncmp(line, "large ", 6) == 0)
            large(atol(argument));
        else if (strncmp(line, "brief ", 6) == 0)
            brief(atol(argument));
        else if (strncmp(line, "mark ", 5) == 0)
            trace_mark(argument);
        puts("done");
        fflush(stdout);
    }
    return 0;
}
