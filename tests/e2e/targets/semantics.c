/* semantics.c - every promise of the allocation functions that a program could rely on, printed. The test
 * compares the output with and without the tracer, so nothing that may differ between two runs (addresses,
 * sizes beyond those asked for) is printed; what the standards or the manual pages demand is checked here as
 * well, and the program fails. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HUGE (SIZE_MAX / 2 + 10)

static int failures;
static int checks;

static void check(int good, const char *what, int line)
{
    checks++;
    if (!good) {
        failures++;
        printf("line %d failed: %s\n", line, what);
    }
}
#define CHECK(condition) check((condition) ? 1 : 0, #condition, __LINE__)

/* The compiler knows what malloc promises, and would answer these questions itself. */
static void *opaque(void *memory)
{
    __asm__ volatile("" : "+r"(memory)::"memory");
    return memory;
}
static size_t size(size_t n)
{
    __asm__ volatile("" : "+r"(n));
    return n;
}

static int aligned(void *memory, size_t to)
{
    return (uintptr_t)opaque(memory) % to == 0;
}

static int filled(const void *memory, int byte, size_t n)
{
    const unsigned char *p = memory;
    while (n && *p == (unsigned char)byte)
        p++, n--;
    return n == 0;
}

static void errno_is_kept(void)
{
    errno = 4711;
    void *a = opaque(malloc(size(100)));
    void *b = opaque(calloc(3, 100));
    a = opaque(realloc(a, 100000));
    void *c = opaque(aligned_alloc(64, 128));
    CHECK(errno == 4711);
    free(a);
    free(b);
    free(c);
    free(NULL);
    CHECK(errno == 4711);
    void *big = opaque(malloc(size(64 << 20))); /* its free is a system call */
    errno = 4711;
    free(big);
    CHECK(errno == 4711);
}

static void zero_sizes(void)
{
    void *a = opaque(malloc(size(0))), *b = opaque(malloc(size(0)));
    CHECK(a && b && a != b);
    CHECK(malloc_usable_size(a) > 0);
    void *c = opaque(calloc(size(0), 8));
    CHECK(c);
    CHECK(opaque(realloc(NULL, size(0))) != NULL); /* one block, left to the end */
    void *d = opaque(malloc(8));
    CHECK(opaque(realloc(d, size(0))) == NULL); /* glibc: frees */
    free(a);
    free(b);
    free(c);
    CHECK(malloc_usable_size(NULL) == 0);
}

static void overflow(void)
{
    errno = 0;
    CHECK(opaque(malloc(size(HUGE))) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(opaque(calloc(size(SIZE_MAX / 2), 3)) == NULL && errno == ENOMEM);
    errno = 0;
    void *kept = opaque(malloc(100));
    memset(kept, 9, 100);
    CHECK(opaque(realloc(kept, size(HUGE))) == NULL && errno == ENOMEM);
    CHECK(filled(kept, 9, 100)); /* a failed realloc leaves the block alone */
    errno = 0;
    CHECK(opaque(reallocarray(kept, size(SIZE_MAX / 2), 3)) == NULL && errno == ENOMEM);
    CHECK(filled(kept, 9, 100));
    kept = opaque(reallocarray(kept, 50, 4));
    CHECK(kept && filled(kept, 9, 100));
    free(kept);
    errno = 0;
    CHECK(opaque(memalign(64, size(HUGE))) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(opaque(valloc(size(SIZE_MAX - 10))) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(opaque(pvalloc(size(SIZE_MAX - 10))) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(opaque(aligned_alloc(4096, size(SIZE_MAX - 10))) == NULL && errno == ENOMEM);
}

static void alignment(void)
{
    for (size_t n = 1; n < 5000; n = n * 3 / 2 + 1) {
        void *a = malloc(n);
        CHECK(aligned(a, 16));
        memset(a, 1, n);
        a = realloc(a, 2 * n);
        CHECK(aligned(a, 16) && filled(a, 1, n));
        free(a);
    }
    for (size_t to = sizeof(void *); to <= 1 << 16; to *= 2) {
        void *a = NULL;
        CHECK(posix_memalign(&a, to, 100) == 0 && aligned(a, to));
        CHECK(malloc_usable_size(a) >= 100);
        free(a);
        a = memalign(to, 100);
        CHECK(aligned(a, to));
        free(a);
        a = aligned_alloc(to, to);
        CHECK(aligned(a, to));
        a = realloc(a, 3 * to);
        CHECK(a != NULL);
        free(a);
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *v = valloc(100), *p = pvalloc(page + 1);
    CHECK(aligned(v, page) && aligned(p, page) && malloc_usable_size(p) >= 2 * page);
    free(v);
    free(p);
}

static void invalid_arguments(void)
{
    void *untouched = &failures, *memory = untouched;

    errno = 4711;
    CHECK(posix_memalign(&memory, size(3), 100) == EINVAL && memory == untouched);
    CHECK(posix_memalign(&memory, size(0), 100) == EINVAL && memory == untouched);
    CHECK(posix_memalign(&memory, size(4), 100) == EINVAL && memory == untouched);
    CHECK(posix_memalign(&memory, 64, size(HUGE)) == ENOMEM && memory == untouched);
    CHECK(errno == 4711 || errno == ENOMEM);        /* posix_memalign may set it or not, by version */
    CHECK(opaque(memalign(size(24), 100)) != NULL); /* rounded up to a power of two */
    errno = 0;
    memory = opaque(aligned_alloc(size(24), 48)); /* refused from glibc 2.38 on */
    printf("aligned_alloc(24): %s\n", memory ? "a block" : strerror(errno));
    free(memory);
}

static void zeroed(void)
{
    for (int i = 0; i < 1000; i++) {
        size_t n = (size_t)(i * 37 % 3000 + 1);
        void *dirty = malloc(n);
        memset(dirty, 0xff, n);
        free(opaque(dirty));
        void *clean = calloc(1, n);
        CHECK(filled(clean, 0, n));
        free(clean);
    }
}

/* ---- at odd times ----------------------------------------------------------------------------- */

static char *made_before_main;
static pthread_key_t key;
static volatile sig_atomic_t handled;

__attribute__((constructor)) static void before_main(void)
{
    made_before_main = realloc(strdup("made before main"), 200);
}

/* stdio is flushed by now, so these two write(2). */
static void tell(const char *text)
{
    char *copy = strdup(text);
    if (write(STDOUT_FILENO, copy, strlen(copy)) < 0)
        _exit(9);
    free(copy);
}

__attribute__((destructor)) static void after_main(void)
{
    tell("in a destructor\n");
    free(opaque(malloc(1000)));
}

static void at_exit(void)
{
    tell("in an exit handler\n");
    free(made_before_main);
    made_before_main = opaque(calloc(10, 10));
}

static void thread_ends(void *block)
{
    static __thread int again;
    free(block);
    if (again++ < 2) /* the destructor makes a new value, so it is called again */
        pthread_setspecific(key, malloc(100));
}

static void *thread(void *block)
{
    free(block);
    pthread_setspecific(key, malloc(50));
    return strdup("from a thread");
}

/* malloc in a signal handler is undefined, unless the handler interrupts something else: which this one does.
 */
static void on_signal(int number)
{
    (void)number;
    free(opaque(malloc(64)));
    handled++;
}

static void odd_times(void)
{
    CHECK(strcmp(made_before_main, "made before main") == 0);
    atexit(at_exit);
    pthread_key_create(&key, thread_ends);
    for (int i = 0; i < 20; i++) {
        pthread_t id;
        void *result = NULL;
        pthread_create(&id, NULL, thread, malloc(10));
        pthread_join(id, &result);
        CHECK(result && strcmp(result, "from a thread") == 0);
        free(result);
    }

    static char stack[65536];
    stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    sigaltstack(&alternative, NULL);
    sigaction(SIGUSR1, &action, NULL);
    for (int i = 0; i < 100; i++)
        raise(SIGUSR1);
    CHECK(handled == 100);
}

int main(void)
{
    errno_is_kept();
    zero_sizes();
    overflow();
    alignment();
    invalid_arguments();
    zeroed();
    odd_times();
    printf("%d checks, %d failed\n", checks, failures);
    fflush(stdout);
    return failures != 0;
}
