/* A C program with functions inlined into each other, several times and several levels deep. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
    struct node *next;
    char *text;
};

static inline void *must(void *p)
{
    if (!p) {
        fputs("no memory\n", stderr);
        exit(1);
    }
    return p;
}

static inline char *copy(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(must(malloc(size)), text, size);
}

static struct node *push(struct node *head, const char *text)
{
    struct node *node = must(calloc(1, sizeof *node));
    node->text = copy(text);
    node->next = head;
    return node;
}

__attribute__((noinline)) static size_t total(const struct node *head)
{
    size_t sum = 0;
    for (; head; head = head->next)
        sum += strlen(head->text);
    return sum;
}

static struct node *reverse(struct node *head)
{
    struct node *result = NULL;
    while (head) {
        struct node *next = head->next;
        head->next = result;
        result = head;
        head = next;
    }
    return result;
}

int exported(int argc, char **argv)
{
    struct node *head = NULL;
    for (int i = 0; i < argc; i++)
        head = push(push(head, argv[i]), "again");
    return (int)total(reverse(head));
}

int main(int argc, char **argv)
{
    printf("%d\n", exported(argc, argv));
    return 0;
}
