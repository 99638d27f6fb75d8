/* plugin.c - a library that allocates: when it is loaded, when it is asked to, and when it goes. */
#include <stdlib.h>

static void *from_start;

__attribute__((constructor)) static void plugin_load(void)
{
    from_start = malloc(777);
}

__attribute__((destructor)) static void plugin_unload(void)
{
    free(from_start);
}

void *plugin_make(size_t size)
{
    return malloc(size);
}

void plugin_drop(void *block)
{
    free(block);
}
