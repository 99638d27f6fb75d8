/* marks.c - a program that tells about itself through trace.h; does the same, silently, where nobody traces
 * it. */
#include <trace.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void __attribute__((noinline)) blocks(int count)
{
    void *volatile block;
    for (int i = 0; i < count; i++) {
        block = malloc(40);
        free(block);
    }
}

int main(void)
{
    errno = 77;
    blocks(100);
    trace_mark("loaded");
    trace_resume(); /* without a pause: nothing */
    trace_pause();
    trace_pause();
    blocks(1000);
    trace_resume();
    blocks(1000);
    trace_resume();
    blocks(10);
    trace_snapshot("served \xc3\xa9");
    printf("done %d\n", errno);
    return 0;
}
