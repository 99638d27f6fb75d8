/* forks.c - forks while other threads are in the loader, or hold its lock. Every child does something that it
 * can do without a tracer, and must end; prints how many did not.
 *
 *   forks held            a thread is within dl_iterate_phdr() at each fork; children allocate
 *   forks asked PLUGIN    a thread allocates; if that calls dl_iterate_phdr(), it is in there at the fork;
 * the child loads forks storm N PLUGIN  threads load, unload, look the list of modules up and allocate;
 * children allocate forks load N PLUGIN   threads start threads and allocate, none is ever in the loader's
 * list; children load forks plugins P Q     a child allocates from P, which was loaded before, and from Q,
 * which it loads
 */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))
#define PATIENCE_MS 20000 /* for a child, which needs less than one */

static const char *plugin;
static _Atomic bool over;

static NOINLINE void blocks(int count)
{
    for (int i = 0; i < count; i++) {
        void *volatile block = malloc(72);
        free(block);
    }
}

/* True if the child ended well; one that does not end is killed. */
static bool ends(pid_t child)
{
    int status;
    for (int ms = 0; ms < PATIENCE_MS; ms++) {
        if (waitpid(child, &status, WNOHANG) == child)
            return WIFEXITED(status) && WEXITSTATUS(status) == 0;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return false;
}

static bool forked(void (*work)(void))
{
    pid_t child = fork();
    if (child == 0) {
        work();
        _exit(0);
    }
    return ends(child);
}

static void *in_thread(void *unused)
{
    blocks(10);
    return unused;
}

/* What ld.so allocates for a thread looks like what it allocates for a module. */
static void start_thread(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 1 << 20);
    if (pthread_create(&thread, &attributes, in_thread, NULL) == 0)
        pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}

/* ---- held ------------------------------------------------------------------------------------------------
 */

static sem_t inside, enough;

static int stay(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)info;
    (void)size;
    (void)unused;
    sem_post(&inside);
    sem_wait(&enough);
    return 1;
}

static void *hold(void *unused)
{
    dl_iterate_phdr(stay, NULL);
    return unused;
}

static void allocate(void)
{
    blocks(100);
}

static void allocate_in_threads(void)
{
    start_thread();
    start_thread();
    blocks(100);
}

static void have_a_child(void)
{
    blocks(10);
    if (!forked(allocate))
        _exit(1);
}

static int held(void)
{
    static void (*const works[])(void) = {allocate, allocate_in_threads, have_a_child};
    int stuck = 0;
    sem_init(&inside, 0, 0);
    sem_init(&enough, 0, 0);
    pthread_t holder;
    pthread_create(&holder, NULL, hold, NULL);
    sem_wait(&inside);
    for (size_t i = 0; i < sizeof works / sizeof works[0]; i++)
        stuck += !forked(works[i]);
    sem_post(&enough);
    pthread_join(holder, NULL);
    return stuck;
}

/* ---- asked -----------------------------------------------------------------------------------------------
 */

static __thread volatile bool stopping; /* this thread is to be held in its next call */
static sem_t go;

struct call {
    int (*callback)(struct dl_phdr_info *, size_t, void *);
    void *data;
};

static int stop_first(struct dl_phdr_info *info, size_t size, void *data)
{
    const struct call *call = data;
    if (stopping) {
        stopping = false;
        sem_post(&inside);
        sem_wait(&enough);
    }
    return call->callback(info, size, call->data);
}

/* Everybody's in this process. */
int dl_iterate_phdr(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data)
{
    static int (*_Atomic real)(int (*)(struct dl_phdr_info *, size_t, void *), void *);
    if (!real) {
        int (*found)(int (*)(struct dl_phdr_info *, size_t, void *), void *);
        void *symbol = dlsym(RTLD_NEXT, "dl_iterate_phdr");
        memcpy(&found, &symbol, sizeof found);
        real = found;
    }
    if (!stopping)
        return real(callback, data);
    struct call call = {callback, data};
    return real(stop_first, &call);
}

static void *allocate_once(void *unused)
{
    blocks(1);
    sem_post(&inside); /* known to a tracer; from here on it only looks at the world anew for a reason */
    sem_wait(&go);
    stopping = true;
    blocks(1);
    if (stopping) /* nobody called it */
        sem_post(&inside);
    return unused;
}

static void load(void)
{
    void *library = dlopen(plugin, RTLD_NOW);
    if (!library)
        _exit(1);
    dlclose(library);
}

static int asked(void)
{
    pthread_t thread;
    sem_init(&inside, 0, 0);
    sem_init(&enough, 0, 0);
    sem_init(&go, 0, 0);
    pthread_create(&thread, NULL, allocate_once, NULL);
    sem_wait(&inside);
    start_thread();
    sem_post(&go);
    sem_wait(&inside);
    int stuck = !forked(load);
    sem_post(&enough);
    pthread_join(thread, NULL);
    return stuck;
}

/* ---- storms ----------------------------------------------------------------------------------------------
 */

static void *load_and_unload(void *unused)
{
    while (!over) {
        void *library = dlopen(plugin, RTLD_NOW);
        if (library)
            dlclose(library);
    }
    return unused;
}

static int nothing(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)info;
    (void)size;
    (void)unused;
    return 0;
}

/* As a throw does before glibc 2.35. */
static void *look_up(void *unused)
{
    while (!over) {
        dl_iterate_phdr(nothing, NULL);
        blocks(1);
    }
    return unused;
}

static void *start_threads(void *unused)
{
    while (!over)
        start_thread();
    return unused;
}

static void *only_allocate(void *unused)
{
    while (!over)
        blocks(1);
    return unused;
}

static int storm(int children, void *(*const threads[])(void *), size_t count, void (*work)(void))
{
    pthread_t thread[4];
    int stuck = 0;
    for (size_t i = 0; i < count; i++)
        pthread_create(&thread[i], NULL, threads[i], NULL);
    for (int i = 0; i < children; i++)
        stuck += !forked(work);
    over = true;
    for (size_t i = 0; i < count; i++)
        pthread_join(thread[i], NULL);
    return stuck;
}

/* ---- plugins ---------------------------------------------------------------------------------------------
 */

static void *(*before)(size_t);
static const char *later;

static void make(void *(*from)(size_t), int count)
{
    for (int i = 0; i < count; i++)
        free(from(72));
}

static void use_plugins(void)
{
    make(before, 10);
    void *library = dlopen(later, RTLD_NOW);
    void *symbol = library ? dlsym(library, "first_make") : NULL;
    if (!symbol)
        _exit(1);
    void *(*from)(size_t);
    memcpy(&from, &symbol, sizeof from);
    make(from, 20);
}

static int plugins(char **paths)
{
    void *library = dlopen(paths[0], RTLD_NOW);
    void *symbol = library ? dlsym(library, "second_make") : NULL;
    if (!symbol)
        return 1;
    memcpy(&before, &symbol, sizeof before);
    later = paths[1];
    make(before, 5);
    return !forked(use_plugins);
}

int main(int argc, char **argv)
{
    static void *(*const loading[])(void *) = {load_and_unload, load_and_unload, look_up, only_allocate};
    static void *(*const starting[])(void *) = {start_threads, only_allocate, only_allocate, only_allocate};
    const char *mode = argc > 1 ? argv[1] : "";
    int stuck = 0;
    plugin = argc > 2 ? argv[argc - 1] : NULL;
    if (strcmp(mode, "held") == 0)
        stuck = held();
    else if (strcmp(mode, "asked") == 0 && plugin)
        stuck = asked();
    else if (strcmp(mode, "storm") == 0 && argc > 3)
        stuck = storm(atoi(argv[2]), loading, 4, allocate);
    else if (strcmp(mode, "load") == 0 && argc > 3)
        stuck = storm(atoi(argv[2]), starting, 4, load);
    else if (strcmp(mode, "plugins") == 0 && argc > 3)
        stuck = plugins(argv + 2);
    else
        return 2;
    printf("%d stuck\n", stuck);
    return 0;
}
