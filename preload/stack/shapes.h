/* shapes.h - where on the stack the words lie that a walk reads: foreseen, so that most stacks need no walk.
 *
 * What a walk finds is decided by the words that it reads: return addresses, and saved rbp where a frame's
 * place depends on it. Their places, relative to the hook's frame, are the stack's shape. A program has few,
 * and which one comes can be foreseen as a branch is: from where it happens, and what was before. (The last
 * two shapes that came at the hook's frame and return address after the shape before: 97 % of deep's stacks,
 * all of espresso's.) So the words at these places are read, all at once, and their hash is looked up: if a
 * walk has read the same words at the same places before, it would find the same stack again. If not, there
 * is a walk, and its shape and hash are remembered.
 *
 * The words are read before it is known that they belong to the stack. So shapes are remembered only of
 * stacks that lie within the thread's own, see bounds.h.
 */
#ifndef LIBTRACE_SHAPES_H
#define LIBTRACE_SHAPES_H

#include "bounds.h"
#include "recall.h"
#include "rules.h"

struct seen;

#define SHAPE_WORDS 128 /* of a deeper stack nothing is foreseen */

/* A cache line or more of them. */
struct shape {
    uint64_t key;    /* the slot of the hook's return address | shapes.stamp; 0 = none */
    uint64_t seed;   /* hash of what follows */
    uint16_t words;  /* return addresses, filled up to a multiple of 4 with the first */
    uint16_t checks; /* saved rbp, after them */
    uint16_t at[];   /* 8-byte words from the word before the slot outwards */
};
#define SHAPE_LINE 64u

#define SHAPES_LINES 16384u /* 1 MiB, touched as far as it is used */
#define SHAPES_SETS 8192u
#define SHAPES_GUESSES 16384u
#define SHAPES_USUAL 4096u

/* A thread's. */
struct shapes {
    uint64_t stamp;      /* << 48, grows when nothing holds any more; never 0 once in use */
    struct bounds stack; /* the thread's */
    uint32_t last;       /* the latest stack's shape */
    uint32_t used;       /* lines */
    uint32_t walks;      /* before anything was learned */
    bool varied;         /* the lines were full before */
    /* Lines of the shapes that there were the last two times that this came after that: shapes_after(). */
    struct shapes_guess {
        uint16_t first, second;
    } after[SHAPES_GUESSES];
    uint16_t usual[SHAPES_USUAL];   /* that there was the last time, whatever was before: shapes_usual() */
    uint16_t known[SHAPES_SETS][4]; /* by slot and seed: the shape's line, to know it again */
    char lines[SHAPES_LINES][SHAPE_LINE] __attribute__((aligned(64)));
};

/* For the calling thread. The memory is zero, or was used by another one. */
void shapes_open(struct shapes *shapes);

/* Rules may not hold any more. */
void shapes_forget(struct shapes *shapes);

/* After a walk whose frames these are, innermost first, up to end: remembers what it has read, and its node.
 */
void shapes_learn(struct shapes *shapes, const struct seen *top, const struct seen *end, uint32_t node);

/* Factors of the words, odd. */
extern uint64_t shapes_factor[SHAPE_WORDS];

INLINE struct shape *shapes_at(struct shapes *shapes, uint32_t line)
{
    return (struct shape *)shapes->lines[line];
}

/* The sum of products is a universal hash (multilinear, Carter and Wegman 1979) of which the products do not
 * wait for each other. What is on the stack itself counts from the slot on, so that threads share hashes.
 * Stacks that differ in their innermost three frames only are near each other. */
INLINE struct recall_key shape_hash(const struct shape *s, uint64_t slot)
{
    const uint64_t *base = (const uint64_t *)(uintptr_t)slot - 1;
    uint64_t inner = base[s->at[0]] * shapes_factor[0] + base[s->at[1]] * shapes_factor[1] +
                     base[s->at[2]] * shapes_factor[2];
    uint64_t outer = s->seed + rules_generation + base[s->at[3]] * shapes_factor[3], other = 0;
    unsigned i = 4;
    for (; i < s->words; i += 4) {
#pragma GCC unroll 4
        for (unsigned k = 0; k < 4; k += 2) {
            outer += base[s->at[i + k]] * shapes_factor[i + k];
            other += base[s->at[i + k + 1]] * shapes_factor[i + k + 1];
        }
    }
    for (unsigned checks = s->checks; checks > 0; checks--, i++)
        other += (base[s->at[i]] - slot) * shapes_factor[i];
    outer += other;
    return (struct recall_key){recall_hash(outer, 0), recall_hash(outer + inner, 1)};
}

INLINE struct shapes_guess *shapes_after(struct shapes *shapes, uint64_t slot, uint64_t ra)
{
    uint64_t hash = (slot << 6 ^ ra ^ (uint64_t)shapes->last << 32) * 0x9e3779b97f4a7c15ull;
    return &shapes->after[hash >> 32 & (SHAPES_GUESSES - 1)];
}

INLINE uint16_t *shapes_usual(struct shapes *shapes, uint64_t slot, uint64_t ra)
{
    uint64_t hash = (slot << 6 ^ ra) * 0x9e3779b97f4a7c15ull;
    return &shapes->usual[hash >> 32 & (SHAPES_USUAL - 1)];
}

/* The node of the stack, if it has the shape in this line; else 0. */
INLINE uint32_t shapes_try(struct shapes *shapes, uint32_t line, uint64_t slot)
{
    const struct shape *s = shapes_at(shapes, line);
    if (UNLIKELY(s->key != (slot | shapes->stamp)))
        return 0;
    return recall_find_now(&recall_by_words, shape_hash(s, slot));
}

/* When it has not the first that was foreseen. */
uint32_t shapes_try_others(struct shapes *shapes, uint64_t slot, uint64_t ra, struct shapes_guess *guess);

/* The node of the stack whose innermost return address, ra, is in this slot; 0 if it takes a walk. */
INLINE uint32_t shapes_node(struct shapes *shapes, uint64_t slot, uint64_t ra)
{
    struct shapes_guess *guess = shapes_after(shapes, slot, ra);
    uint32_t line = guess->first, node = shapes_try(shapes, line, slot);
    if (UNLIKELY(!node))
        return shapes_try_others(shapes, slot, ra, guess);
    shapes->last = line;
    return node;
}

#endif
