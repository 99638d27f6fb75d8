/* rest.h - when the memory of what was read of a module is given back: once a while has passed in which nobody asked for it.
 *
 * Programs that run for weeks have shown all of their stacks soon. Then their collector would keep megabytes of debug
 * information for nothing. And most programs ask for the C library's names at their start only.
 */
#ifndef LIBTRACE_SYMBOLS_REST_H
#define LIBTRACE_SYMBOLS_REST_H

#include <stdint.h>

/* The while, at first. It doubles each time that the rest was disturbed, up to the last: to read the C library's again takes
 * 150 million instructions. */
#define REST_QUIET_NS 4000000000ull
#define REST_QUIET_INFLATED_NS \
    1000000000ull /* what was inflated takes memory that nobody else uses: the C library's 7 MiB */
#define REST_QUIET_MOST_NS (8 * 60 * 1000000000ull)

struct rest {
    int is_used;       /* since rest_due() was last called */
    uint64_t used_ns;  /* when that was noticed */
    uint64_t quiet_ns; /* the while; 0 = none was chosen yet */
};

/* When it is to be given back; at or before now_ns: now. */
uint64_t rest_due(struct rest *rest, int is_inflated, uint64_t now_ns);

/* What was given back has to be read again. */
void rest_disturbed(struct rest *rest);

#endif
