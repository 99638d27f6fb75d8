/* predict.c - see predict.h. */
#include "predict.h"
#include "guest_assert.h"
#include "rules.h"

#include <stddef.h>
#include <string.h>

_Static_assert(PREDICT_LINES <= 1u << 16, "a line's number fits a prediction");

#define WALKS_FIRST 64 /* per thread: with fewer walks, predictions are not worth their memory */

const uint64_t layout_factor[6] = {0xe220a8397b1dcdaf, 0x6e789e6aa1b965f5, 0x06c45d188009454f,
                                   0xf88bb8a8724c81ed, 0x1b39896a51a8749b, 0x53cb9f0c747ea2eb};

void predict_forget(struct predictor *predictor)
{
    predictor->used = 1; /* line 0 is no layout */
    predictor->last = 0;
    predictor->stamp += 1ull << 48;
    if (predictor->stamp == 0) { /* after 65,536 of them */
        memset(predictor->lines, 0, sizeof predictor->lines);
        predictor->stamp = 1ull << 48;
    }
}

void predict_open(struct predictor *predictor)
{
    predictor->known = predictor->first_known;
    predictor->sets = PREDICT_FIRST_SETS - 1;
    predictor->usual = predictor->first_usual;
    predictor->usuals = PREDICT_FIRST_USUAL - 1;
    predictor->stack = bounds_of_stack();
    if (predictor->predictions == 0)
        predictor->predictions = PREDICTIONS_FIRST - 1;
    predictor->learned = 0;
    predictor->walks = 0;
    predictor->varied = false;
    predict_forget(predictor);
}

/* The node of the stack, if it has the layout in this line; else 0. */
static inline uint32_t try_layout(struct predictor *predictor, uint16_t line, const uint64_t *base)
{
    const struct layout *s = predict_layout(predictor, line);
    uint32_t node = layout_fits(predictor, s, base)
                        ? stack_cache_find_now(&stack_cache_by_words, layout_hash(s, base))
                        : 0;
    if (LIKELY(node))
        predict_was(predictor, s);
    return node;
}

uint32_t predict_others(struct predictor *predictor, const uint64_t *base)
{
    struct prediction *prediction = &predictor->after[predictor->prediction];
    uint32_t node = try_layout(predictor, prediction->first, base);
    if (LIKELY(node))
        return node;
    uint16_t others[] = {prediction->second, *predict_usual(predictor, base)};
    for (unsigned i = 0; i < 2; i++) {
        node = others[i] == prediction->first ? 0 : try_layout(predictor, others[i], base);
        if (node) {
            *prediction = (struct prediction){others[i], prediction->first};
            return node;
        }
        if (others[1] == others[0])
            break;
    }
    return 0;
}

/* A layout that is being built. */
union draft {
    struct layout layout;
    char memory[sizeof(struct layout) + LAYOUT_WORDS * sizeof(uint16_t)];
};

/* Appends the position of a word; false if there is no room, or it is too far out. */
INLINE bool add(struct layout *draft, const uint64_t *base, uint64_t address)
{
    uint64_t from = address - (uint64_t)(uintptr_t)base;
    if (draft->words == LAYOUT_WORDS || from / 8 > UINT16_MAX || from % 8)
        return false;
    draft->at[draft->words++] = (uint16_t)(from / 8);
    draft->start = stack_cache_hash(draft->start, (uint32_t)from);
    return true;
}

static bool fill_up(struct layout *draft, const uint64_t *base)
{
    while (draft->words % 4)
        if (!add(draft, base, (uint64_t)(uintptr_t)(base + 1)))
            return false;
    return true;
}

/* The words from..to hold addresses on the stack itself. They count relative to base, so that threads get the
 * same hashes for the same stacks. */
static void count_from_base(struct layout *draft, const uint64_t *base, unsigned from, unsigned to)
{
    const uint64_t too_much[] = {0, (uint64_t)(uintptr_t)base};
    uint16_t which[LAYOUT_WORDS];
    for (unsigned i = 0; i < draft->words; i++)
        which[i] = i >= from && i < to;
    struct layout_sums sums = layout_sums(which, draft->words, too_much);
    draft->start -= sums.inner + sums.outer;
}

static bool describe(struct layout *draft, const uint64_t *base, const struct seen *top,
                     const struct seen *end)
{
    draft->words = 0;
    for (const struct seen *frame = top; frame < end; frame++)
        if (!add(draft, base, frame->slot))
            return false;
    unsigned checks = draft->words;
    draft->start = stack_cache_hash(draft->start, checks);
    if (top->need && !add(draft, base, top->slot - 8))
        return false;
    for (const struct seen *frame = top; frame < end; frame++)
        if (frame->check && (frame->check == SEEN_ALWAYS_WALKED || !add(draft, base, frame->check)))
            return false;
    unsigned last_check = draft->words;
    if (!fill_up(draft, base))
        return false;
    if (last_check > checks)
        count_from_base(draft, base, checks, last_check);
    return true;
}

static size_t size_of(const struct layout *layout)
{
    return sizeof *layout + layout->words * sizeof layout->at[0];
}

static uint16_t *set_of(struct predictor *predictor, const struct layout *layout)
{
    uint64_t hash = (layout->start ^ layout->key << 3) * 0x9e3779b97f4a7c15ull;
    return predictor->known[hash >> 32 & predictor->sets];
}

static void put_first(uint16_t set[4], uint16_t line)
{
    memmove(set + 1, set, 3 * sizeof *set);
    *set = line;
}

/* Lines that a layout takes. */
static uint32_t lines_of(const struct layout *layout)
{
    return (uint32_t)(size_of(layout) + LAYOUT_LINE - 1) / LAYOUT_LINE;
}

/* More room to find layouts again, and for each place's usual layout. Threads with few layouts never touch
 * that memory. If a signal handler jumps out of here (longjmp), some layouts are only learned twice. */
static NOINLINE void more_sets(struct predictor *predictor)
{
    uint32_t sets = (predictor->sets + 1) * 16 < PREDICT_SETS ? (predictor->sets + 1) * 16 : PREDICT_SETS;
    predictor->known = predictor->all_known;
    predictor->usual = predictor->all_usual;
    memset(predictor->all_known, 0, sets * sizeof predictor->all_known[0]);
    SIGNAL_FENCE(); /* the counts must not be seen before the memory */
    predictor->sets = sets - 1;
    predictor->usuals = (8 * sets < PREDICT_USUAL ? 8 * sets : PREDICT_USUAL) - 1;
    for (uint32_t line = 1; line < predictor->used; line += lines_of(predict_layout(predictor, line)))
        put_first(set_of(predictor, predict_layout(predictor, line)), (uint16_t)line);
}

/* Stores a layout, and returns its line. When there is no room, all layouts are forgotten, and it returns
 * 0. */
static uint16_t take_in(struct predictor *predictor, const struct layout *draft)
{
    uint32_t line = predictor->used, lines = lines_of(draft);
    if (line + lines > PREDICT_LINES) {
        predictor->varied = true;
        predict_forget(predictor);
        return 0;
    }
    guest_assert(line > 0 && draft->words % 4 == 0 && draft->words <= LAYOUT_WORDS);
    predictor->used += lines;
    struct layout *s = predict_layout(predictor, line);
    memcpy(&s->start, &draft->start, size_of(draft) - offsetof(struct layout, start));
    SIGNAL_FENCE(); /* if a signal handler jumps out before the key is set, this is no layout */
    s->key = draft->key;
    return (uint16_t)line;
}

/* The line of a layout like this one; 0 if it is new. */
static uint16_t find(struct predictor *predictor, const uint16_t set[4], const struct layout *draft)
{
    for (unsigned i = 0; i < 4; i++) {
        const struct layout *s = predict_layout(predictor, set[i]);
        if (s->key == draft->key && s->start == draft->start)
            return set[i];
    }
    return 0;
}

/* Doubles the predictions. What was learned is copied to both halves, as an index may gain a bit. */
static NOINLINE void more_predictions(struct predictor *predictor)
{
    uint64_t predictions = predictor->predictions + 1;
    guest_assert((predictions & predictor->predictions) == 0 && 2 * predictions <= PREDICTIONS);
    memcpy(predictor->after + predictions, predictor->after, predictions * sizeof predictor->after[0]);
    SIGNAL_FENCE();
    predictor->predictions = 2 * predictions - 1;
    predictor->learned = 0;
}

/* Not marked cold: in a program whose stacks have many layouts, every twentieth stack gets here. */
__attribute__((noinline)) void predict_learn(struct predictor *predictor, const struct seen *top,
                                             const struct seen *end, uint32_t node)
{
    union draft draft;
    const uint64_t *base = (const uint64_t *)(uintptr_t)top->slot - 1;
    draft.layout.key = (uint64_t)(uintptr_t)base | predictor->stamp;
    draft.layout.start = rules_generation;
    if (predictor->walks < WALKS_FIRST || top == end) {
        predictor->walks++;
        return;
    }
    if ((uintptr_t)base < predictor->stack.low || end[-1].slot >= predictor->stack.high ||
        !describe(&draft.layout, base, top, end))
        return;
    uint16_t *set = set_of(predictor, &draft.layout), line = find(predictor, set, &draft.layout);
    bool new = line == 0;
    if (new) {
        line = take_in(predictor, &draft.layout);
        if (!line)
            return;
        put_first(set, line);
        if (UNLIKELY(predictor->used > 2 * predictor->sets && predictor->sets + 1 < PREDICT_SETS))
            more_sets(predictor);
    }
    struct prediction *prediction = &predictor->after[predictor->prediction];
    *prediction = (struct prediction){line, prediction->first};
    if (UNLIKELY(predictor->learned++ > predictor->predictions && predictor->predictions + 1 < PREDICTIONS))
        more_predictions(predictor);
    *predict_usual(predictor, base) = line;
    predict_was(predictor, predict_layout(predictor, line));
    /* If there are always new layouts, as with frames of varying size, hashes are not worth keeping. */
    if (new && predictor->varied)
        return;
    /* The hash is known already if only the layout was predicted wrongly. */
    struct stack_cache_key hash = layout_hash(predict_layout(predictor, line), base);
    if (!stack_cache_find_now(&stack_cache_by_words, hash))
        stack_cache_put(&stack_cache_by_words, hash, node);
}
