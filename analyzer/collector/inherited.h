/* inherited.h - what a forked process has of the blocks of the one that it was forked from.
 *
 * They are no allocations of its own and counted nowhere, but they lie on its pages. Nothing is copied for them when
 * it forks: what the other's table has from before the fork is taken for it, but for what the forked one has freed
 * since. What the other has freed since is not known any more, and what it made after the fork, but before the
 * collector looked again, may be taken for inherited. A process that has ended keeps its table for as long as one lives that was forked from it.
 */
#ifndef LIBTRACE_INHERITED_H
#define LIBTRACE_INHERITED_H

#include "blocks.h"

struct tracked_process;

struct inherited {
    struct tracked_process *from; /* whose blocks; NULL = it has none, or they are not known */
    uint32_t tick;                /* at which it was forked */
    unsigned depth;               /* how many it was forked through */
    uint32_t heirs;               /* of this process, that have not ended */
    bool kept;                    /* its table is kept for them alone */
    struct blocks freed;          /* inherited ones: the addresses; empty until the first */
};

/* A process was forked from another at a tick. */
void inherited_begin(struct tracked_process *process, struct tracked_process *from, uint32_t tick);

/* It has freed a block that is none of its own. On lack of memory it is forgotten. */
void inherited_freed(struct tracked_process *process, uint64_t address);

/* It has ended: it inherits nothing any more. */
void inherited_end(struct tracked_process *process);

/* Its own table is wanted by nobody else: it is closed now, or when the last of its heirs ends. */
void inherited_close(struct tracked_process *process);

/* Its own and inherited blocks; as blocks_range(). */
size_t inherited_range(const struct tracked_process *process, uint64_t *from, uint64_t to, struct block *list,
                       size_t room);

#endif
