/* unwind.h - finds the native stack of a hook's caller, as a node of the trie.
 *
 * Most stacks need no walk, see predict.h. The others differ little from the stack of the thread's previous
 * walk. So the walk goes outwards, frame by frame, by the cached rules, until it meets a frame of the
 * previous stack. The frames further out are only verified: each return address, and each saved rbp that the
 * position of a frame depends on, is compared with the word that is in memory now. By induction over the
 * frames, the result is that of a complete walk.
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
    uint64_t saved; /* where the next outer frame's rbp is saved; 0 = it is not */
    union rule_known known;
};

/* What lies further out than the frames of a stack that are remembered. */
enum outer {
    OUTER_NONE,    /* nothing: the stack is complete */
    OUTER_UNKNOWN, /* unknown: whether it is complete depends on the outermost frame */
    OUTER_DEEPER,  /* more frames: the stack is deeper than what is kept */
};

/* A thread's memory for its walks. */
struct unwind {
    uint32_t depth;        /* frames kept at most */
    struct kept kept;      /* kept_of(depth) */
    uint32_t walk;         /* frames walked at most */
    uint32_t room;         /* frames remembered at most: more than are kept, see deep.c */
    uint32_t top;          /* the innermost frame's index in seen; room = nothing remembered */
    uint32_t base;         /* index of the innermost frame that is cut off; room = none is */
    enum outer outer;      /* what lies further out than the remembered frames of the previous stack */
    uint64_t special_base; /* the slot of the frame at which special.c last cut a stack */
    struct seen *seen;     /* [room + 1], outermost last; then an end marker */
    struct step *fresh;    /* [UNWIND_WALK(depth)], frames walked, innermost first */
    void **buffer;         /* [depth + UNWIND_OWN], for libunwind */
    struct cfi_scratch *scratch;
    struct predictor *predictor;
};
#define UNWIND_OWN 24 /* frames of ours that libunwind sees, at most */

/* Frames walked of a deep stack: more than it takes to know that it is deep, so that some can return before
 * it has to be walked again. Twice as many are remembered, so that as many can be called. */
#define UNWIND_WALK(depth) ((depth) + (depth) / 4 + 1)
#define UNWIND_ROOM(depth) (2 * UNWIND_WALK(depth) + 1)

/* No return address is lower; libunwind ends a stack there, too. */
#define UNWIND_LOWEST_CODE 0x4000

/* Bytes that the arrays of a struct unwind take for this depth; unwind_init() divides that memory up. */
uint64_t unwind_memory(uint32_t depth);
/* Call it on the thread that will use it. */
void unwind_init(struct unwind *u, uint32_t depth, void *memory);

/* Forgets the stacks so far. To be called when rules may have changed. */
void unwind_forget(struct unwind *u);

/* The trie node of the stack of a hook's caller. hook_frame: the frame address of the hook, which must keep a
 * frame pointer. */
uint32_t unwind_stack(struct unwind *u, const void *hook_frame);

/* The same in two steps: where to look if the prediction is right, and the node if nothing was there. The
 * first step changes nothing that matters, so it may come as early as the hook begins. */
struct stack_cache_place unwind_predict(struct unwind *u, const void *hook_frame);
uint32_t unwind_mispredicted(struct unwind *u, const void *hook_frame);

/* ---- unwind.c, for deep.c ------------------------------------------------------------------------- */

/* Stores n newly walked frames inside of p, which stays. Returns the innermost. */
struct seen *unwind_keep(struct unwind *u, struct seen *p, uint32_t n);

/* ---- deep.c --------------------------------------------------------------------------------------- */

/* As unwind_keep(), for a stack that is deeper than what is kept of it, or was at the last walk; also chooses
 * where to cut it. NULL if too little of it is remembered, so that all of it must be walked. */
struct seen *deep_keep(struct unwind *u, struct seen *p, uint32_t n);

/* ---- special.c ------------------------------------------------------------------------------------ */

/* The node of a stack with a frame that has no simple rule. u->fresh holds the frames walked so far, that one
 * last. first_slot: where the hook's return address is. */
uint32_t special_walk(struct unwind *u, uint64_t first_slot, uint32_t walked);

/* ---- oracle.c: libunwind, for comparing stacks (LIBTRACE_CHECK_STACKS=1) ------------------------- */

/* Loads libunwind without exporting its symbols: its _Unwind_* and backtrace() must not replace the
 * program's. */
void oracle_open(void);

/* Stores the whole stack, as unw_backtrace() finds it, in u->buffer. Returns the number of frames; *first is
 * the first that is not ours (ra: the return address of the hook). 0 on failure. It may allocate: that must
 * not be recorded as the program's. */
uint32_t oracle_walk(struct unwind *u, uint64_t ra, uint32_t *first);

#endif
