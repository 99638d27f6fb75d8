/* fragments.c - a heap of which little is left, and that on nearly all its pages.
 *
 *   fragments BLOCKS [SIZE]   allocates so many, and one in fifty that it keeps, frees the others, and says "ready RSS".
 *                             Then, for a line of its input: "trim" gives back what malloc_trim(0) can, "mark NAME" sets a
 *                             mark; each is answered by "done RSS". RSS: resident bytes that are no file's. SIZE: of the
 *                             freed ones, half of it to three halves; 16 to 255 bytes without.
 */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trace.h>
#include <unistd.h>

static void *__attribute__((noinline)) keep(size_t size)
{
    return memset(malloc(size), 1, size);
}

static void *__attribute__((noinline)) drop(size_t size)
{
    return memset(malloc(size), 1, size);
}

/* Added up by the kernel page by page: statm's sums are off by some hundred KiB, and have pages of files in them, which
 * are taken from us at any time. */
static long resident(void)
{
    static char text[8192];
    int file = open("/proc/self/smaps_rollup", O_RDONLY);
    ssize_t size = file >= 0 ? read(file, text, sizeof text - 1) : 0;
    const char *anonymous = size > 0 ? strstr(text, "\nAnonymous:") : NULL;
    if (file >= 0)
        close(file);
    return anonymous != NULL ? atol(anonymous + sizeof "\nAnonymous:" - 1) * 1024 : 0;
}

static void say(const char *what)
{
    printf("%s %ld\n", what, resident());
    fflush(stdout);
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? atol(argv[1]) : 0, kept_count = 0;
    size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) : 0, least = size ? size / 2 : 16;
    void **blocks = malloc((size_t)count * sizeof *blocks),
         **kept = malloc((size_t)count / 50 * sizeof *kept + 8);
    char *table = malloc(8 << 20), line[128];
    size = size ? size : 240;
    if (count < 1 || blocks == NULL || kept == NULL || table == NULL)
        return 2;
    memset(table, 1, 1 << 20); /* the rest is never touched */
    for (long i = 0; i < count; i++) {
        if (i % 50 == 0)
            kept[kept_count++] = keep(64);
        blocks[i] = drop(least + (size_t)i * 37 % size);
    }
    for (long i = 0; i < count; i++)
        free(blocks[i]);
    say("ready");
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "trim") == 0)
            malloc_trim(0);
        else if (strncmp(line, "mark ", 5) == 0)
            trace_mark(line + 5);
        say("done");
    }
    return table[0] == 1 && kept_count > 0 ? 0 : 1;
}
