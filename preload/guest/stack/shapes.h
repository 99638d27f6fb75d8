/* shapes.h - where on the stack the words lie that a walk reads: foreseen, so that most stacks need no walk.
 *
 * What a walk finds is decided by the words that it reads: return addresses, and saved rbp where a frame's
 * place depends on it. Their places, relative to the hook's frame, are the stack's shape. A program has few,
 * and which one comes can be foreseen as a branch is: from where it happens, and what was before. (The last
 * two shapes that came at the hook's frame and return address after the shape before: 98 % of deep's stacks,
 * all of espresso's.) So the words at these places are read, all at once, and their hash is looked up: if a
 * walk has read the same words at the same places before, it would find the same stack again. If not, there
 * is a walk, and its shape and hash are remembered. A stack begins at the word before the hook's return
 * address, "base": where rbp is saved.
 *
 * The words are read before it is known that they belong to the stack. So shapes are remembered only of
 * stacks that lie within the thread's own, see bounds.h.
 */
#ifndef LIBTRACE_SHAPES_H
#define LIBTRACE_SHAPES_H

#include "bounds.h"
#include "recall.h"
#include "seen.h"

#define SHAPE_WORDS 128 /* of a deeper stack nothing is foreseen */

/* A cache line or more of them. */
struct shape {
    uint64_t key;   /* where such stacks begin | shapes.stamp; 0 = none */
    uint64_t start; /* of the hash of the words: a hash of the places */
    uint16_t words; /* return addresses, then saved rbp; filled up to a multiple of 4 with the first */
    uint16_t at[];  /* 8-byte words from there outwards */
};
#define SHAPE_LINE 64u

#define SHAPES_LINES 16384u /* 1 MiB, touched as far as it is used */
#define SHAPES_SETS 8192u
#define SHAPES_FIRST_SETS 16u
#define SHAPES_GUESS_BITS 17
#define SHAPES_GUESSES (1u << SHAPES_GUESS_BITS)
#define SHAPES_FIRST_GUESSES 512u
#define SHAPES_USUAL 4096u
#define SHAPES_FIRST_USUAL 64u
#define SHAPES_RADIX 0xd6e8feb86659fd93ull

/* A thread's. What one with few shapes needs is in two pages, that of the first lines and the one after the
 * lines, as there may be thousands of threads. */
struct shapes {
    char lines[SHAPES_LINES][SHAPE_LINE];
    uint64_t stamp;        /* << 48, grows when nothing holds any more; never 0 once in use */
    struct bounds stack;   /* the thread's */
    uint64_t last;         /* of the latest stack's shape: start */
    uint64_t guesses;      /* of after in use, less 1: a power of two, grows with what is learned */
    uint32_t guess;        /* from where in after it was foreseen */
    uint32_t learned;      /* since it has grown */
    uint32_t used;         /* lines */
    uint32_t walks;        /* before anything was learned */
    bool varied;           /* the lines were full before */
    uint32_t sets, usuals; /* of known and usual in use, less 1: powers of two */
    uint16_t (*known)[4];  /* by key and start: the shape's line, to know it again */
    uint16_t *usual;       /* line that there was the last time, whatever was before: shapes_usual() */
    uint16_t first_known[SHAPES_FIRST_SETS][4]; /* what these are at first, */
    uint16_t first_usual[SHAPES_FIRST_USUAL];
    /* Lines of the shapes that there were the last two times that this came after that: shapes_foresee(). */
    struct shapes_guess {
        uint16_t first, second;
    } after[SHAPES_GUESSES];
    uint16_t all_usual[SHAPES_USUAL]; /* and when there are more */
    uint16_t all_known[SHAPES_SETS][4];
} __attribute__((aligned(64)));

/* For the calling thread. The memory is zero, or was used by another one. */
void shapes_open(struct shapes *shapes);

/* Rules may not hold any more. */
void shapes_forget(struct shapes *shapes);

/* After a walk whose frames these are, innermost first, up to end: remembers what it has read, and its node.
 */
void shapes_learn(struct shapes *shapes, const struct seen *top, const struct seen *end, uint32_t node);

/* Factors of the sums below, odd; any will do (digits of the golden ratio and the like would, too: these are
 * splitmix64's, Steele and others 2014). */
extern HIDDEN const uint64_t shapes_factor[6];

INLINE struct shape *shapes_at(struct shapes *shapes, uint32_t line)
{
    return (struct shape *)shapes->lines[line];
}

/* Sums of words, each times a factor of its own: a multilinear hash (Carter and Wegman 1979), whose highest
 * bits are the good ones. The factors are powers of one (Horner), so that a word takes three instructions; in
 * four sums, which do not wait for each other. */
struct shape_sums {
    uint64_t inner, outer; /* of the innermost two frames; of the others */
};

INLINE struct shape_sums shape_sums(const uint16_t *at, unsigned words, const uint64_t *base)
{
    const uint16_t *end = at + words;
    struct shape_sums sums = {.inner = base[at[0]] * shapes_factor[0] + base[at[1]] * shapes_factor[1]};
    uint64_t a = base[at[2]], b = base[at[3]];
    if ((at += 4) == end) {
        sums.outer = a * shapes_factor[2] + b * shapes_factor[3];
        return sums;
    }
    a = a * SHAPES_RADIX + base[at[0]];
    b = b * SHAPES_RADIX + base[at[1]];
    uint64_t c = base[at[2]], d = base[at[3]];
    while ((at += 4) != end) {
        a = a * SHAPES_RADIX + base[at[0]];
        b = b * SHAPES_RADIX + base[at[1]];
        c = c * SHAPES_RADIX + base[at[2]];
        d = d * SHAPES_RADIX + base[at[3]];
    }
    sums.outer = a * shapes_factor[2] + b * shapes_factor[3] + c * shapes_factor[4] + d * shapes_factor[5];
    return sums;
}

/* Stacks that differ in their innermost two frames only are near each other: of more a line has no room. */
INLINE struct recall_key shape_hash(const struct shape *s, const uint64_t *base)
{
    struct shape_sums sums = shape_sums(s->at, s->words, base);
    uint64_t outer = s->start + sums.outer;
    return (struct recall_key){outer, recall_hash(outer + sums.inner, 0)};
}

INLINE uint16_t *shapes_usual(struct shapes *shapes, const uint64_t *base)
{
    uint64_t hash = ((uint64_t)(uintptr_t)base << 6 ^ base[1]) * 0x9e3779b97f4a7c15ull;
    return &shapes->usual[hash >> 32 & shapes->usuals];
}

/* True if a stack that begins here may have the shape. */
INLINE bool shape_fits(const struct shapes *shapes, const struct shape *s, const uint64_t *base)
{
    return s->key == ((uint64_t)(uintptr_t)base | shapes->stamp);
}

INLINE void shapes_was(struct shapes *shapes, const struct shape *s)
{
    shapes->last = s->start;
}

/* Where the stack that begins here is to be looked for if it has the shape that is foreseen. */
INLINE struct recall_place shapes_foresee(struct shapes *shapes, const uint64_t *base)
{
    uint64_t after = ((base[1] + (uint64_t)(uintptr_t)base * 8) ^ shapes->last) * 0x9e3779b97f4a7c15ull >>
                         (64 - SHAPES_GUESS_BITS) &
                     shapes->guesses;
    const struct shape *s = shapes_at(shapes, shapes->after[after].first);
    shapes->guess = (uint32_t)after;
    shapes_was(shapes, s);
    return LIKELY(shape_fits(shapes, s, base)) ? recall_place(&recall_by_words, shape_hash(s, base))
                                               : RECALL_NOWHERE;
}

/* After that, if it was not there: the node, if it is remembered elsewhere, or the stack has one of the other
 * shapes that are likely; else 0: it takes a walk. */
uint32_t shapes_others(struct shapes *shapes, const uint64_t *base);

#endif
