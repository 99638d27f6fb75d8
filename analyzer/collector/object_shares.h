/* object_shares.h - what looks at some blocks of a stack say of all of them: parts that are of one class each, and a rest
 * that is no object, or of classes that do not fit. The parts are shares of the looks, one behind the other.
 *
 *     looks   |---- Circle ----|-- Square --|- rest -|
 *             start = 0        start = 9    start = 15
 */
#ifndef LIBTRACE_OBJECT_SHARES_H
#define LIBTRACE_OBJECT_SHARES_H

#include <stdbool.h>
#include <stdint.h>

#define OBJECT_CLASSES 12 /* of a stack that are told apart */

struct object_shares {
    uint32_t looks;
    unsigned count;
    struct object_share {
        uint32_t type; /* a number, not 0 */
        uint32_t seen;
    } share[OBJECT_CLASSES]; /* in the order in which they were seen first, so that they keep their places */
};

struct object_part {
    uint32_t type; /* 0 = the rest */
    uint32_t start, seen;
};
#define OBJECT_PARTS (OBJECT_CLASSES + 1)

/* Counts a look at a block of a class; 0 = it is no object. */
void object_shares_add(struct object_shares *shares, uint32_t type);

/* Divides the looks; fits says which classes count. Returns the number of parts, 0 if no class does. */
unsigned object_shares_divide(const struct object_shares *shares,
                              bool (*fits)(const void *data, uint32_t type), const void *data,
                              struct object_part parts[OBJECT_PARTS]);

#endif
