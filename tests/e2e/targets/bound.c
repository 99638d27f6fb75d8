/* bound.c - a library that is loaded with RTLD_DEEPBIND: what it calls by name is the C library's own, while what that
 * calls is not. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static char *kept;

__attribute__((constructor)) static void bound_load(void)
{
    char *volatile copy = strdup("at the start");

    free(copy);
    kept = malloc(500);
}

__attribute__((destructor)) static void bound_unload(void)
{
    free(kept);
}

void bound_copy(const char *text)
{
    char *volatile copy = strdup(text);

    free(copy);
}

void *bound_make(size_t size)
{
    void *volatile block = malloc(size);

    return block;
}

void *bound_grow(void *block, size_t size)
{
    void *volatile fresh = realloc(block, size);

    return fresh;
}

void bound_drop(void *block)
{
    free(block);
}

/* Three mappings, of which one stays. */
void bound_map(void)
{
    for (int i = 0; i < 3; i++) {
        void *place = mmap(NULL, 40000, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (place != MAP_FAILED && i > 0)
            munmap(place, 40000);
    }
}
