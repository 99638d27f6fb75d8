/* object_shares.c - see object_shares.h. */
#include "object_shares.h"

void object_shares_add(struct object_shares *shares, uint32_t type)
{
    unsigned i = 0;
    shares->looks++;
    while (i < shares->count && shares->share[i].type != type)
        i++;
    if (!type || i == OBJECT_CLASSES)
        return;
    shares->count += i == shares->count;
    shares->share[i].type = type;
    shares->share[i].seen++;
}

unsigned object_shares_divide(const struct object_shares *shares,
                              bool (*fits)(const void *data, uint32_t type), const void *data,
                              struct object_part parts[OBJECT_PARTS])
{
    unsigned count = 0;
    uint32_t start = 0;
    for (unsigned i = 0; i < shares->count; i++) {
        const struct object_share *share = &shares->share[i];
        if (!fits(data, share->type))
            continue;
        parts[count++] = (struct object_part){share->type, start, share->seen};
        start += share->seen;
    }
    if (count && start < shares->looks)
        parts[count++] = (struct object_part){0, start, shares->looks - start};
    return count;
}
