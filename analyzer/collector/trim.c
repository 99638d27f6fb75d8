/* trim.c - see trim.h.
 *
 * A ring that was full once has all of its buffer in memory. The memory is returned when the ring's thread has written
 * little for a while: otherwise it would be needed again at once, and the pages be zeroed and mapped for nothing.
 */
#include "trim.h"
#include "rings.h"

#include <assert.h>

#define ROUND_NS 400000000ull
#define AT_ONCE 8                    /* rings in a row, as others fill up meanwhile */
#define LITTLE (WIRE_RING_WORDS / 8) /* words in a round */
#define KEPT WIRE_RING_WINDOW        /* words: trimming fewer is not worth it */

/* Returns all pages but those that hold one of the words from..to, which must be fewer than the buffer
 * has. */
static void punch_all_but(const struct tracker *tracker, const struct tracked_ring *r, uint64_t from,
                          uint64_t to)
{
    const uint64_t mask = WIRE_RING_WORDS - 1, page = WIRE_PAGE_WORDS - 1;
    uint64_t first = (from & mask) & ~page,
             last = first + (to - (from & ~page) + page) / WIRE_PAGE_WORDS * WIRE_PAGE_WORDS;
    assert(to - from <= WIRE_RING_WORDS - 2 * WIRE_PAGE_WORDS && last - first < WIRE_RING_WORDS);
    if (last > WIRE_RING_WORDS) {
        arena_ring_punch(tracker->arena, r->words, last - WIRE_RING_WORDS, first);
    } else {
        arena_ring_punch(tracker->arena, r->words, 0, first);
        arena_ring_punch(tracker->arena, r->words, last, WIRE_RING_WORDS);
    }
}

void trim_added(struct tracked_ring *r)
{
    r->run_from = r->round_tail = r->tail;
    r->longest = 0;
}

static void look_how_long(struct tracked_ring *r)
{
    if (r->tail - r->run_from > r->longest)
        r->longest = r->tail - r->run_from;
}

/* The writer must agree not to go beyond its limit before memory behind it is returned. */
static void trim(const struct tracker *tracker, struct tracked_ring *r)
{
    uint64_t limit;
    if (!arena_ring_hold(r->ring, r->tail, &limit))
        return;
    punch_all_but(tracker, r, r->tail, limit);
    arena_ring_let_go(r->ring, limit);
    r->run_from = r->tail;
    r->longest = 0;
}

void trim_released(struct tracker *tracker, struct tracked_ring *r)
{
    look_how_long(r);
    if (r->longest > KEPT)
        punch_all_but(tracker, r, r->tail, r->tail);
}

bool trim_rings(struct tracker *tracker, uint64_t now_ns)
{
    if (now_ns < tracker->next_trim_ns)
        return false;
    const uint32_t slots = tracker->ring_count;
    unsigned trimmed = 0;
    for (; tracker->trim_at < slots && trimmed < AT_ONCE; tracker->trim_at++) {
        struct tracked_ring *r = tracker->rings[tracker->trim_at];
        if (!r)
            continue;
        uint64_t consumed = r->tail - r->round_tail;
        r->round_tail = r->tail;
        look_how_long(r);
        if ((consumed <= LITTLE || tracker->sparing) && r->longest > KEPT) {
            trim(tracker, r);
            trimmed++;
        }
    }
    if (tracker->trim_at < slots)
        return true;
    tracker->trim_at = 0;
    tracker->next_trim_ns = now_ns + ROUND_NS;
    return false;
}
