/* predict.h - predicts where the words are that a walk would read, so that most stacks need no walk.
 *
 * What a walk finds depends only on the words that it reads: return addresses, and saved rbp where the
 * position of a frame depends on it. Their positions relative to the hook's frame are the stack's layout. A
 * program has few layouts, and the next one can be predicted like a branch: from where the event happens, and
 * from the layout before. (The last two layouts seen with the same hook's frame, return address and previous
 * layout are right for 98 % of deep's stacks, and for all of espresso's.) So the words at these positions are
 * read, all at once, and their hash is looked up. If a walk has read the same words at the same positions
 * before, it would find the same stack again. If not, the stack is walked, and its layout and hash are
 * remembered. A stack begins at "base", the word before the hook's return address, where rbp is saved.
 *
 * The words are read before it is known that they belong to the stack. So layouts are only remembered of
 * stacks that lie within the thread's own stack, see bounds.h.
 */
#ifndef LIBTRACE_PREDICT_H
#define LIBTRACE_PREDICT_H

#include "bounds.h"
#include "stack_cache.h"
#include "seen.h"

#define LAYOUT_WORDS 128 /* deeper stacks are not predicted */

/* Takes one or more cache lines. */
struct layout {
    uint64_t key;   /* base of such stacks | predictor.stamp; 0 = none */
    uint64_t start; /* initial value for the hash of the words: a hash of their positions */
    uint16_t words; /* return addresses, then saved rbp, then the first word again, up to a multiple of 4 */
    uint16_t at[];  /* their positions: 8-byte words from base outwards */
};
#define LAYOUT_LINE 64u

#define PREDICT_LINES 16384u /* 1 MiB, of which only what is used is touched */
#define PREDICT_SETS 8192u
#define PREDICT_FIRST_SETS 16u
#define PREDICTION_BITS 17
#define PREDICTIONS (1u << PREDICTION_BITS)
#define PREDICTIONS_FIRST 512u
#define PREDICT_USUAL 4096u
#define PREDICT_FIRST_USUAL 64u
#define PREDICT_RADIX 0xd6e8feb86659fd93ull

/* For one thread. With few layouts only two pages are touched, that of the first lines and the one after the
 * lines, as there may be thousands of threads. */
struct predictor {
    char lines[PREDICT_LINES][LAYOUT_LINE];
    uint64_t stamp;       /* << 48, grows when all layouts become invalid; never 0 once in use */
    struct bounds stack;  /* the thread's */
    uint64_t last;        /* the start of the previous stack's layout */
    uint64_t predictions; /* entries of `after` in use (a power of two), less 1; grows with what is learned */
    uint32_t prediction;  /* the entry of `after` that the last prediction came from */
    uint32_t learned;     /* since `after` has grown */
    uint32_t used;        /* lines */
    uint32_t walks;       /* before anything was learned */
    bool varied;          /* the lines have been full before */
    uint32_t sets, usuals; /* entries of known and usual in use (powers of two), less 1 */
    uint16_t (*known)[4];  /* by key and start: lines of layouts, to recognize a layout */
    uint16_t *usual;       /* the latest line here, whatever was before: predict_usual() */
    uint16_t first_known[PREDICT_FIRST_SETS][4]; /* `known` and `usual` at first, */
    uint16_t first_usual[PREDICT_FIRST_USUAL];
    /* The last two lines that followed this layout at this place: predict_stack(). */
    struct prediction {
        uint16_t first, second;
    } after[PREDICTIONS];
    uint16_t all_usual[PREDICT_USUAL]; /* and when they have grown */
    uint16_t all_known[PREDICT_SETS][4];
} __attribute__((aligned(64)));

/* Prepares it for the calling thread. The memory is zero, or was used by another thread. */
void predict_open(struct predictor *predictor);

/* To be called when rules may have changed. */
void predict_forget(struct predictor *predictor);

/* Remembers what a walk has read, and the node it found. Its frames are those from top, the innermost, up to
 * end. */
void predict_learn(struct predictor *predictor, const struct seen *top, const struct seen *end,
                   uint32_t node);

/* Odd factors of the sums below. Any will do (digits of the golden ratio, for instance); these are from
 * splitmix64 (Steele and others 2014). */
extern HIDDEN const uint64_t layout_factor[6];

INLINE struct layout *predict_layout(struct predictor *predictor, uint32_t line)
{
    return (struct layout *)predictor->lines[line];
}

/* Sums of words, each times a factor of its own: a multilinear hash (Carter and Wegman 1979), whose high bits
 * are the good ones. The factors are powers (Horner), so that a word takes three instructions; four sums, so
 * that they do not wait for each other. */
struct layout_sums {
    uint64_t inner, outer; /* of the innermost two frames; of the other frames */
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

/* Stacks that differ only in their innermost two frames are placed close together: a line has no room for
 * more. */
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

/* True if a stack with this base may have the layout. */
INLINE bool layout_fits(const struct predictor *predictor, const struct layout *s, const uint64_t *base)
{
    return s->key == ((uint64_t)(uintptr_t)base | predictor->stamp);
}

INLINE void predict_was(struct predictor *predictor, const struct layout *s)
{
    predictor->last = s->start;
}

/* Where to look for the stack with this base, assuming the predicted layout. */
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

/* To be called if nothing was there. Returns the node if it is cached elsewhere, or if the stack has one of
 * the other likely layouts; 0 = it must be walked. */
uint32_t predict_others(struct predictor *predictor, const uint64_t *base);

#endif
