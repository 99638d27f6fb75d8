/* sorted.h - binary search in sorted arrays. */
#ifndef LIBTRACE_SYMBOLS_SORTED_H
#define LIBTRACE_SYMBOLS_SORTED_H

#include <stddef.h>

/* How many of the first count elements, which are sorted by this member, have a value of at most `value`:
 * the last of these is the element that begins at the value or before it. */
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
