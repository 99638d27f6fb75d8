/* patch_library.c - a library that knows the allocator in all ways in which one can, for test_patch.c. */
#include <stdlib.h>

void *library_call(size_t size);
void library_free(void *block);
void *library_by_pointer(size_t size);
void *library_by_constant(size_t size, int which);

void *library_call(size_t size)
{
    return malloc(size);
}

void library_free(void *block)
{
    free(block);
}

void *(*volatile library_pointer)(size_t) = malloc; /* with the data */

void *library_by_pointer(size_t size)
{
    return library_pointer(size);
}

/* With what is read-only once the loader is through. */
void *(*const library_constants[])(size_t) = {malloc, valloc};

void *library_by_constant(size_t size, int which)
{
    return library_constants[which](size);
}
