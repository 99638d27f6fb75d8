/* unwind.h - the native stack of a hook, as a node of the trie.
 *
 * Most stacks need no walk, see predict.h. Else, most of a stack did not change since the thread's previous
 * walk. This one goes outwards, frame by frame, by
 * the cached rules; where it meets a frame of the previous stack it stops walking, and the frames further out
 * are only verified: each return address, and each saved rbp that a frame's place depends on, is compared
 * with the word that is in memory now. So the result is the one of the whole walk, by induction over the
 * frames.
 */
#ifndef LIBTRACE_UNWIND_H
#define LIBTRACE_UNWIND_H

#include "cfi.h"
#include "kept.h"
#include "rules.h"
#include "seen.h"
#include "predict.h"

#include <stdbool.h>
#include <stdint.h>

/* A frame that was walked in this call. */
struct step {
    uint64_t slot, ra, rbp;
    uint64_t saved; /* where the next outer frame's rbp is saved; 0: not saved */
    union rule_known known;
};

/* What is further out than the frames that are remembered of a stack. */
enum outer {
    OUTER_NONE,    /* nothing: the stack is whole */
    OUTER_UNKNOWN, /* it cannot be known: what the outermost frame says decides that */
    OUTER_DEEPER,  /* more frames: the stack is deeper than what is kept */
};

/* A thread's memory for its walks. */
struct unwind {
    uint32_t depth;        /* frames kept at most */
    struct kept kept;      /* kept_of(depth) */
    uint32_t walk;         /* frames walked at most */
    uint32_t room;         /* frames remembered at most: of a stack that is cut there are more, see deep.c */
    uint32_t top;          /* the innermost frame's index in seen; room = nothing remembered */
    uint32_t base;         /* of the innermost one that is cut off; room = the stack is not cut */
    enum outer outer;      /* of the previous stack: what is further out than all that is remembered */
    uint64_t special_base; /* where special.c cut a stack last: a frame's slot */
    struct seen *seen;     /* [room + 1], outermost last; then an end marker */
    struct step *fresh;    /* [UNWIND_WALK(depth)], frames walked, innermost first */
    void **buffer;         /* [depth + UNWIND_OWN], for libunwind */
    struct cfi_scratch *scratch;
    struct predictor *predictor;
};
#define UNWIND_OWN 24 /* frames of ours that libunwind sees, at most */

/* So many frames are walked of a deep stack: more than it takes to know that it is, so that some can return
 * before it has to be walked again. And twice as many are remembered, to call as many. */
#define UNWIND_WALK(depth) ((depth) + (depth) / 4 + 1)
#define UNWIND_ROOM(depth) (2 * UNWIND_WALK(depth) + 1)

/* No return address is below: where libunwind ends, too. */
#define UNWIND_LOWEST_CODE 0x4000

/* Bytes that a struct unwind's arrays take for this depth; unwind_init() lays them out in such memory. */
uint64_t unwind_memory(uint32_t depth);
/* By the thread that it is for. */
void unwind_init(struct unwind *u, uint32_t depth, void *memory);

/* Forgets the stacks so far: rules may not hold any more. */
void unwind_forget(struct unwind *u);

/* The stack of the function that called the hook whose frame address this is (hooks keep frame pointers):
 * its trie node. */
uint32_t unwind_stack(struct unwind *u, const void *hook_frame);

/* The same in parts: where to look if the stack is as was predicted; and, if it was not there, its node. The
 * first changes nothing that counts, so it may be called as soon as the hook is. */
struct stack_cache_place unwind_predict(struct unwind *u, const void *hook_frame);
uint32_t unwind_mispredicted(struct unwind *u, const void *hook_frame);

/* ---- unwind.c, for deep.c ------------------------------------------------------------------------- */

/* Puts n fresh frames before p, which stays; the innermost. */
struct seen *unwind_keep(struct unwind *u, struct seen *p, uint32_t n);

/* ---- deep.c --------------------------------------------------------------------------------------- */

/* As unwind_keep(), of a stack that is deeper than what is kept of it, or was when it was walked last; and
 * chooses where it is cut. NULL if too little is remembered of it: it takes a walk of the whole. */
struct seen *deep_keep(struct unwind *u, struct seen *p, uint32_t n);

/* ---- special.c ------------------------------------------------------------------------------------ */

/* The node of a stack in which a frame has no simple rule: walked so far, that frame last, in u->fresh.
 * first_slot: where the hook's return address is. */
uint32_t special_walk(struct unwind *u, uint64_t first_slot, uint32_t walked);

/* ---- oracle.c: libunwind, which LIBTRACE_CHECK_STACKS=1 compares stacks with ---------------------- */

/* Loads libunwind, privately: its _Unwind_* and backtrace() must not come before the program's own. */
void oracle_open(void);

/* The whole stack through unw_backtrace() into u->buffer; the number of frames, and the first that is not
 * ours (ra: the return address of the hook). 0 if it cannot be had. It may allocate: what it allocates is not
 * the program's. */
uint32_t oracle_walk(struct unwind *u, uint64_t ra, uint32_t *first);

#endif
