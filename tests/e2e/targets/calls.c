/* calls.c - a little of all that makes the tracer do something: blocks, more of them than a ring has room
 * for, a thread, a forked child, an executed one, a library that comes and goes.
 *
 *   calls           does that, prints what came of it, and ends with status 5
 *   calls child     allocates, prints "child", and ends with status 3
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static __attribute__((noinline)) long blocks(int count)
{
    void *kept[64] = {NULL};
    long sum = 0;
    for (int i = 0; i < count; i++) {
        free(kept[i % 64]);
        kept[i % 64] = malloc((size_t)(i % 500 + 1));
        sum += i;
    }
    for (int i = 0; i < 64; i++)
        free(kept[i]);
    return sum;
}

static void *in_thread(void *unused)
{
    (void)unused;
    return (void *)blocks(2000);
}

static int status_of(pid_t child)
{
    int status;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The library beside this program. */
static long plugin(void)
{
    char path[4096];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - sizeof "plugin.so");
    if (size < 0)
        return -1;
    path[size] = '\0';
    strcpy(strrchr(path, '/') + 1, "plugin.so");
    void *library = dlopen(path, RTLD_NOW);
    if (!library)
        return -1;
    void *(*make)(size_t) = (void *(*)(size_t))dlsym(library, "plugin_make");
    void (*drop)(void *) = (void (*)(void *))dlsym(library, "plugin_drop");
    for (int i = 0; i < 100; i++)
        drop(make(100));
    return dlclose(library);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    void *from_thread = NULL;
    if (argc > 1) {
        blocks(1000);
        puts("child");
        return 3;
    }
    printf("blocks %ld\n", blocks(40000));
    fflush(stdout);
    if (pthread_create(&thread, NULL, in_thread, NULL) == 0)
        pthread_join(thread, &from_thread);
    printf("thread %ld\n", (long)from_thread);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        blocks(1000);
        _exit(4);
    }
    printf("forked %d\n", status_of(child));
    fflush(stdout);
    child = fork();
    if (child == 0) {
        blocks(10);
        execl("/proc/self/exe", argv[0], "child", NULL);
        _exit(127);
    }
    printf("executed %d\n", status_of(child));
    printf("library %ld\n", plugin());
    return 5;
}
