/* python_keys.c - see python_keys.h. */
#include "python_keys.h"

#include <string.h>

#define VERSION_OF_KINDS (3u << 8 | 11)
#define MANAGED_DICT_FLAG (1ull << 4) /* from 3.11 on: where its dict is the offset does not say */

#define OBJECT_TYPE 8u
#define TYPE_NAME 24u
#define TYPE_BASIC_SIZE 32u
#define TYPE_ITEM_SIZE 40u
#define TYPE_DICT_OFFSET 288u
#define TYPE_LEAST 296u /* the table's address is behind all of that, */
#define TYPE_MOST 1024u /* and not far */
#define NAME_MOST 256u

#define TABLE_SIZE 8u /* up to 3.10 a number; later the exponent of 2 */
#define TABLE_KIND 10u
#define TABLE_COUNT_OLD 32u
#define TABLE_COUNT 24u
#define TABLE_READ 40u
#define KIND_SHARED 2
#define KEYS_MOST (1u << 20)

static uint64_t hash_of(const char *text, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3ull;
    return hash;
}

/* A class statement's own name is the end of its qualified one; of what C code makes, the name is the whole. */
static const char *own_name(const struct wire_note_object_type *type)
{
    const char *module = type->text, *name = type->text + type->module_size, *dot = strrchr(name, '.');
    return *module && dot ? dot + 1 : name;
}

struct python_keys python_keys(const struct wire_note_object_type *type)
{
    const char *name = own_name(type);
    size_t size = strlen(name) + 1;
    bool has_dict = type->dict_offset || (type->flags & MANAGED_DICT_FLAG);
    if (!type->heap || !has_dict || type->keys < TYPE_LEAST || type->keys % 8 || type->keys >= TYPE_MOST ||
        size > NAME_MOST)
        return (struct python_keys){0};
    return (struct python_keys){.at = (uint16_t)type->keys,
                                .word = (uint16_t)(type->headers + OBJECT_TYPE),
                                .has_kind = type->version >= VERSION_OF_KINDS,
                                .name_size = (uint32_t)size,
                                .name_hash = hash_of(name, size),
                                .basic_size = type->basic_size,
                                .item_size = type->item_size,
                                .dict_offset = type->dict_offset};
}

static uint64_t word_in(const char *object, size_t offset)
{
    uint64_t word;
    memcpy(&word, object + offset, sizeof word);
    return word;
}

static bool is_class(const struct python_keys *keys, const char *type, python_read *read, void *data)
{
    char name[NAME_MOST];
    return word_in(type, TYPE_BASIC_SIZE) == (uint64_t)keys->basic_size &&
           word_in(type, TYPE_ITEM_SIZE) == (uint64_t)keys->item_size &&
           word_in(type, TYPE_DICT_OFFSET) == (uint64_t)keys->dict_offset &&
           read(data, word_in(type, TYPE_NAME), name, keys->name_size) &&
           hash_of(name, keys->name_size) == keys->name_hash;
}

static int64_t count_in(const struct python_keys *keys, const char *table)
{
    unsigned exponent = (unsigned char)table[TABLE_SIZE];
    uint64_t size = word_in(table, TABLE_SIZE), count = word_in(table, TABLE_COUNT_OLD);
    if (keys->has_kind) {
        size = exponent < 32 ? 1ull << exponent : 0;
        count = table[TABLE_KIND] == KIND_SHARED ? word_in(table, TABLE_COUNT) : UINT64_MAX;
    }
    return size <= KEYS_MOST && count <= size ? (int64_t)count : -1;
}

int64_t python_keys_read(const struct python_keys *keys, uint64_t block, python_read *read, void *data)
{
    char type[TYPE_MOST + sizeof(uint64_t)], table[TABLE_READ];
    uint64_t class, again;
    if (!read(data, block + keys->word, &class, sizeof class) ||
        !read(data, class, type, keys->at + sizeof(uint64_t)) || !is_class(keys, type, read, data) ||
        !word_in(type, keys->at) || !read(data, word_in(type, keys->at), table, sizeof table) ||
        !read(data, block + keys->word, &again, sizeof again) || again != class)
        return -1;
    return count_in(keys, table);
}
