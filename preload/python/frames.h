/* frames.h - the Python stack of the calling thread. */
#ifndef LIBTRACE_PYTHON_FRAMES_H
#define LIBTRACE_PYTHON_FRAMES_H

#include "interpreter.h"
#include "../thread.h"

/* One frame as it lies in the interpreter. */
struct python_frame {
    uintptr_t frame;
    uintptr_t code;       /* its code object, or what a shim has in that place */
    uint64_t instruction; /* as the frame says it, see python_layout.instruction */
    uintptr_t previous;   /* next outer frame, 0 = none */
};

/* A frame of the thread's previous stack. Shims and frames that are being set up are kept too, since the
 * chain runs through them; they have their parent's node. */
struct python_seen {
    struct python_frame is;
    uint32_t node;  /* the stack from here outwards */
    uint32_t owner; /* enum python_owner */
};

/* What a frame below a node came to, so that nothing needs to be looked up for what comes again and again. */
struct python_memo {
    uintptr_t code;
    uint64_t instruction;
    uint32_t parent;
    uint32_t generator;
    uint32_t node;
    uint32_t generation; /* low half of codes_generation */
};

#define PYTHON_DEPTH 8192 /* stacks are kept whole up to here */
#define PYTHON_FRESH 16   /* frames walked before it is no longer tried to join them to the previous stack */
#define PYTHON_MEMO_BITS 9
#define PYTHON_NATIVES 1024 /* native frames of a hybrid stack, LIBTRACE_DEPTH's limit */

/* A thread's memory for its walks: zero is a valid start. Touched as far as its stacks are deep. */
struct python_thread {
    uint64_t generation; /* codes_generation of seen */
    uint32_t depth;      /* frames in seen, outermost first */
    uint32_t natives;    /* native allocations since the allocators were looked at */
    uintptr_t made;      /* block of the last allocation event that no object was seen for */
    struct python_memo memo[1u << PYTHON_MEMO_BITS];
    struct python_seen seen[PYTHON_DEPTH];
    uint32_t mixed[PYTHON_NATIVES + PYTHON_DEPTH]; /* frame numbers of a hybrid stack being put together */
};

/* The calling thread's, NULL when there is no memory. */
struct python_thread *python_thread_new(struct thread *t);

static inline struct python_thread *python_thread_of(struct thread *t)
{
    return LIKELY(t->python != NULL) ? t->python : python_thread_new(t);
}

/* The node of the stack that starts at this thread state's top frame; 0 if it has no frames. The thread state
 * must be the calling thread's. */
uint32_t frames_node(struct python_thread *t, uintptr_t state);

static inline uint64_t frames_word(uintptr_t object, unsigned offset)
{
    return *(const uint64_t *)(object + offset);
}

static inline uintptr_t frames_top(const struct python_layout *l, uintptr_t state)
{
    uintptr_t top = frames_word(state, l->thread_frame);
    if (l->cframe_frame != PYTHON_NO_OFFSET && top)
        top = frames_word(top, l->cframe_frame);
    return top;
}

/* 3.14 keeps tags in the low bits of references. */
static inline void frames_read(const struct python_layout *l, uintptr_t frame, struct python_frame *out)
{
    out->frame = frame;
    out->code = frames_word(frame, l->frame_code) & ~(uintptr_t)3;
    out->instruction = l->instruction == PYTHON_POINTER ? frames_word(frame, l->frame_instruction)
                                                        : *(const uint32_t *)(frame + l->frame_instruction);
    out->previous = frames_word(frame, l->frame_previous);
}

static inline unsigned frames_owner(const struct python_layout *l, uintptr_t frame)
{
    return l->frame_owner == PYTHON_NO_OFFSET ? PYTHON_OWNER_THREAD
                                              : *(const unsigned char *)(frame + l->frame_owner);
}

/* False for shims, and for frames that are being set up: those are not running yet. */
static inline bool frames_counts(const struct python_layout *l, const struct python_frame *f, unsigned owner)
{
    if (l->frame_owner == PYTHON_NO_OFFSET || owner == PYTHON_OWNER_GENERATOR)
        return true;
    if (owner >= PYTHON_OWNER_SHIM)
        return false;
    uint64_t first = *(const uint32_t *)(f->code + l->code_first_traceable);
    return f->instruction >= f->code + l->code_bytecode + 2 * first;
}

#endif
