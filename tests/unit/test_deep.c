/* test_deep.c - stacks that are deeper than what is kept of them: where they are cut, what stays remembered further out, and
 * which hashes their frames get. */
#include "stack_cache.h"
#include "unwind.h"
#include "wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* after the headers that it needs */
#include <cmocka.h>

#define DEPTH 40u
#define ROOM UNWIND_ROOM(DEPTH)
#define WALKED \
    0x10000u /* slots of frames that were walked just now; those of remembered ones are their first places */

static struct seen seen[ROOM + 1], before[ROOM + 1];
static struct unwind unwind;

struct seen *unwind_keep(struct unwind *u, struct seen *p, uint32_t n)
{
    for (uint32_t i = 1; i <= n; i++)
        p[-(int)i] = (struct seen){.slot = WALKED + n - i, .frame = 500 + n - i};
    u->top = (uint32_t)(p - u->seen) - n;
    return p - n;
}

/* The stack of the last walk: from top on, cut at base. */
static void remember(uint32_t top, uint32_t base, enum outer outer)
{
    unwind = (struct unwind){.depth = DEPTH,
                             .kept = kept_of(DEPTH),
                             .walk = UNWIND_WALK(DEPTH),
                             .room = ROOM,
                             .top = top,
                             .base = base,
                             .outer = outer,
                             .seen = seen};
    for (uint32_t i = 0; i <= ROOM; i++)
        seen[i] =
            (struct seen){.slot = i, .check = 1000 + i, .hash = 2000 + i, .node = 3000 + i, .frame = 100 + i};
    memcpy(before, seen, sizeof seen);
}

/* The index of the frame at which the stack is cut, after n frames were walked up to that at p; -1 = all has to be walked.
 * The hashes are those of the frames from there inwards. */
static int cut_at(uint32_t p, uint32_t n, bool named_anew, bool whole)
{
    struct seen *top = deep_keep(&unwind, seen + p, n);
    if (!top)
        return -1;
    assert_ptr_equal(top, seen + unwind.top);
    struct seen *base = seen + unwind.base;
    assert_true(base - top <= DEPTH);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(top[i].slot, WALKED + i);
    if (!named_anew)
        return (int)unwind.base;
    assert_int_equal(base->hash, whole ? STACK_CACHE_ROOT : STACK_CACHE_CUT);
    assert_int_equal(base->node, whole ? WIRE_NODE_ROOT : WIRE_NODE_CUT);
    for (struct seen *at = base - 1; at >= top; at--) {
        assert_int_equal(at->hash, stack_cache_hash(at[1].hash, at->frame));
        assert_int_equal(at->node, 0);
    }
    return (int)unwind.base;
}

/* The cut stays as long as the frames inside of it are neither too few nor too many. */
static void the_cut(void **unused)
{
    (void)unused;
    const struct kept kept = unwind.kept = kept_of(DEPTH);
    for (uint32_t inside = 1; inside < 60; inside++) { /* frames up to base, of which three were walked */
        remember(30, 90, OUTER_DEEPER);
        bool stays = inside >= kept.least && inside <= kept.most;
        uint32_t top = 90 - inside, shown = inside > kept.most    ? kept.growing
                                            : inside < kept.least ? kept.shrinking
                                                                  : inside;
        if (top + 3 > ROOM || ROOM - top <= DEPTH)
            continue;
        assert_int_equal(cut_at(top + 3, 3, !stays, false), top + shown);
        if (stays)
            assert_memory_equal(seen + 90, before + 90, (ROOM - 90) * sizeof *seen);
    }
    remember(30, 70, OUTER_DEEPER); /* what was cut off has become part of it */
    assert_int_equal(cut_at(71, 10, true, false), 61 + kept.shrinking);
    remember(ROOM, ROOM, OUTER_DEEPER); /* nothing was remembered */
    assert_int_equal(cut_at(ROOM, DEPTH + 1, true, false), ROOM - DEPTH - 1 + kept.growing);
}

static void not_deep_any_more(void **unused)
{
    (void)unused;
    remember(30, 90, OUTER_NONE);
    assert_int_equal(cut_at(80, 5, true, true), ROOM);
    remember(30, 90, OUTER_UNKNOWN);
    assert_int_equal(cut_at(80, 5, true, false), ROOM);
    remember(30, 90, OUTER_NONE);
    assert_int_equal(cut_at(ROOM - DEPTH + 5, 5, true, true), ROOM); /* exactly as many as are kept */
    remember(30, 90, OUTER_DEEPER); /* more are there, which nobody remembers */
    assert_int_equal(cut_at(ROOM - DEPTH + 5, 5, true, true), -1);
    assert_memory_equal(seen, before, sizeof seen);
    remember(30, 90, OUTER_DEEPER);
    assert_int_equal(cut_at(ROOM - DEPTH + 4, 5, false, false), 90);
}

/* Frames move outwards, as many as are needed. */
static void room_is_made(void **unused)
{
    (void)unused;
    for (uint32_t n = 12; n <= DEPTH + 2; n += 10)
        for (int walked = 0; walked < 2; walked++) { /* whether the outermost one is always walked */
            const uint32_t wanted = n < DEPTH ? DEPTH + 1 - n : 1, at = ROOM - wanted;
            remember(10, 20, OUTER_NONE);
            before[10 + wanted - 1].check = seen[10 + wanted - 1].check = walked ? SEEN_ALWAYS_WALKED : 77;
            uint32_t base = 20 + at - 10 < ROOM ? 20 + at - 10 : ROOM, top = at - n;
            bool grows = base == ROOM || base - top > unwind.kept.most,
                 shrinks = !grows && base - top < unwind.kept.least;
            int cut = cut_at(10, n, grows || shrinks, false);
            assert_int_equal(cut, grows     ? top + unwind.kept.growing
                                  : shrinks ? top + unwind.kept.shrinking
                                            : base);
            assert_int_equal(unwind.outer, OUTER_DEEPER);
            for (uint32_t i = 0; i < wanted; i++) {
                assert_int_equal(seen[at + i].slot, 10 + i);
                assert_int_equal(seen[at + i].frame, 110 + i);
                /* Nobody remembers the frame that this one's rbp is of. */
                assert_int_equal(seen[at + i].check, i + 1 < wanted || walked ? before[10 + i].check : 0);
            }
        }
    remember(10, 20, OUTER_NONE); /* there is room */
    cut_at(50, 50, false, false);
    assert_int_equal(unwind.outer, OUTER_NONE);
    assert_memory_equal(seen + 60, before + 60, (ROOM - 60) * sizeof *seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cut),
        cmocka_unit_test(not_deep_any_more),
        cmocka_unit_test(room_is_made),
    };
    return cmocka_run_group_tests_name("deep", tests, NULL, NULL);
}
