/* rtti.c - see rtti.h. */
#include "rtti.h"

#include <ctype.h>
#include <string.h>

#define CLASSES_MOST 32 /* a class and its bases, each as often as it is met */
#define DEPTH_MOST 12
#define BASES_MOST 16 /* direct ones */
#define NAME_MOST 1024
#define NAME_STEP 64 /* bytes of a name that are read at once */

/* What the ABI calls classes of type_infos. */
enum kind {
    KIND_NONE,
    KIND_CLASS,  /* no base */
    KIND_SINGLE, /* one */
    KIND_SEVERAL,
};
static const char *const kinds[] = {
    [KIND_CLASS] = "N10__cxxabiv117__class_type_infoE",
    [KIND_SINGLE] = "N10__cxxabiv120__si_class_type_infoE",
    [KIND_SEVERAL] = "N10__cxxabiv121__vmi_class_type_infoE",
};

/* Words that a vtable has before the address that objects have of it, and those that a type_info begins with. */
struct head {
    int64_t offset_to_top;
    uint64_t type_info;
};
struct type_info {
    uint64_t vtable, name;
};

struct look {
    rtti_read *read;
    void *data;
    struct rtti *found;
    unsigned classes; /* how many were looked at */
};

/* Reads the name of a type; returns its size with the NUL, 0 if it is none. */
static size_t read_name(const struct look *look, uint64_t address, char *name, size_t room)
{
    for (size_t size = 0; size < room && size < NAME_MOST;) {
        /* To the end of a step in memory: never over the end of what is mapped. */
        size_t step = NAME_STEP - (address + size) % NAME_STEP;
        step = step < room - size ? step : room - size;
        if (!look->read(look->data, address + size, name + size, step))
            return 0;
        for (size_t end = size + step; size < end; size++) {
            if (name[size] == '\0')
                return size ? size + 1 : 0;
            if (!isgraph((unsigned char)name[size]))
                return 0;
        }
    }
    return 0;
}

static bool read_head(const struct look *look, uint64_t vtable, struct head *head)
{
    return vtable % sizeof(uint64_t) == 0 && vtable > sizeof *head &&
           look->read(look->data, vtable - sizeof *head, head, sizeof *head) && head->offset_to_top == 0;
}

static bool read_info(const struct look *look, uint64_t address, struct type_info *info)
{
    return address % sizeof(uint64_t) == 0 && address != 0 &&
           look->read(look->data, address, info, sizeof *info);
}

/* Of the vtable of a type_info. */
static enum kind kind_of(const struct look *look, uint64_t vtable)
{
    struct head head;
    struct type_info info;
    char name[sizeof "N10__cxxabiv121__vmi_class_type_infoE"];
    if (!read_head(look, vtable, &head) || !read_info(look, head.type_info, &info) ||
        !read_name(look, info.name, name, sizeof name))
        return KIND_NONE;
    for (enum kind kind = KIND_CLASS; kind <= KIND_SEVERAL; kind++)
        if (strcmp(name, kinds[kind]) == 0)
            return kind;
    return KIND_NONE;
}

static bool add_class(struct look *look, uint64_t address, unsigned depth);

/* A virtual base is where the object's own bases say, which does not matter here. */
static bool add_several(struct look *look, uint64_t address, unsigned depth)
{
    struct {
        uint32_t flags, count;
    } bases;
    struct {
        uint64_t type_info;
        int64_t flags;
    } base;
    if (!look->read(look->data, address, &bases, sizeof bases) || bases.count > BASES_MOST)
        return false;
    for (uint32_t i = 0; i < bases.count; i++)
        if (!look->read(look->data, address + sizeof bases + i * sizeof base, &base, sizeof base) ||
            !add_class(look, base.type_info, depth))
            return false;
    return true;
}

/* Adds the name of a class, and those of its bases. */
static bool add_class(struct look *look, uint64_t address, unsigned depth)
{
    struct type_info info;
    struct rtti *found = look->found;
    if (depth > DEPTH_MOST || look->classes++ == CLASSES_MOST || !read_info(look, address, &info))
        return false;
    enum kind kind = kind_of(look, info.vtable);
    size_t size = kind != KIND_NONE
                      ? read_name(look, info.name, found->names + found->size, RTTI_ROOM - found->size)
                      : 0;
    if (size == 0)
        return false;
    found->size += size;
    uint64_t behind = address + sizeof info, base;
    if (kind == KIND_SINGLE)
        return look->read(look->data, behind, &base, sizeof base) && add_class(look, base, depth + 1);
    return kind == KIND_CLASS || add_several(look, behind, depth + 1);
}

enum rtti_result rtti_look(rtti_read *read, void *data, uint64_t vtable, struct rtti *rtti)
{
    struct look look = {.read = read, .data = data, .found = rtti};
    struct head head;
    rtti->size = 0;
    if (!read_head(&look, vtable, &head))
        return RTTI_NO;
    if (head.type_info == 0)
        return RTTI_UNNAMED;
    return add_class(&look, head.type_info, 0) ? RTTI_CLASS : RTTI_NO;
}
