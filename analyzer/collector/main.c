/* main.c - trace-collector: records a run, or writes down the rows of one that another process reads. */
#include "collector.h"
#include "collector_main.h"
#include "serve.h"

#include <string.h>

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], COLLECTOR_STORE) == 0)
        return serve_main(argc, argv);
    return collector_main(argc, argv);
}
