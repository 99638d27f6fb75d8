/* Messages from one thread to another: each made for its way and freed by who reads it, or handed back. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { MESSAGES = 150000, ROOM = 64 };

struct message {
    long number;
    char text[100];
};

struct queue {
    struct message *slot[2 * ROOM];
    size_t head, tail;
};

static struct queue there, back;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void put(struct queue *queue, struct message *message, size_t limit)
{
    pthread_mutex_lock(&lock);
    while (queue->head - queue->tail == limit)
        pthread_cond_wait(&changed, &lock);
    queue->slot[queue->head++ % (2 * ROOM)] = message;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static struct message *take(struct queue *queue, int wait)
{
    struct message *message = NULL;
    pthread_mutex_lock(&lock);
    while (wait && queue->head == queue->tail)
        pthread_cond_wait(&changed, &lock);
    if (queue->head != queue->tail)
        message = queue->slot[queue->tail++ % (2 * ROOM)];
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return message;
}

static void *produce(void *unused)
{
    for (long i = 0; i < MESSAGES; i++) {
        struct message *message = take(&back, 0);          // mended
        if (!message)                                      // mended
            message = malloc(sizeof *message);             // mended
        struct message *message = malloc(sizeof *message); // faulty HERE
        message->number = i;
        snprintf(message->text, sizeof message->text, "message %ld", i);
        put(&there, message, ROOM);
    }
    put(&there, NULL, ROOM);
    return unused;
}

int main(void)
{
    pthread_t producer;
    long sum = 0;
    pthread_create(&producer, NULL, produce, NULL);
    for (struct message *message; (message = take(&there, 1));) {
        sum += message->number % 1000 + message->text[0];
        put(&back, message, 2 * ROOM); // mended
        free(message);                 // faulty
    }
    pthread_join(producer, NULL);
    for (struct message *message; (message = take(&back, 0));)
        free(message);
    printf("%ld\n", sum);
}
