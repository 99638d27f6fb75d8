/* churn.c - threads that allocate and free without end, for attaching to; and, now and then, a library that
 * comes and goes. Ends by itself after SECONDS, when it is told to by SIGUSR2, or when its parent is gone.
 *
 *   churn THREADS SECONDS [LIBRARY]
 *
 * LIBRARY exports void *plugin_make(size_t) and void plugin_drop(void *).
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define BLOCKS 256

static volatile sig_atomic_t told_to_end;

static void on_signal(int number)
{
    told_to_end = number;
}

static void *storm(void *seed)
{
    unsigned state = (unsigned)(size_t)seed;
    void *blocks[BLOCKS] = {NULL};
    for (;;) {
        state = state * 1103515245 + 12345;
        unsigned i = state >> 16 & (BLOCKS - 1);
        size_t size = 1 + (state >> 8 & 1023);
        if (state >> 24 & 1) {
            free(blocks[i]);
            blocks[i] = malloc(size);
        } else {
            blocks[i] = realloc(blocks[i], size);
        }
        memset(blocks[i], 1, size < 16 ? size : 16);
    }
    return NULL;
}

static void use_plugin(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        puts(dlerror());
        exit(3);
    }
    void *(*make)(size_t) = (void *(*)(size_t))dlsym(library, "plugin_make");
    void (*drop)(void *) = (void (*)(void *))dlsym(library, "plugin_drop");
    for (int i = 0; i < 10; i++)
        drop(make(5000));
    dlclose(library);
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 4;
    time_t end = time(NULL) + (argc > 2 ? atoi(argv[2]) : 60);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGUSR2, on_signal);
    for (int i = 0; i < threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, storm, (void *)(size_t)(i + 1)) != 0)
            return 2;
    }
    puts("ready");
    fflush(stdout);
    while (time(NULL) < end && !told_to_end) {
        if (argc > 3)
            use_plugin(argv[3]);
        usleep(1000);
    }
    return 0;
}
