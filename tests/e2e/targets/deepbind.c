/* deepbind.c - gives blocks to a library that was loaded with RTLD_DEEPBIND, and gets some from there.
 *
 *   deepbind LIBRARY lazy|now
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMES 100

static void *take(void *library, const char *name)
{
    void *function = dlsym(library, name);

    if (!function)
        exit(2);
    return function;
}

int main(int argc, char **argv)
{
    void *first = malloc(10);
    void *library = dlopen(argv[1], RTLD_LOCAL | RTLD_DEEPBIND |
                                        (argc > 2 && strcmp(argv[2], "now") == 0 ? RTLD_NOW : RTLD_LAZY));

    if (!library)
        return 2;
    void (*copy)(const char *) = take(library, "bound_copy");
    void *(*make)(size_t) = take(library, "bound_make");
    void *(*grow)(void *, size_t) = take(library, "bound_grow");
    void (*drop)(void *) = take(library, "bound_drop");

    for (int i = 0; i < TIMES; i++) {
        copy("a copy");
        free(make(200));
        drop(malloc(300));
        drop(grow(malloc(20), 400));
        drop(grow(make(20), 400));
    }
    drop(first);
    ((void (*)(void))take(library, "bound_map"))();
    dlclose(library);
    return 0;
}
