/* peak_copies.c - see peak_copies.h. */
#include "peak_copies.h"

#define COPY_LEAST (64u << 10) /* smaller ones do not matter */

/* A peak is over, as a block is freed. If its thread has just made a larger one at the same site, that one takes its
 * place: a container that grows. */
void peak_copies_ends(void *data, uint32_t site, uint64_t size)
{
    struct tracker *tracker = data;
    const struct tracked_ring *r = tracker->turn;
    struct block made;
    uint64_t address = r && size >= COPY_LEAST ? r->last_made : 0;
    if (!address || !blocks_range(&r->process->blocks, &address, address + 1, &made, 1) ||
        made.site != site || made.size <= size)
        return;
    ledger_copied(&tracker->ledger,
                  &(struct peak_copy){site, size, made.size, tracker->ledger.heap.peak_bytes, 0});
}
