/* mapper.c - maps memory by itself, in every way there is, a way a line.
 *
 *     mapper maps FILE     mmap(), munmap(), mremap(): anonymous, of a file, shared, reserved, in parts
 *     mapper threads       the same from several threads at once, which take over each other's addresses
 *     mapper heap          sbrk() and brk()
 *     mapper shared        System V's shared memory
 *     mapper numbers       by syscall() and a number
 *     mapper failing       calls that fail
 *     mapper handler       from a handler of a signal
 *     mapper resident      touches some of it, prints a line, and waits for its end
 *     mapper touching      the same; two lines whose memory the kernel shows as one mapping, and a block beside it
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define PAGE 4096
#define KIB 1024
#define MIB (1024 * KIB)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define BOTH (PROT_READ | PROT_WRITE)

static void check(int fine)
{
    if (!fine) {
        perror("mapper");
        exit(1);
    }
}

static char *made(void *mapping)
{
    check(mapping != MAP_FAILED);
    return mapping;
}

static void maps(const char *path)
{
    int file = open(path, O_RDWR);
    check(file >= 0);
    for (int i = 0; i < 3; i++) {
        char *small = made(mmap(NULL, 3 * PAGE - 100, BOTH, ANONYMOUS, -1, 0)); /* whole pages count */
        small[0] = 1;
        check(i == 2 || munmap(small, 3 * PAGE - 100) == 0);
    }
    made(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, file, 0));
    made(mmap(NULL, PAGE, BOTH, MAP_SHARED, file, 0));
    made(mmap(NULL, 5 * PAGE, BOTH, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    char *reserved = made(mmap(NULL, 64 * MIB, PROT_NONE, ANONYMOUS | MAP_NORESERVE, -1, 0));
    made(mmap(reserved + 8 * MIB, MIB, BOTH, ANONYMOUS | MAP_FIXED, -1, 0));
    check(munmap(reserved + 32 * MIB, MIB) == 0); /* the middle */
    check(munmap(reserved, 2 * MIB) == 0);        /* the start */
    check(munmap(reserved + 63 * MIB, MIB) == 0); /* the end */
    char *grown = made(mmap(NULL, 2 * PAGE, BOTH, ANONYMOUS, -1, 0));
    grown = made(mremap(grown, 2 * PAGE, 20 * PAGE, MREMAP_MAYMOVE));
    grown = made(mremap(grown, 20 * PAGE, 7 * PAGE, 0));
    check(munmap(grown, 3 * PAGE) == 0);
    char *twice = made(mmap(NULL, 2 * PAGE, BOTH, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    made(mremap(twice, 0, 2 * PAGE, MREMAP_MAYMOVE));
    made(mmap64(NULL, 6 * PAGE, BOTH, ANONYMOUS, -1, 0));
    close(file);
}

/* What one gives back another gets. */
static void *map_much(void *unused)
{
    for (int i = 0; i < 40; i++) {
        char *mapping = made(mmap(NULL, (size_t)(1 + i % 5) * PAGE, BOTH, ANONYMOUS, -1, 0));
        mapping[0] = 1;
        check(munmap(mapping, (size_t)(1 + i % 5) * PAGE) == 0);
    }
    made(mmap(NULL, 9 * PAGE, BOTH, ANONYMOUS, -1, 0));
    return unused;
}

static void threads(void)
{
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        check(pthread_create(&thread[i], NULL, map_much, NULL) == 0);
    for (int i = 0; i < 4; i++)
        check(pthread_join(thread[i], NULL) == 0);
}

static void heap(void)
{
    char *start = sbrk(100 * KIB + 8);
    check(start != (void *)-1);
    start[0] = 1;
    check(sbrk(-4 * KIB) != (void *)-1);
    check(brk((char *)sbrk(0) + 50 * KIB) == 0);
    check(malloc(300 * KIB) && malloc(10)); /* malloc()'s own part of the heap comes behind it */
}

static void shared(void)
{
    int segment = shmget(IPC_PRIVATE, 300 * KIB - 5, 0600);
    check(segment >= 0);
    char *one = shmat(segment, NULL, 0);
    check(one != (void *)-1);
    char *other = shmat(segment, NULL, SHM_RDONLY);
    check(other != (void *)-1);
    shmctl(segment, IPC_RMID, NULL);
    one[0] = 1;
    check(shmdt(other) == 0 && shmdt(one) == 0);
}

static void numbers(void)
{
    char *first = made((void *)syscall(SYS_mmap, NULL, 9 * PAGE - 1, BOTH, ANONYMOUS, -1, 0));
    first = made((void *)syscall(SYS_mremap, first, 9 * PAGE, 30 * PAGE, MREMAP_MAYMOVE));
    check(syscall(SYS_munmap, first, 10 * PAGE) == 0);
    int segment = shmget(IPC_PRIVATE, 70 * KIB, 0600);
    char *shared = made((void *)syscall(SYS_shmat, segment, NULL, 0)); /* MAP_FAILED is -1, too */
    shmctl(segment, IPC_RMID, NULL);
    check(syscall(SYS_shmdt, shared) == 0);
    errno = 0;
    check(syscall(SYS_mmap, NULL, 0, BOTH, ANONYMOUS, -1, 0) == -1 && errno == EINVAL);
    check(syscall(SYS_munmap, first + 1, PAGE) == -1 && errno == EINVAL);
    check(syscall(SYS_getpid) == getpid());
}

static void failing(void)
{
    char *mapping = made(mmap(NULL, 4 * PAGE, BOTH, ANONYMOUS, -1, 0));
    errno = 0;
    check(mmap(NULL, 0, BOTH, ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
    check(mmap(NULL, PAGE, BOTH, MAP_PRIVATE, -1, 0) == MAP_FAILED && errno == EBADF);
    check(munmap(mapping + 1, PAGE) == -1 && errno == EINVAL);
    check(munmap(mapping, 0) == -1 && errno == EINVAL);
    check(munmap(mapping, SIZE_MAX / 2) == -1 && errno == EINVAL);
    check(mremap(mapping, 4 * PAGE, 8 * PAGE, 0x4000) == MAP_FAILED && errno == EINVAL);
    check(mremap(mapping, 4 * PAGE, SIZE_MAX / 4, MREMAP_MAYMOVE) ==
          MAP_FAILED); /* after it was taken away */
    check(shmdt(mapping) == -1 && errno == EINVAL);
    check(shmat(-1, NULL, 0) == (void *)-1 && errno == EINVAL);
    check(brk((void *)(UINTPTR_MAX / 4)) == -1 && errno == ENOMEM);
    errno = EDOM;
    check(munmap(mapping, PAGE) == 0 && errno == EDOM);
    check(mmap(NULL, PAGE, BOTH, ANONYMOUS, -1, 0) != MAP_FAILED && errno == EDOM);
}

static volatile sig_atomic_t handled;

static void handle(int number)
{
    (void)number;
    int saved = errno;
    char *mapping = mmap(NULL, 2 * PAGE, BOTH, ANONYMOUS, -1, 0);
    if (mapping != MAP_FAILED)
        munmap(mapping, 2 * PAGE);
    handled++;
    errno = saved;
}

/* Signals come at any moment, also within malloc() and mmap(). */
static void handler(void)
{
    const struct itimerval every = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
    signal(SIGALRM, handle);
    munmap(made(mmap(NULL, PAGE, BOTH, ANONYMOUS, -1, 0)), PAGE);
    raise(SIGALRM); /* the tracer gets ready for both at their first call */
    setitimer(ITIMER_REAL, &every, NULL);
    while (handled < 500) {
        char *mapping = made(mmap(NULL, PAGE, BOTH, ANONYMOUS, -1, 0));
        free(malloc(100));
        check(munmap(mapping, PAGE) == 0);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    printf("%d\n", (int)handled);
}

static void wait_for_end(void)
{
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF) {
    }
}

static void resident(void)
{
    char *own = made(mmap(NULL, 40 * MIB, BOTH, ANONYMOUS, -1, 0));
    madvise(own, 40 * MIB, MADV_NOHUGEPAGE);
    memset(own + 8 * MIB, 1, 12 * MIB);
    char *ours = made(mmap(NULL, 9 * MIB, BOTH, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    memset(ours, 1, 3 * MIB);
    char *end = sbrk(2 * MIB);
    check(end != (void *)-1);
    end = (char *)(((uintptr_t)end + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
    memset(end, 1, MIB);
    wait_for_end();
}

static void touching(void)
{
    char *place = made(mmap(NULL, 32 * MIB, PROT_NONE, ANONYMOUS, -1, 0));
    char *first = made(mmap(place + 4 * MIB, 6 * MIB, BOTH, ANONYMOUS | MAP_FIXED, -1, 0));
    char *second = made(mmap(place + 10 * MIB, 6 * MIB, BOTH, ANONYMOUS | MAP_FIXED, -1, 0));
    madvise(first, 12 * MIB, MADV_NOHUGEPAGE);
    memset(first, 1, MIB);
    memset(second + 3 * MIB, 1, 2 * MIB);
    char *block = malloc(5 * MIB);
    check(block != NULL);
    memset(block, 1, 4 * MIB);
    wait_for_end();
    free(block);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "maps") == 0 && argc > 2)
        maps(argv[2]);
    else if (strcmp(what, "threads") == 0)
        threads();
    else if (strcmp(what, "heap") == 0)
        heap();
    else if (strcmp(what, "shared") == 0)
        shared();
    else if (strcmp(what, "numbers") == 0)
        numbers();
    else if (strcmp(what, "failing") == 0)
        failing();
    else if (strcmp(what, "handler") == 0)
        handler();
    else if (strcmp(what, "resident") == 0)
        resident();
    else if (strcmp(what, "touching") == 0)
        touching();
    else
        return 2;
    return 0;
}
