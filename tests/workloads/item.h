/* item.h - a record on the heap, as list.c and stream.c make it: a struct with two texts of its own. */
#ifndef LIBTRACE_WORKLOADS_ITEM_H
#define LIBTRACE_WORKLOADS_ITEM_H

#include "record.h"

struct item {
    char *sku, *warehouse;
    int quantity;
};

static inline struct item *item_new(long i)
{
    struct fields fields = record_read(i);
    struct item *item = need(malloc(sizeof *item));

    item->sku = need(strdup(fields.sku));
    item->warehouse = need(strdup(fields.warehouse));
    item->quantity = fields.quantity;
    return item;
}

static inline void item_free(struct item *item)
{
    free(item->warehouse);
    free(item->sku);
    free(item);
}

#endif
