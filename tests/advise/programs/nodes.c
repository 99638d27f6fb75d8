/* A list of nodes: each is a block, or they are taken from blocks of 64 KiB. */
#include <stdio.h>
#include <stdlib.h>

struct node {
    struct node *next;
    long value;
};

static struct node *piece; // mended
static size_t left;        // mended

static struct node *make(void)
{
    return malloc(sizeof(struct node));       // faulty HERE
    if (left == 0) {                          // mended
        left = 4096;                          // mended
        piece = malloc(left * sizeof *piece); // mended
    }                                         // mended
    return &piece[--left];                    // mended
}

int main(void)
{
    struct node *first = NULL;
    long sum = 0;

    for (long i = 0; i < 200000; i++) {
        struct node *node = make();

        node->value = i;
        node->next = first;
        first = node;
    }
    for (struct node *node = first; node != NULL; node = node->next)
        sum += node->value;
    printf("%ld\n", sum);
}
