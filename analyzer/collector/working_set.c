/* working_set.c - see working_set.h. */
#include "working_set.h"
#include "fetch_ahead.h"

#define TOO_MANY 8 /* more than one in so many was not met before: what it takes to fetch them is worth it */
#define FEW 32     /* events, from which nothing is concluded */
#define GOLDEN 0x9e3779b97f4a7c15ull

/* True if it is what was met last in its place, which it is from now on. */
static bool met(uint32_t *place, uint32_t what)
{
    bool same = *place == what;
    *place = what;
    return same;
}

static bool met_piece(struct working_set *set, const struct tracked_process *process, uint64_t address)
{
    uint64_t piece = address >> BLOCKS_PIECE_SHIFT ^ (uint64_t)process->index << (64 - BLOCKS_PIECE_SHIFT);
    uint64_t hash = piece * GOLDEN;
    return met(&set->piece[hash >> (64 - WORKING_SET_PIECE_BITS)], (uint32_t)hash | 1);
}

static bool met_site(struct working_set *set, uint32_t site)
{
    return met(&set->site[site % (1u << WORKING_SET_SITE_BITS)], site);
}

void working_set_look(struct tracker *tracker, struct tracked_ring *r)
{
    uint64_t end = r->head - r->tail < WORKING_SET_PART ? r->head : r->tail + WORKING_SET_PART;
    unsigned blocks = 0, new_blocks = 0, sites = 0, new_sites = 0;
    for (uint64_t at = r->tail; at < end;) {
        uint64_t word = r->words[at++ & DRAIN_MASK];
        enum wire_event type = wire_type(word);
        uint64_t address = wire_address(word);
        uint32_t site = 0;
        if (has_node(type))
            site = event_site_seen(r->process, (uint32_t)(r->words[at++ & DRAIN_MASK] >> 32));
        else if (type == WIRE_FREE)
            site = blocks_peek_site(&r->process->blocks, address);
        else
            continue;
        blocks++;
        new_blocks += !met_piece(&tracker->working_set, r->process, address);
        if (site) {
            sites++;
            new_sites += !met_site(&tracker->working_set, site);
        }
    }
    r->looked = r->tail + WORKING_SET_EVERY;
    if (blocks >= FEW)
        r->fetch_blocks = new_blocks * TOO_MANY > blocks;
    if (sites >= FEW)
        r->fetch_sites = new_sites * TOO_MANY > sites;
}
