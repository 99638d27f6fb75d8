/* A thread reads, another one uses what was read: large buffers, a few thousand of them; and a table that one thread loads and
 * another one drops at the end. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFERS = 4000, SIZE = 16384, ROWS = 120000 };

struct row {
    struct row *next;
    long number;
    char text[];
};

static void *slot;
static struct row *rows;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void put(void *buffer)
{
    pthread_mutex_lock(&lock);
    while (slot)
        pthread_cond_wait(&changed, &lock);
    slot = buffer;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void *take(void)
{
    pthread_mutex_lock(&lock);
    while (!slot)
        pthread_cond_wait(&changed, &lock);
    void *buffer = slot;
    slot = NULL;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return buffer;
}

static void *read_all(void *unused)
{
    for (int i = 0; i < BUFFERS; i++) {
        char *buffer = malloc(SIZE);
        memset(buffer, i % 100 + 1, SIZE);
        put(buffer);
    }
    for (long i = 0; i < ROWS; i++) {
        size_t length = (size_t)(60 + i * 7 % 200);
        struct row *row = malloc(sizeof *row + length);
        row->next = rows;
        row->number = i;
        memset(row->text, 'r', length);
        rows = row;
    }
    return unused;
}

int main(void)
{
    pthread_t reader;
    long sum = 0;
    pthread_create(&reader, NULL, read_all, NULL);
    for (int i = 0; i < BUFFERS; i++) {
        char *buffer = take();
        sum += buffer[SIZE - 1];
        free(buffer);
    }
    pthread_join(reader, NULL);
    for (struct row *row = rows, *next; row; row = next) {
        next = row->next;
        sum += row->number % 10;
        free(row);
    }
    printf("%ld\n", sum);
}
