/* no_store.c - a store (store.h) that keeps nothing, for targets that are about what comes before it. */
#include "store.h"

int store_frame(struct store *store, int64_t id, int64_t module, int64_t offset)
{
    (void)store, (void)id, (void)module, (void)offset;
    return 0;
}

int store_frame_line(struct store *store, int64_t frame, int depth, int64_t line)
{
    (void)store, (void)frame, (void)depth, (void)line;
    return 0;
}

int store_line(struct store *store, int64_t id, const char *file, int64_t line, const char *function,
               const char *module, const char *language, int library_code)
{
    (void)store, (void)id, (void)file, (void)line, (void)function, (void)module, (void)language,
        (void)library_code;
    return 0;
}

int store_module(struct store *store, int64_t id, const char *path, const uint8_t *build_id,
                 size_t build_id_size, int symbols)
{
    (void)store, (void)id, (void)path, (void)build_id, (void)build_id_size, (void)symbols;
    return 0;
}

int store_nodes(struct store *store, int (*next)(void *data, struct store_node *node), void *data)
{
    struct store_node node;
    (void)store;
    while (next(data, &node))
        ;
    return 0;
}

int store_stack_type(struct store *store, int64_t node, const char *type, enum store_type_how how)
{
    (void)store, (void)node, (void)type, (void)how;
    return 0;
}

int store_object_type(struct store *store, const struct store_object_type *type)
{
    (void)store, (void)type;
    return 0;
}

int store_object_keys(struct store *store, const char *type, int64_t keys)
{
    (void)store, (void)type, (void)keys;
    return 0;
}

int store_stack_part(struct store *store, const struct store_stack_part *part)
{
    (void)store, (void)part;
    return 0;
}

int store_earlier_frames(struct store *store, const char *path, const uint8_t *build_id, size_t build_id_size,
                         int symbols, int runs,
                         void (*visit)(void *data, int64_t offset, int depth, const char *file, int64_t line,
                                       const char *function),
                         void *data)
{
    (void)store, (void)path, (void)build_id, (void)build_id_size, (void)symbols, (void)runs, (void)visit,
        (void)data;
    return 0;
}
