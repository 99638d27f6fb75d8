/* An image that is made four times as large, again and again: each is worked out from the one before it, so that both have to be
 * there. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    size_t side = 64;
    unsigned char *image = malloc(side * side), *larger;
    for (size_t i = 0; i < side * side; i++)
        image[i] = (unsigned char)(i * 7);
    while (side < 4096) {
        larger = malloc(4 * side * side);
        for (size_t y = 0; y < 2 * side; y++)
            for (size_t x = 0; x < 2 * side; x++)
                larger[y * 2 * side + x] = (unsigned char)(image[y / 2 * side + x / 2] + (x & 1) + (y & 1));
        free(image);
        image = larger;
        side *= 2;
    }
    printf("%d\n", image[12345]);
    free(image);
}
