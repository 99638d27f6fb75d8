/* interned.c - interned strings: equal strings are one pointer. */
#include "interned.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 64 * 1024, FIRST_CAPACITY = 1024 };

struct string_block {
    struct string_block *next;
    char bytes[];
};

void strings_free(struct strings *table)
{
    while (table->blocks) {
        struct string_block *next = table->blocks->next;
        free(table->blocks);
        table->blocks = next;
    }
    free(table->slots);
    memset(table, 0, sizeof *table);
}

/* FNV-1a over all bytes: file names and mangled names differ near their ends. */
static uint64_t hash_bytes(const char *text, size_t length)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

static int grow(struct strings *table)
{
    size_t capacity = table->capacity ? table->capacity * 2 : FIRST_CAPACITY;
    const char **slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return -1;
    for (size_t i = 0; i < table->capacity; i++) {
        const char *text = table->slots[i];
        if (!text)
            continue;
        size_t at = hash_bytes(text, strlen(text)) & (capacity - 1);
        while (slots[at])
            at = (at + 1) & (capacity - 1);
        slots[at] = text;
    }
    free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
    return 0;
}

static char *take(struct strings *table, size_t size)
{
    if (size > table->free_size) {
        size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        struct string_block *block = malloc(sizeof *block + room);
        if (!block)
            return NULL;
        block->next = table->blocks;
        table->blocks = block;
        table->free_at = block->bytes;
        table->free_size = room;
    }
    char *taken = table->free_at;
    table->free_at += size;
    table->free_size -= size;
    return taken;
}

const char *strings_intern_bytes(struct strings *table, const char *text, size_t length)
{
    if (table->count + 1 > table->capacity - table->capacity / 4 && grow(table) != 0)
        return NULL;
    size_t at = hash_bytes(text, length) & (table->capacity - 1);
    for (; table->slots[at]; at = (at + 1) & (table->capacity - 1))
        if (strncmp(table->slots[at], text, length) == 0 && table->slots[at][length] == '\0')
            return table->slots[at];

    char *copy = take(table, length + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    table->slots[at] = copy;
    table->count++;
    return copy;
}

const char *strings_intern(struct strings *table, const char *text)
{
    return text ? strings_intern_bytes(table, text, strlen(text)) : NULL;
}
