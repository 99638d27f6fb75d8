/* guests.c - a program that is told what to do, a letter each on stdin, and answers with a dot on
 * stdout when it is done; before that it says that it is ready:
 *
 *   m   the main thread makes a thousand blocks, below as many frames as the argument says
 *   g   another thread does, and ends
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((noinline)) static unsigned make(unsigned depth)
{
    if (depth > 1)
        return make(depth - 1) + 1;
    for (unsigned i = 0; i < 1000; i++) {
        void *volatile block = malloc(100 + i); /* which the compiler leaves there */
        free(block);
    }
    return 0;
}

static void *guest(void *depth)
{
    return (void *)(uintptr_t)make((unsigned)(uintptr_t)depth);
}

int main(int argc, char **argv)
{
    unsigned depth = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
    setvbuf(stdin, NULL, _IONBF, 0);
    setvbuf(stdout, NULL, _IONBF, 0);
    puts("ready");
    for (int what = getchar(); what != EOF; what = getchar()) {
        pthread_t thread;
        if (what == 'm')
            make(depth);
        else if (pthread_create(&thread, NULL, guest, (void *)(uintptr_t)depth) != 0 ||
                 pthread_join(thread, NULL) != 0)
            return 1;
        putchar('.');
    }
    return 0;
}
