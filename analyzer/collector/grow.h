/* grow.h - arrays that grow by mremap(): nothing is copied, and new elements are zero. Not thread-safe. */
#ifndef LIBTRACE_GROW_H
#define LIBTRACE_GROW_H

#include <stdbool.h>
#include <stddef.h>

struct grow {
    void *memory;
    size_t room;      /* bytes that may be used */
    size_t reserved;  /* bytes of address space, of which room is the first part */
    bool small_pages; /* huge ones are not wanted, as what is used lies scattered; set by the owner */
};

/* Call this if memory is short: huge pages are not used from now on, as they take 2 MiB even for a few
 * bytes. */
void grow_sparingly(void);

/* Makes room for at least size bytes. False = out of memory; what was there stays. */
bool grow_to(struct grow *array, size_t size);
void grow_free(struct grow *array);

/* The element at an index; the array grows if necessary. NULL = out of memory. */
#define GROW_AT(array, type, index)                                    \
    ((size_t)(index) * sizeof(type) + sizeof(type) <= (array)->room || \
             grow_to((array), ((size_t)(index) + 1) * sizeof(type))    \
         ? (type *)(array)->memory + (index)                           \
         : NULL)

#endif
