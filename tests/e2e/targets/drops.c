/* drops.c - sets marks, and frees at once what it had then. Says "ready 0", and does what a line of its input says, each
 * answered by "done NUMBER", 0 unless it is said here:
 *
 *   full NAME    asks for 24 MiB and writes to them, sets a mark, and frees all; its number: microseconds that the mark took
 *   marks N      sets so many marks in a row
 *   confine      from now on it may read, write and end, and nothing else */
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <trace.h>
#include <unistd.h>

#define LARGE ((size_t)16 << 20)
#define SMALL 1000
#define SMALL_COUNT 8388

static int microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int)(now.tv_sec % 1000 * 1000000 + now.tv_nsec / 1000);
}

static int __attribute__((noinline)) full(const char *name)
{
    static void *small[SMALL_COUNT];
    void *large = memset(malloc(LARGE), 1, LARGE);
    for (int i = 0; i < SMALL_COUNT; i++)
        small[i] = memset(malloc(SMALL), 1, SMALL);
    int before = microseconds();
    trace_mark(name);
    int took = microseconds() - before;
    for (int i = 0; i < SMALL_COUNT; i++)
        free(small[i]);
    free(large);
    return took;
}

static void say(const char *what, int number)
{
    char text[32];
    int size = snprintf(text, sizeof text, "%s %d\n", what, number);
    if (write(1, text, (size_t)size) != size)
        syscall(SYS_exit, 1);
}

int main(void)
{
    static char line[128];
    bool confined = false;
    setvbuf(stdin, NULL, _IONBF, 0);
    say("ready", 0);
    while (fgets(line, sizeof line, stdin) != NULL) {
        int number = 0;
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "full ", 5) == 0)
            number = full(line + 5);
        else if (strncmp(line, "marks ", 6) == 0)
            for (int i = 0, count = atoi(line + 6); i < count; i++)
                trace_mark("tick");
        else if (strcmp(line, "confine") == 0)
            confined = prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0;
        say("done", number);
    }
    if (confined) /* which is all that is allowed */
        syscall(SYS_exit, 0);
    return 0;
}
