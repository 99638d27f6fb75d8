/* slots.c - each record is a struct with fixed fields, as an object with __slots__ is. Its twin, dict.c,
 * gives each record a hash table. */
#include "record.h"

static struct fields *slots_new(long i)
{
    struct fields *record = need(malloc(sizeof *record));

    *record = record_read(i);
    return record;
}

int main(int argc, char **argv)
{
    long n = record_count(argc, argv);
    struct fields **records = need(calloc((size_t)n + 1, sizeof *records));
    uint64_t sum = 0;

    for (long i = 0; i < n; i++)
        records[i] = slots_new(i);
    for (long i = 0; i < n; i++)
        sum = record_use(sum, records[i]->sku, records[i]->warehouse, records[i]->quantity);
    for (long i = 0; i < n; i++)
        free(records[i]);
    free(records);
    return record_print(n, sum);
}
