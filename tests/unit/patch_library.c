/* patch_library.c - a library with references to the allocator of every kind, for test_patch.c. */
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

void *(*volatile library_pointer)(size_t) = malloc; /* in the data section */

void *library_by_pointer(size_t size)
{
    return library_pointer(size);
}

/* In the section that is read-only after relocation. */
void *(*const library_constants[])(size_t) = {malloc, valloc};

void *library_by_constant(size_t size, int which)
{
    return library_constants[which](size);
}
