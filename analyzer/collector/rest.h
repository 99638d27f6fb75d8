/* rest.h - when the memory of what was read of files for names is given back: once a while has passed in which nobody asked.
 *
 * Programs that run for weeks have shown all of their stacks soon. Then their collector would keep megabytes of debug
 * information for nothing. Not thread-safe: one thread looks up names.
 */
#ifndef LIBTRACE_REST_H
#define LIBTRACE_REST_H

#include "symbols.h"

#include <stdbool.h>
#include <stdint.h>

#define REST_QUIET_NS 4000000000ull /* the while, at first; it doubles each time that a rest was disturbed, */
#define REST_QUIET_MOST \
    (8 * 60 * 1000000000ull) /* up to this: to read the C library's again takes 150 million instructions */

struct rest {
    uint64_t asked;    /* symbols_asked(), when that was looked at */
    uint64_t used_ns;  /* when it was found to have changed */
    uint64_t quiet_ns; /* 0 = REST_QUIET_NS */
    bool resting;
};

/* To be called after names may have been looked up, and when it is due. Returns when it is due next; 0 = not before then. */
uint64_t rest_look(struct rest *rest, struct symbols *symbols, uint64_t now_ns);

#endif
