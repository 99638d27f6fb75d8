/* trace_collector.c - the program: records a run, or writes the rows that another process reads from one. */
#include "collector.h"
#include "collector_main.h"
#include "serve.h"
#include "store.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], COLLECTOR_STORE) == 0)
        return serve_main(argc, argv);
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return puts("trace-collector (libtrace) " LIBTRACE_VERSION) < 0;
    store_quick_blocks(); /* only the writer's thread has a store */
    return collector_main(argc, argv);
}
