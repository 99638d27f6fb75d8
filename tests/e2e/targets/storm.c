/* storm.c - allocates until it is killed; what it has done so far stands in a file that it maps: allocations,
 * then frees. Blocks are 64 bytes; the last LIVE ones are kept.
 *
 *   storm FILE [--close]     --close closes all descriptors first
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LIVE 1000

int main(int argc, char **argv)
{
    static void *ring[LIVE];
    int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0666);

    if (fd < 0 || ftruncate(fd, 4096) != 0)
        return 2;
    volatile uint64_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return 2;
    close(fd);
    if (argc > 2)
        closefrom(0);
    for (uint64_t i = 0;; i++) {
        void *old = ring[i % LIVE];
        ring[i % LIVE] = malloc(64);
        page[0]++;
        if (old) {
            free(old);
            page[1]++;
        }
        if (i % 1000 == 0)
            usleep(100);
    }
}
