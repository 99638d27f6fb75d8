/* inherited.h - the blocks that a forked process has from the process it was forked from.
 *
 * They are not its own allocations, and not counted, but they lie on its pages. Nothing is copied at the
 * fork: its inherited blocks are those in the other's table from before the fork, except those that the
 * forked process has freed since. Blocks that the other has freed since the fork are not known any more,
 * and those that it allocated after the fork, but before the collector's next look, may be taken for
 * inherited. A process that has ended keeps its table as long as a process lives that was forked from it.
 */
#ifndef LIBTRACE_INHERITED_H
#define LIBTRACE_INHERITED_H

#include "blocks.h"

struct tracked_process;

struct inherited {
    struct tracked_process *from; /* forked from it; NULL = none, or its blocks are not known */
    uint32_t tick;                /* when it was forked */
    unsigned depth;               /* number of forks that it goes back */
    uint32_t heirs;               /* processes forked from this one that have not ended */
    bool kept;                    /* the process has ended, and its table is kept for the heirs only */
    struct blocks freed;          /* addresses of inherited blocks that it freed; empty until the first */
};

/* Called when a process was forked from another at a tick. */
void inherited_begin(struct tracked_process *process, struct tracked_process *from, uint32_t tick);

/* Called when it frees a block that is not its own. Without memory, it stays inherited. */
void inherited_freed(struct tracked_process *process, uint64_t address);

/* Called when it has ended: it inherits nothing any more. */
void inherited_end(struct tracked_process *process);

/* Called when nobody else needs its own table: closes it now, or when its last heir ends. */
void inherited_close(struct tracked_process *process);

/* Its own and its inherited blocks, like blocks_range(). */
size_t inherited_range(const struct tracked_process *process, uint64_t *from, uint64_t to, struct block *list,
                       size_t room);

#endif
