/* shapes.c - see shapes.h. */
#include "shapes.h"
#include "guest_assert.h"
#include "rules.h"

#include <stddef.h>
#include <string.h>

_Static_assert(SHAPES_LINES <= 1u << 16, "a line's number fits a guess");

#define WALKS_FIRST 64 /* of a thread: until then the memory is not worth it */

const uint64_t shapes_factor[6] = {0xe220a8397b1dcdaf, 0x6e789e6aa1b965f5, 0x06c45d188009454f,
                                   0xf88bb8a8724c81ed, 0x1b39896a51a8749b, 0x53cb9f0c747ea2eb};

void shapes_forget(struct shapes *shapes)
{
    shapes->used = 1; /* line 0 is no shape */
    shapes->last = 0;
    shapes->stamp += 1ull << 48;
    if (shapes->stamp == 0) { /* after 65,536 of them */
        memset(shapes->lines, 0, sizeof shapes->lines);
        shapes->stamp = 1ull << 48;
    }
}

void shapes_open(struct shapes *shapes)
{
    shapes->known = shapes->first_known;
    shapes->sets = SHAPES_FIRST_SETS - 1;
    shapes->usual = shapes->first_usual;
    shapes->usuals = SHAPES_FIRST_USUAL - 1;
    shapes->stack = bounds_of_stack();
    if (shapes->guesses == 0)
        shapes->guesses = SHAPES_FIRST_GUESSES - 1;
    shapes->learned = 0;
    shapes->walks = 0;
    shapes->varied = false;
    shapes_forget(shapes);
}

/* The node of the stack, if it has the shape in this line; else 0. */
static inline uint32_t try(struct shapes *shapes, uint16_t line, const uint64_t *base)
{
    const struct shape *s = shapes_at(shapes, line);
    uint32_t node = shape_fits(shapes, s, base) ? recall_find_now(&recall_by_words, shape_hash(s, base)) : 0;
    if (LIKELY(node))
        shapes_was(shapes, s);
    return node;
}

uint32_t shapes_others(struct shapes *shapes, const uint64_t *base)
{
    struct shapes_guess *guess = &shapes->after[shapes->guess];
    uint32_t node = try(shapes, guess->first, base);
    if (LIKELY(node))
        return node;
    uint16_t others[] = {guess->second, *shapes_usual(shapes, base)};
    for (unsigned i = 0; i < 2; i++) {
        node = others[i] == guess->first ? 0 : try(shapes, others[i], base);
        if (node) {
            *guess = (struct shapes_guess){others[i], guess->first};
            return node;
        }
        if (others[1] == others[0])
            break;
    }
    return 0;
}

/* A shape that is being put together. */
union draft {
    struct shape shape;
    char memory[sizeof(struct shape) + SHAPE_WORDS * sizeof(uint16_t)];
};

/* Appends a place; false if there is no room, or it is too far out. */
INLINE bool add(struct shape *draft, const uint64_t *base, uint64_t address)
{
    uint64_t from = address - (uint64_t)(uintptr_t)base;
    if (draft->words == SHAPE_WORDS || from / 8 > UINT16_MAX || from % 8)
        return false;
    draft->at[draft->words++] = (uint16_t)(from / 8);
    draft->start = recall_hash(draft->start, (uint32_t)from);
    return true;
}

static bool fill_up(struct shape *draft, const uint64_t *base)
{
    while (draft->words % 4)
        if (!add(draft, base, (uint64_t)(uintptr_t)(base + 1)))
            return false;
    return true;
}

/* What is on the stack itself, words from..to, counts from the stack's innermost word on, so that threads
 * share hashes. */
static void count_from_base(struct shape *draft, const uint64_t *base, unsigned from, unsigned to)
{
    const uint64_t too_much[] = {0, (uint64_t)(uintptr_t)base};
    uint16_t which[SHAPE_WORDS];
    for (unsigned i = 0; i < draft->words; i++)
        which[i] = i >= from && i < to;
    struct shape_sums sums = shape_sums(which, draft->words, too_much);
    draft->start -= sums.inner + sums.outer;
}

static bool describe(struct shape *draft, const uint64_t *base, const struct seen *top,
                     const struct seen *end)
{
    draft->words = 0;
    for (const struct seen *frame = top; frame < end; frame++)
        if (!add(draft, base, frame->slot))
            return false;
    unsigned checks = draft->words;
    draft->start = recall_hash(draft->start, checks);
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

static size_t size_of(const struct shape *shape)
{
    return sizeof *shape + shape->words * sizeof shape->at[0];
}

static uint16_t *set_of(struct shapes *shapes, const struct shape *shape)
{
    uint64_t hash = (shape->start ^ shape->key << 3) * 0x9e3779b97f4a7c15ull;
    return shapes->known[hash >> 32 & shapes->sets];
}

static void put_first(uint16_t set[4], uint16_t line)
{
    memmove(set + 1, set, 3 * sizeof *set);
    *set = line;
}

/* Lines that a shape takes. */
static uint32_t lines_of(const struct shape *shape)
{
    return (uint32_t)(size_of(shape) + SHAPE_LINE - 1) / SHAPE_LINE;
}

/* More sets to know shapes by, and more places for the usual ones: in memory that threads with few shapes do
 * not touch. Were we thrown out of here by a signal handler, some shapes would be learned twice. */
static NOINLINE void more_sets(struct shapes *shapes)
{
    uint32_t sets = (shapes->sets + 1) * 16 < SHAPES_SETS ? (shapes->sets + 1) * 16 : SHAPES_SETS;
    shapes->known = shapes->all_known;
    shapes->usual = shapes->all_usual;
    memset(shapes->all_known, 0, sets * sizeof shapes->all_known[0]);
    SIGNAL_FENCE(); /* as many as the new ones have room for */
    shapes->sets = sets - 1;
    shapes->usuals = (8 * sets < SHAPES_USUAL ? 8 * sets : SHAPES_USUAL) - 1;
    for (uint32_t line = 1; line < shapes->used; line += lines_of(shapes_at(shapes, line)))
        put_first(set_of(shapes, shapes_at(shapes, line)), (uint16_t)line);
}

/* Keeps a shape; its line. When there is no room all begins anew, and 0. */
static uint16_t take_in(struct shapes *shapes, const struct shape *draft)
{
    uint32_t line = shapes->used, lines = lines_of(draft);
    if (line + lines > SHAPES_LINES) {
        shapes->varied = true;
        shapes_forget(shapes);
        return 0;
    }
    guest_assert(line > 0 && draft->words % 4 == 0 && draft->words <= SHAPE_WORDS);
    shapes->used += lines;
    struct shape *s = shapes_at(shapes, line);
    memcpy(&s->start, &draft->start, size_of(draft) - offsetof(struct shape, start));
    SIGNAL_FENCE(); /* a handler may throw us out of here: then it is no shape */
    s->key = draft->key;
    return (uint16_t)line;
}

/* The line of a shape like this one; 0 if it is new. */
static uint16_t find(struct shapes *shapes, const uint16_t set[4], const struct shape *draft)
{
    for (unsigned i = 0; i < 4; i++) {
        const struct shape *s = shapes_at(shapes, set[i]);
        if (s->key == draft->key && s->start == draft->start)
            return set[i];
    }
    return 0;
}

/* What was learned stays where it will be looked for. */
static NOINLINE void more_guesses(struct shapes *shapes)
{
    uint64_t guesses = shapes->guesses + 1;
    guest_assert((guesses & shapes->guesses) == 0 && 2 * guesses <= SHAPES_GUESSES);
    memcpy(shapes->after + guesses, shapes->after, guesses * sizeof shapes->after[0]);
    SIGNAL_FENCE();
    shapes->guesses = 2 * guesses - 1;
    shapes->learned = 0;
}

/* Not cold: in a program whose stacks have many shapes every twentieth one comes here. */
__attribute__((noinline)) void shapes_learn(struct shapes *shapes, const struct seen *top,
                                            const struct seen *end, uint32_t node)
{
    union draft draft;
    const uint64_t *base = (const uint64_t *)(uintptr_t)top->slot - 1;
    draft.shape.key = (uint64_t)(uintptr_t)base | shapes->stamp;
    draft.shape.start = rules_generation;
    if (shapes->walks < WALKS_FIRST || top == end) {
        shapes->walks++;
        return;
    }
    if ((uintptr_t)base < shapes->stack.low || end[-1].slot >= shapes->stack.high ||
        !describe(&draft.shape, base, top, end))
        return;
    uint16_t *set = set_of(shapes, &draft.shape), line = find(shapes, set, &draft.shape);
    bool new = line == 0;
    if (new) {
        line = take_in(shapes, &draft.shape);
        if (!line)
            return;
        put_first(set, line);
        if (UNLIKELY(shapes->used > 2 * shapes->sets && shapes->sets + 1 < SHAPES_SETS))
            more_sets(shapes);
    }
    struct shapes_guess *guess = &shapes->after[shapes->guess];
    *guess = (struct shapes_guess){line, guess->first};
    if (UNLIKELY(shapes->learned++ > shapes->guesses && shapes->guesses + 1 < SHAPES_GUESSES))
        more_guesses(shapes);
    *shapes_usual(shapes, base) = line;
    shapes_was(shapes, shapes_at(shapes, line));
    /* Where there are ever new shapes, as with frames whose size varies, hashes are not worth keeping. */
    if (new && shapes->varied)
        return;
    /* It is there if only the shape was not foreseen. */
    struct recall_key hash = shape_hash(shapes_at(shapes, line), base);
    if (!recall_find_now(&recall_by_words, hash))
        recall_put(&recall_by_words, hash, node);
}
