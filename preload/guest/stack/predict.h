/* predict.h - where on the stack the words lie that a walk reads: predicted, so that most stacks need no walk.
 *
 * What a walk finds is decided by the words that it reads: return addresses, and saved rbp where a frame's
 * place depends on it. Their places, relative to the hook's frame, are the stack's layout. A program has few,
 * and which one comes can be predicted as a branch is: from where it happens, and what was before. (The last
 * two layouts that came at the hook's frame and return address after the layout before: 98 % of deep's stacks,
 * all of espresso's.) So the words at these places are read, all at once, and their hash is looked up: if a
 * walk has read the same words at the same places before, it would find the same stack again. If not, there
 * is a walk, and its layout and hash are remembered. A stack begins at the word before the hook's return
 * address, "base": where rbp is saved.
 *
 * The words are read before it is known that they belong to the stack. So layouts are remembered only of
 * stacks that lie within the thread's own, see bounds.h.
 */
#ifndef LIBTRACE_PREDICT_H
#define LIBTRACE_PREDICT_H

#include "bounds.h"
#include "stack_cache.h"
#include "seen.h"

#define LAYOUT_WORDS 128 /* of a deeper stack nothing is predicted */

/* A cache line or more of them. */
struct layout {
    uint64_t key;   /* where such stacks begin | predictor.stamp; 0 = none */
    uint64_t start; /* of the hash of the words: a hash of the places */
    uint16_t words; /* return addresses, then saved rbp; filled up to a multiple of 4 with the first */
    uint16_t at[];  /* 8-byte words from there outwards */
};
#define LAYOUT_LINE 64u

#define PREDICT_LINES 16384u /* 1 MiB, touched as far as it is used */
#define PREDICT_SETS 8192u
#define PREDICT_FIRST_SETS 16u
#define PREDICTION_BITS 17
#define PREDICTIONS (1u << PREDICTION_BITS)
#define PREDICTIONS_FIRST 512u
#define PREDICT_USUAL 4096u
#define PREDICT_FIRST_USUAL 64u
#define PREDICT_RADIX 0xd6e8feb86659fd93ull

/* A thread's. What one with few layouts needs is in two pages, that of the first lines and the one after the
 * lines, as there may be thousands of threads. */
struct predictor {
    char lines[PREDICT_LINES][LAYOUT_LINE];
    uint64_t stamp;        /* << 48, grows when nothing holds any more; never 0 once in use */
    struct bounds stack;   /* the thread's */
    uint64_t last;         /* of the latest stack's layout: start */
    uint64_t predictions;  /* of after in use, less 1: a power of two, grows with what is learned */
    uint32_t prediction;   /* from where in after it was predicted */
    uint32_t learned;      /* since it has grown */
    uint32_t used;         /* lines */
    uint32_t walks;        /* before anything was learned */
    bool varied;           /* the lines were full before */
    uint32_t sets, usuals; /* of known and usual in use, less 1: powers of two */
    uint16_t (*known)[4];  /* by key and start: the layout's line, to know it again */
    uint16_t *usual;       /* line that there was the last time, whatever was before: predict_usual() */
    uint16_t first_known[PREDICT_FIRST_SETS][4]; /* what these are at first, */
    uint16_t first_usual[PREDICT_FIRST_USUAL];
    /* Lines of the layouts that there were the last two times that this came after that: predict_stack(). */
    struct prediction {
        uint16_t first, second;
    } after[PREDICTIONS];
    uint16_t all_usual[PREDICT_USUAL]; /* and when there are more */
    uint16_t all_known[PREDICT_SETS][4];
} __attribute__((aligned(64)));

/* For the calling thread. The memory is zero, or was used by another one. */
void predict_open(struct predictor *predictor);

/* Rules may not hold any more. */
void predict_forget(struct predictor *predictor);

/* After a walk whose frames these are, innermost first, up to end: remembers what it has read, and its node.
 */
void predict_learn(struct predictor *predictor, const struct seen *top, const struct seen *end,
                   uint32_t node);

/* Factors of the sums below, odd; any will do (digits of the golden ratio and the like would, too: these are
 * splitmix64's, Steele and others 2014). */
extern HIDDEN const uint64_t layout_factor[6];

INLINE struct layout *predict_layout(struct predictor *predictor, uint32_t line)
{
    return (struct layout *)predictor->lines[line];
}

/* Sums of words, each times a factor of its own: a multilinear hash (Carter and Wegman 1979), whose highest
 * bits are the good ones. The factors are powers of one (Horner), so that a word takes three instructions; in
 * four sums, which do not wait for each other. */
struct layout_sums {
    uint64_t inner, outer; /* of the innermost two frames; of the others */
};

INLINE struct layout_sums layout_sums(const uint16_t *at, unsigned words, const uint64_t *base)
{
    const uint16_t *end = at + words;
    struct layout_sums sums = {.inner = base[at[0]] * layout_factor[0] + base[at[1]] * layout_factor[1]};
    uint64_t a = base[at[2]], b = base[at[3]];
    if ((at += 4) == end) {
        sums.outer = a * layout_factor[2] + b * layout_factor[3];
        return sums;
    }
    a = a * PREDICT_RADIX + base[at[0]];
    b = b * PREDICT_RADIX + base[at[1]];
    uint64_t c = base[at[2]], d = base[at[3]];
    while ((at += 4) != end) {
        a = a * PREDICT_RADIX + base[at[0]];
        b = b * PREDICT_RADIX + base[at[1]];
        c = c * PREDICT_RADIX + base[at[2]];
        d = d * PREDICT_RADIX + base[at[3]];
    }
    sums.outer = a * layout_factor[2] + b * layout_factor[3] + c * layout_factor[4] + d * layout_factor[5];
    return sums;
}

/* Stacks that differ in their innermost two frames only are near each other: of more a line has no room. */
INLINE struct stack_cache_key layout_hash(const struct layout *s, const uint64_t *base)
{
    struct layout_sums sums = layout_sums(s->at, s->words, base);
    uint64_t outer = s->start + sums.outer;
    return (struct stack_cache_key){outer, stack_cache_hash(outer + sums.inner, 0)};
}

INLINE uint16_t *predict_usual(struct predictor *predictor, const uint64_t *base)
{
    uint64_t hash = ((uint64_t)(uintptr_t)base << 6 ^ base[1]) * 0x9e3779b97f4a7c15ull;
    return &predictor->usual[hash >> 32 & predictor->usuals];
}

/* True if a stack that begins here may have the layout. */
INLINE bool layout_fits(const struct predictor *predictor, const struct layout *s, const uint64_t *base)
{
    return s->key == ((uint64_t)(uintptr_t)base | predictor->stamp);
}

INLINE void predict_was(struct predictor *predictor, const struct layout *s)
{
    predictor->last = s->start;
}

/* Where the stack that begins here is to be looked for if it has the layout that is predicted. */
INLINE struct stack_cache_place predict_stack(struct predictor *predictor, const uint64_t *base)
{
    uint64_t after = ((base[1] + (uint64_t)(uintptr_t)base * 8) ^ predictor->last) * 0x9e3779b97f4a7c15ull >>
                         (64 - PREDICTION_BITS) &
                     predictor->predictions;
    const struct layout *s = predict_layout(predictor, predictor->after[after].first);
    predictor->prediction = (uint32_t)after;
    predict_was(predictor, s);
    return LIKELY(layout_fits(predictor, s, base))
               ? stack_cache_place(&stack_cache_by_words, layout_hash(s, base))
               : STACK_CACHE_NOWHERE;
}

/* After that, if it was not there: the node, if it is remembered elsewhere, or the stack has one of the other
 * layouts that are likely; else 0: it takes a walk. */
uint32_t predict_others(struct predictor *predictor, const uint64_t *base);

#endif
