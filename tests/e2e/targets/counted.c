/* counted.c - threads that allocate until they are killed; what each has done so far stands in a file that it
 * maps: a line of 64 bytes for each thread with its allocations, then its frees.
 *
 *   counted FILE THREADS
 *
 * A count follows what it counts, so at any moment it may be one behind.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define KEPT 64

struct counts {
    _Alignas(64) volatile uint64_t allocations;
    volatile uint64_t frees;
};

static void *run(void *data)
{
    struct counts *counts = data;
    void *kept[KEPT] = {NULL};
    for (uint64_t i = 0;; i++) {
        void **place = &kept[i * 7 % KEPT];
        if (*place) {
            free(*place);
            counts->frees++;
        }
        *place = malloc(16 + i % 200);
        counts->allocations++;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int threads = argc > 2 ? atoi(argv[2]) : 0, file = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0666);
    if (threads < 1 || file < 0 || ftruncate(file, 4096) != 0)
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
