/* record.h - what the four workloads share: an inventory of records with sku, warehouse and quantity, as an
 * export would read them from somewhere. Record i is the same in every program, and so is the checksum of all
 * of them. */
#ifndef LIBTRACE_WORKLOADS_RECORD_H
#define LIBTRACE_WORKLOADS_RECORD_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS 40000 /* unless the first argument says otherwise */

struct fields {
    char sku[16];
    char warehouse[8];
    int quantity;
};

static inline long record_count(int argc, char **argv)
{
    long n = argc > 1 ? strtol(argv[1], NULL, 10) : RECORDS;
    if (n < 0) {
        fprintf(stderr, "%s: the number of records cannot be negative\n", argv[0]);
        exit(2);
    }
    return n;
}

static inline struct fields record_read(long i)
{
    static const char *const warehouses[] = {"north", "east", "south", "west", "port"};
    struct fields fields;

    snprintf(fields.sku, sizeof fields.sku, "SKU-%07ld", i * 7919 % 9999991);
    snprintf(fields.warehouse, sizeof fields.warehouse, "%s", warehouses[i % 5]);
    fields.quantity = (int)(i * 31 % 997);
    return fields;
}

/* Uses a record: folds it into a checksum (FNV-1a over its texts and its quantity). */
static inline uint64_t record_use(uint64_t sum, const char *sku, const char *warehouse, int quantity)
{
    for (; *sku; sku++)
        sum = (sum ^ (unsigned char)*sku) * 0x100000001b3;
    for (; *warehouse; warehouse++)
        sum = (sum ^ (unsigned char)*warehouse) * 0x100000001b3;
    return (sum ^ (uint64_t)quantity) * 0x100000001b3;
}

static inline int record_print(long n, uint64_t sum)
{
    printf("%ld records, checksum %016" PRIx64 "\n", n, sum);
    return 0;
}

/* Memory, or the end of the program. */
static inline void *need(void *memory)
{
    if (!memory) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

#endif
