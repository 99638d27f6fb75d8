/* locked.c - a program that keeps its memory locked, and counts what it can have then.
 *
 *   locked FLAGS [stay]      FLAGS as for mlockall(): 1 what there is, 2 what comes, 4 once it is touched
 *
 * Makes blocks, locks, and says how that went and how much is locked; makes more, of 64 KiB, until there are
 * 1,000 or no more is to be had, and says how many. Then, with stay, allocates until its input ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void small_blocks(int count)
{
    for (int i = 0; i < count; i++) {
        char *volatile block = malloc((size_t)(i % 100) + 1);
        if (block)
            *block = 1;
        free(block);
    }
}

static long locked_kib(void)
{
    char line[256];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmLck: %ld", &kib) == 1)
            break;
    if (status)
        fclose(status);
    return kib;
}

/* Each in a mapping of its own, or glibc's heap would grow in steps. */
static int large_blocks(void)
{
    int count = 0;
    while (count < 1000) {
        char *block = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED)
            break;
        *block = 1;
        count++;
        small_blocks(10);
    }
    return count;
}

int main(int argc, char **argv)
{
    char end;
    if (argc < 2)
        return 2;
    small_blocks(1000);
    int result = mlockall(atoi(argv[1]));
    printf("%s\n", result == 0 ? "locked" : strerror(errno));
    printf("%ld KiB\n", locked_kib());
    printf("%d more\n", large_blocks());
    small_blocks(1000);
    if (argc > 2) {
        printf("ready\n");
        fflush(stdout);
        while (read(STDIN_FILENO, &end, 1) < 0 && errno == EAGAIN) {
            small_blocks(10);
            nanosleep(&(struct timespec){0, 1000000}, NULL);
        }
    }
    return 0;
}
