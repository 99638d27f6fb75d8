/* list.c - builds all records, then uses each of them once. Its twin, stream.c, holds one at a time. */
#include "item.h"

int main(int argc, char **argv)
{
    long n = record_count(argc, argv);
    struct item **items = NULL;
    uint64_t sum = 0;

    for (long i = 0, room = 0; i < n; i++) {
        if (i == room) {
            room = room ? 2 * room : 16;
            items = need(realloc(items, (size_t)room * sizeof *items));
        }
        items[i] = item_new(i);
    }
    for (long i = 0; i < n; i++)
        sum = record_use(sum, items[i]->sku, items[i]->warehouse, items[i]->quantity);
    for (long i = 0; i < n; i++)
        item_free(items[i]);
    free(items);
    return record_print(n, sum);
}
