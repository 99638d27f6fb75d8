/* sorted.h - looks up in arrays that are in order. */
#ifndef LIBTRACE_SYMBOLS_SORTED_H
#define LIBTRACE_SYMBOLS_SORTED_H

#include <stddef.h>

/* How many of the array's elements, of which there are so many and which are in the order of this member, have one of
 * at most that value: the last of them is the one that begins there, or before it. */
#define SORTED_UP_TO(array, count, member, value)                               \
    ({                                                                          \
        size_t sorted_low = 0, sorted_high = (count);                           \
        while (sorted_low < sorted_high) {                                      \
            size_t sorted_middle = sorted_low + (sorted_high - sorted_low) / 2; \
            if ((array)[sorted_middle].member <= (value))                       \
                sorted_low = sorted_middle + 1;                                 \
            else                                                                \
                sorted_high = sorted_middle;                                    \
        }                                                                       \
        sorted_low;                                                             \
    })

#endif
