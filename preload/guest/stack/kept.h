/* kept.h - how many frames are kept of a stack that is deeper than LIBTRACE_DEPTH.
 *
 * If the cut moved by a frame with every call of a recursion, no two of its stacks would have nodes in
 * common, and each event would cost as much as all frames that are kept. So the cut moves by a quarter of
 * LIBTRACE_DEPTH at a time, and stays as long as there are enough frames inside of it, but not too many. For
 * a small LIBTRACE_DEPTH that is not worth it: then exactly that many are kept.
 */
#ifndef LIBTRACE_KEPT_H
#define LIBTRACE_KEPT_H

#include <stdint.h>

struct kept {
    uint32_t least, most;
    uint32_t growing, shrinking; /* kept after the cut moved: there were more than most, less than least */
};

#define KEPT_EXACTLY 32u /* for fewer than these, exactly as many are kept */

static inline struct kept kept_of(uint32_t most)
{
    uint32_t step = most < KEPT_EXACTLY ? 0 : most / 4;
    return (struct kept){most - step - step / 4, most, step ? most - step + 1 : most, most - step / 4};
}

#endif
