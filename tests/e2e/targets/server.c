/* server.c - threads that serve requests until they are killed: each request makes a number of blocks, of which some are
 * kept until a later one, and every few requests are served by a thread of their own. What each has made and freed
 * stands in a file, as counted.c has it; a request's counts follow it. In between the threads sleep, so that it leaves
 * a processor to others.
 *
 *   server FILE THREADS
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCKS 200 /* of a request */
#define KEPT 64
#define OF_ITS_OWN 128 /* every so many requests have a thread of their own */
#define PAUSE_US 2000

struct counts {
    _Alignas(64) volatile uint64_t allocations;
    volatile uint64_t frees;
};

struct session {
    struct counts *counts;
    void *kept[KEPT];
    uint64_t made; /* a session's blocks differ in size */
};

/* The line that all blocks count for. */
__attribute__((noinline)) static void serve(struct session *session)
{
    uint64_t frees = 0;
    for (unsigned i = 0; i < BLOCKS; i++) {
        void **place = &session->kept[session->made * 7 % KEPT];
        frees += *place != NULL;
        free(*place);
        *place = malloc(16 + session->made++ % 2000);
    }
    session->counts->frees += frees;
    session->counts->allocations += BLOCKS;
}

static void *visit(void *data)
{
    serve(data);
    return NULL;
}

static void *run(void *data)
{
    struct session session = {.counts = data};
    for (uint64_t i = 1;; i++) {
        pthread_t thread;
        if (i % OF_ITS_OWN == 0 && pthread_create(&thread, NULL, visit, &session) == 0)
            pthread_join(thread, NULL);
        else
            serve(&session);
        usleep(PAUSE_US);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int threads = argc > 2 ? atoi(argv[2]) : 0, file = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0666);
    if (threads < 1 || threads > 64 || file < 0 || ftruncate(file, 4096) != 0)
        return 2;
    struct counts *counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (counts == MAP_FAILED)
        return 2;
    close(file);
    for (int i = 1; i < threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, run, &counts[i]) != 0)
            return 2;
    }
    run(&counts[0]);
}
