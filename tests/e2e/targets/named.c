/* named.c - a library of one function; built twice, under two names for it. */
#include <stdlib.h>

void *NAME(size_t size);
void *NAME(size_t size)
{
    void *volatile block = malloc(size); /* not the last thing that is done: the call has a frame */
    return block;
}
