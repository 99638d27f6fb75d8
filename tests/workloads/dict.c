/* dict.c - each record is a hash table of its attributes, as an object with a __dict__ is. Its twin, slots.c,
 * gives each record fixed fields. */
#include "record.h"

#include <uthash.h>

struct attribute {
    const char *name;
    char value[16];
    UT_hash_handle hh;
};

static void set(struct attribute **record, const char *name, const char *value)
{
    struct attribute *attribute = need(malloc(sizeof *attribute));

    attribute->name = name;
    snprintf(attribute->value, sizeof attribute->value, "%s", value);
    HASH_ADD_KEYPTR(hh, *record, name, strlen(name), attribute);
}

static const char *get(struct attribute *record, const char *name)
{
    struct attribute *found;

    HASH_FIND_STR(record, name, found);
    return found ? found->value : "";
}

static struct attribute *dict_new(long i)
{
    struct fields fields = record_read(i);
    struct attribute *record = NULL;
    char quantity[16];

    snprintf(quantity, sizeof quantity, "%d", fields.quantity);
    set(&record, "sku", fields.sku);
    set(&record, "warehouse", fields.warehouse);
    set(&record, "quantity", quantity);
    return record;
}

static void dict_free(struct attribute *record)
{
    struct attribute *attribute, *next;

    HASH_ITER(hh, record, attribute, next)
    {
        HASH_DEL(record, attribute);
        free(attribute);
    }
}

int main(int argc, char **argv)
{
    long n = record_count(argc, argv);
    struct attribute **records = need(calloc((size_t)n + 1, sizeof *records));
    uint64_t sum = 0;

    for (long i = 0; i < n; i++)
        records[i] = dict_new(i);
    for (long i = 0; i < n; i++)
        sum = record_use(sum, get(records[i], "sku"), get(records[i], "warehouse"),
                         atoi(get(records[i], "quantity")));
    for (long i = 0; i < n; i++)
        dict_free(records[i]);
    free(records);
    return record_print(n, sum);
}
