/* threads.c - threads that come and go, each with blocks of its own.
 *
 *   threads MODE     short 1,000 one after the other; many 64 at once; left: main ends while 8 allocate on;
 *                    destructor: thread-locals whose destructors allocate; cancel: cancelled while they
 * allocate
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void __attribute__((noinline)) blocks(int count)
{
    void *volatile block;
    for (int i = 0; i < count; i++) {
        block = malloc(64);
        free(block);
    }
}

static void *some(void *count)
{
    blocks((int)(size_t)count);
    return NULL;
}

static void *without_end(void *unused)
{
    for (;;)
        blocks(100);
    return unused;
}

static void short_lived(void)
{
    for (int i = 0; i < 1000; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, some, (void *)10) == 0)
            pthread_join(thread, NULL);
    }
}

static void at_once(void)
{
    pthread_t threads[64];
    for (int i = 0; i < 64; i++)
        if (pthread_create(&threads[i], NULL, some, (void *)1000) != 0)
            exit(2);
    for (int i = 0; i < 64; i++)
        pthread_join(threads[i], NULL);
}

static void left(void)
{
    pthread_t thread;
    for (int i = 0; i < 8; i++)
        if (pthread_create(&thread, NULL, without_end, NULL) != 0)
            exit(2);
    usleep(50000);
}

/* Destructors run again as long as they leave values behind: up to four times. */
static pthread_key_t keys[3];

static void destroy(void *value)
{
    size_t left = (size_t)value - 1;
    blocks(10);
    if (left) {
        for (int i = 0; i < 3; i++)
            pthread_setspecific(keys[i], (void *)left);
    }
}

static void *with_values(void *unused)
{
    for (int i = 0; i < 3; i++)
        pthread_setspecific(keys[i], (void *)2);
    blocks(10);
    return unused;
}

static void destructors(void)
{
    for (int i = 0; i < 3; i++)
        pthread_key_create(&keys[i], destroy);
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, with_values, NULL) == 0)
            pthread_join(thread, NULL);
    }
}

static void *until_cancelled(void *unused)
{
    for (;;) {
        blocks(10);
        pthread_testcancel();
    }
    return unused;
}

static void cancel(void)
{
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        void *result;
        if (pthread_create(&thread, NULL, until_cancelled, NULL) != 0)
            exit(2);
        usleep(i * 5);
        pthread_cancel(thread);
        pthread_join(thread, &result);
        if (result != PTHREAD_CANCELED)
            puts("not cancelled");
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } modes[] = {
        {"short", short_lived},      {"many", at_once},  {"left", left},
        {"destructor", destructors}, {"cancel", cancel},
    };
    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(argv[1], modes[i].name) == 0)
            modes[i].run();
    puts("done");
    return 0;
}
