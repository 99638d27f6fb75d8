/* large.c - processes that are large, each for another reason.
 *
 *   large blocks|arenas|files|shared|forks|huge   says "ready PID..." when it is, and ends with its input. The PIDs are
 *                                                 those of all its processes.
 *
 *   blocks  300,000 blocks, and two of three freed again
 *   arenas  eight threads, each with blocks of its own, which stay
 *   files   a file of 24 MiB mapped twice: read, and privately changed; one in memory; 16 MiB of which half is touched
 *   forks   a heap, 8 MiB mapped beside it, and four children that change a quarter of it each
 *   huge    blocks in memory that is asked for in huge pages
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define THREADS 8
#define CHILDREN 4

static void *__attribute__((noinline)) filled(size_t size)
{
    return memset(malloc(size), 1, size);
}

static void fill_heap(long count, int keep_every)
{
    void **blocks = malloc((size_t)count * sizeof *blocks);
    for (long i = 0; i < count; i++)
        blocks[i] = filled(16 + (size_t)i * 37 % 400);
    for (long i = 0; i < count; i++)
        if (i % keep_every != 0)
            free(blocks[i]);
}

static void *mapped(size_t size, int flags, int fd)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (memory == MAP_FAILED)
        exit(2);
    return memory;
}

static pthread_barrier_t all;

static void *work(void *unused)
{
    fill_heap(20000, 1);
    pthread_barrier_wait(&all);
    pause();
    return unused;
}

static void be_arenas(void)
{
    pthread_t thread;
    pthread_barrier_init(&all, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&thread, NULL, work, NULL);
    pthread_barrier_wait(&all);
}

static void be_files(void)
{
    volatile char sum = 0;
    char name[] = "large-file-XXXXXX";
    int fd = mkstemp(name), memory = memfd_create("kept", MFD_CLOEXEC);
    if (fd < 0 || memory < 0 || ftruncate(memory, 8 * MIB) != 0)
        exit(2);
    char *text = filled(MIB);
    for (int i = 0; i < 24; i++)
        if (write(fd, text, MIB) != (ssize_t)MIB)
            exit(2);
    unlink(name);
    const char *read_only = mapped(24 * MIB, MAP_SHARED, fd);
    for (size_t i = 0; i < 24 * MIB; i += 4096)
        sum += read_only[i];
    memset(mapped(24 * MIB, MAP_PRIVATE, fd), 2, 12 * MIB);
    memset(mapped(8 * MIB, MAP_SHARED, memory), 3, 8 * MIB);
    memset(mapped(16 * MIB, MAP_PRIVATE | MAP_ANONYMOUS, -1), 4, 8 * MIB);
}

static pid_t children[CHILDREN];

static void be_forks(void)
{
    int ready[2];
    char byte = 0, *table = filled(16 * MIB);
    memset(mapped(8 * MIB, MAP_PRIVATE | MAP_ANONYMOUS, -1), 5, 8 * MIB);
    fill_heap(100000, 3);
    if (pipe(ready) != 0)
        exit(2);
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            memset(table + 4 * (size_t)i * MIB, 2, 4 * MIB);
            fill_heap(10000, 2);
            if (write(ready[1], &byte, 1) == 1)
                pause();
            _exit(0);
        }
    }
    for (int i = 0; i < CHILDREN; i++)
        if (read(ready[0], &byte, 1) != 1)
            exit(2);
}

static void be_huge(void)
{
    size_t size = 64 * MIB;
    char *memory = aligned_alloc(2 * MIB, size);
    if (memory == NULL || madvise(memory, size, MADV_HUGEPAGE) != 0)
        exit(2);
    memset(memory, 1, size / 2);
    for (size_t i = size / 2; i < size; i += 4 * MIB) /* one byte of every second huge page */
        memory[i] = 1;
    fill_heap(100000, 3);
}

int main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "";
    if (strcmp(kind, "blocks") == 0)
        fill_heap(300000, 3);
    else if (strcmp(kind, "arenas") == 0)
        be_arenas();
    else if (strcmp(kind, "files") == 0)
        be_files();
    else if (strcmp(kind, "forks") == 0)
        be_forks();
    else if (strcmp(kind, "huge") == 0)
        be_huge();
    else
        return 2;
    printf("ready %d", (int)getpid());
    for (int i = 0; i < CHILDREN && children[i] != 0; i++)
        printf(" %d", (int)children[i]);
    puts("");
    fflush(stdout);
    getchar();
    for (int i = 0; i < CHILDREN && children[i] != 0; i++) {
        kill(children[i], SIGTERM);
        waitpid(children[i], NULL, 0);
    }
    return 0;
}
