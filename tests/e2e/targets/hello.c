/* hello.c - the smallest program that allocates; also built statically. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    char *text = strdup(argc > 1 ? argv[1] : "world");
    if (!text)
        return 1;
    printf("hello %s\n", text);
    free(text);
    return argc > 2 ? atoi(argv[2]) : 0;
}
