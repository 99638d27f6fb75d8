/* grow.h - arrays that grow by remapping: no copy, fresh elements are zero. */
#ifndef LIBTRACE_GROW_H
#define LIBTRACE_GROW_H

#include <stdbool.h>
#include <stddef.h>

struct grow {
    void *memory;
    size_t room; /* bytes */
};

/* Memory is dear: from now on no huge pages are asked for, which are taken whole for a few bytes in them. */
void grow_sparingly(void);

/* Makes sure that at least size bytes are there. False on lack of memory; what was there stays. */
bool grow_to(struct grow *array, size_t size);
void grow_free(struct grow *array);

/* The element at an index, made if it is not there; NULL on lack of memory. */
#define GROW_AT(array, type, index)                                    \
    ((size_t)(index) * sizeof(type) + sizeof(type) <= (array)->room || \
             grow_to((array), ((size_t)(index) + 1) * sizeof(type))    \
         ? (type *)(array)->memory + (index)                           \
         : NULL)

#endif
