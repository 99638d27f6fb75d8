/* pretender.c - exports what an interpreter does, of a kind that cannot be read, and allocates.
 *
 * VERSION: as PY_VERSION_HEX, 0 = known as text only; TEXT; COOKIE; FREE_THREADED
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void PyMem_SetAllocator(int domain, void *allocator);
void PyMem_GetAllocator(int domain, void *allocator);
const char *Py_GetVersion(void);

#if VERSION
const unsigned long Py_Version = VERSION;
#endif

struct {
    char cookie[8];
    uint64_t version, free_threaded, rest[200];
} _PyRuntime = {COOKIE, VERSION, FREE_THREADED, {0}};

/* Nobody may call these: the program is to be left alone. */
void PyMem_SetAllocator(int domain, void *allocator)
{
    printf("allocators of domain %d set to %p\n", domain, allocator);
}

void PyMem_GetAllocator(int domain, void *allocator)
{
    printf("allocators of domain %d asked for %p\n", domain, allocator);
}

const char *Py_GetVersion(void)
{
    return TEXT;
}

int main(void)
{
    static void *volatile kept;
    for (int i = 0; i < 10; i++)
        kept = malloc(1000);
    puts("done");
    return kept == NULL;
}
