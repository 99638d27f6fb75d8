/* seen.h - a frame of the stack that the thread walked last. */
#ifndef LIBTRACE_SEEN_H
#define LIBTRACE_SEEN_H

#include <stdint.h>

/* "slot" is the address of the frame's return address. */
struct seen {
    uint64_t slot;
    uint64_t ra;
    uint64_t rbp;   /* in the frame that ra returns to */
    uint64_t check; /* where the next outer frame's rbp is saved, if a frame's position depends on it; else 0,
                     * or SEEN_ALWAYS_WALKED */
    uint64_t hash;  /* of the stack from here outwards */
    uint32_t node;  /* the node of that stack; 0 = not looked up yet */
    uint32_t frame : 31;
    uint32_t need : 1; /* the position of an outer frame depends on rbp */
};

/* seen.check of a realigned frame, the position of which depends on more than rbp. */
#define SEEN_ALWAYS_WALKED 1

#endif
