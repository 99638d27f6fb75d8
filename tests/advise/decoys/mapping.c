/* An array that realloc makes larger: the C library moves its mapping, and copies nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    size_t size = 1 << 20;
    char *data = malloc(size), *apart;
    memset(data, 'd', size);
    while (size < 24 << 20) {
        apart = malloc(1 << 20); /* behind it, so that it cannot grow where it is */
        memset(apart, 'a', 1 << 20);
        data = realloc(data, size * 3 / 2);
        memset(data + size, 'd', size / 2);
        size = size * 3 / 2;
        printf("%c", apart[5]);
        free(apart);
    }
    printf("%c\n", data[size - 1]);
    free(data);
}
