/* stream.c - makes one record at a time, uses it and frees it. Its twin, list.c, builds all of them first. */
#include "item.h"

int main(int argc, char **argv)
{
    long n = record_count(argc, argv);
    uint64_t sum = 0;

    for (long i = 0; i < n; i++) {
        struct item *item = item_new(i);
        sum = record_use(sum, item->sku, item->warehouse, item->quantity);
        item_free(item);
    }
    return record_print(n, sum);
}
