/* Two threads: one makes blocks, the other one frees them. No block could be used again by who made it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 120000 };
static char *slot;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void *take(void *unused)
{
    for (int i = 0; i < COUNT; i++) {
        pthread_mutex_lock(&lock);
        while (slot == NULL)
            pthread_cond_wait(&changed, &lock);
        free(slot);
        slot = NULL;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
    }
    return unused;
}

int main(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, take, NULL);
    for (int i = 0; i < COUNT; i++) {
        pthread_mutex_lock(&lock);
        while (slot != NULL)
            pthread_cond_wait(&changed, &lock);
        slot = malloc(64);
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
    }
    pthread_join(thread, NULL);
    puts("done");
}
