/* frames.h - the Python stack of the calling thread. */
#ifndef LIBTRACE_PYTHON_FRAMES_H
#define LIBTRACE_PYTHON_FRAMES_H

#include "interpreter.h"
#include "thread.h"

/* A frame of the stack that the thread walked last. Shims, and frames that are being set up, are included,
 * since the chain leads through them; they have their parent's node. */
struct python_seen {
    uintptr_t frame;
    uint32_t node;   /* of the stack from here outwards */
    uint16_t loose;  /* 1 = the node depends on more than where the frames are, see child_slow() */
    uint16_t frames; /* in python_cut: a running count of frames, without shims */
    uint64_t where;  /* frames_where() */
};

/* A whole stack, by the hash of its frames' positions, and what its latest blocks were: see objects.h. */
struct python_known {
    uint64_t hash;
    uint32_t node;   /* 0 = the thread has no frames */
    uint32_t memory; /* the node for what `call` asks for */
    uintptr_t call;  /* that asked for the latest memory that is no object; 0 = none yet */
    uint32_t guess;  /* offset in the guesses of objects where the latest object's may be */
    uint32_t unused;
};

/* The node of a frame below its parent's, to avoid further look-ups for what occurs again and again. */
struct python_memo {
    uint64_t where;
    uint32_t node;
    uint32_t unused;
    uint64_t parent; /* codes_generation | the parent's node */
};

#define PYTHON_DEPTH 2050 /* LIBTRACE_DEPTH's limit, with a shim for each frame, and one more */
#define PYTHON_FRESH 16   /* frames walked before the walk stops trying to join the previous stack */
#define PYTHON_MEMO_BITS 9
#define PYTHON_KNOWN_BITS 12
#define PYTHON_PLACES 256   /* hash table: a frame's address to its place in the stack */
#define PYTHON_NATIVES 1024 /* native frames of a hybrid stack, LIBTRACE_DEPTH's limit */

/* The stack that was walked last, if it was deeper than LIBTRACE_DEPTH: a part of a chain, with room to grow
 * at both ends. */
#define PYTHON_CUT (3 * PYTHON_DEPTH)
struct python_cut {
    bool now;      /* the thread's last walk found such a stack */
    uint32_t top;  /* place of the innermost frame; 0: nothing is remembered */
    uint32_t base; /* place of the innermost frame that is cut off: its node is WIRE_NODE_CUT */
    uint16_t place[PYTHON_PLACES];       /* as python_thread.place */
    struct python_seen seen[PYTHON_CUT]; /* further out than base only `frame` is valid, as a guess */
};

/* The outer part of a hybrid stack, inside of which there are so many frames. */
#define PYTHON_MARKS 64
struct python_mark {
    uint64_t key; /* see hybrid.c */
    uint32_t frames;
    uint32_t node;
};

/* A thread's memory for its walks. Only touched as far as its stacks are deep. */
struct python_thread {
    uint64_t generation; /* codes_generation of seen */
    /* Called for an unknown stack: it is first tried as the last one was, cut or whole. */
    uint32_t (*unknown)(struct python_thread *, uintptr_t top);
    uintptr_t top;    /* the innermost frame of the walk that goes on: the quick one has no register for it */
    uint32_t depth;   /* frames in seen; 0: nothing is remembered */
    uint32_t natives; /* native allocations since the allocators were last checked */
    uint16_t place[PYTHON_PLACES]; /* by frames_hash(): the offset in seen where this frame may be */
    struct python_known known[1u << PYTHON_KNOWN_BITS];
    struct python_known unlearned; /* the last walk's, if that stack is not to be remembered */
    struct python_known *walked;   /* the last walk's */
    struct python_memo memo[1u << PYTHON_MEMO_BITS][2];
    /* The stack that was walked last, outermost frame first, from seen[1] on: seen[0] is the end of the
     * chain. Entries further in than its depth are frames of earlier stacks, the nodes of which are no longer
     * valid. */
    struct python_seen seen[1 + PYTHON_DEPTH];
    struct python_cut cut;
    uint32_t mixed[PYTHON_NATIVES + PYTHON_DEPTH]; /* frame numbers of a hybrid stack being put together */
    struct python_mark marks[PYTHON_MARKS];        /* what to remember of it */
};

/* The calling thread's memory; NULL if there is none. */
struct python_thread *python_thread_new(struct thread *t);

static inline struct python_thread *python_thread_of(struct thread *t)
{
    return LIKELY(t->python != NULL) ? t->python : python_thread_new(t);
}

/* The node of the stack that begins at this thread state's top frame; 0 if it has no frames. The thread state
 * must be the calling thread's. The outer frames of a stack deeper than LIBTRACE_DEPTH are cut off and not
 * read. */
uint32_t frames_node(struct python_thread *t, uintptr_t state);

/* The same, and what is known of that stack; valid until the next walk. */
struct python_known *frames_known_38(struct python_thread *t, uintptr_t state);
struct python_known *frames_known_311(struct python_thread *t, uintptr_t state);
struct python_known *frames_known_312(struct python_thread *t, uintptr_t state);
struct python_known *frames_known_313(struct python_thread *t, uintptr_t state);

INLINE struct python_known *frames_known(struct python_thread *t, uintptr_t state, enum python_family family)
{
    if (family == PYTHON_FROM_38)
        return frames_known_38(t, state);
    if (family == PYTHON_FROM_311)
        return frames_known_311(t, state);
    return family == PYTHON_FROM_312 ? frames_known_312(t, state) : frames_known_313(t, state);
}

/* To be called after frames_node() returned this node: the frames of that stack, or those that were kept,
 * valid until the next walk. [1] is the outermost, [*length] the innermost, shims included; [0] is before the
 * outermost. *cut: outer frames were cut off. */
const struct python_seen *frames_walk(struct python_thread *t, uintptr_t state, uint32_t node,
                                      uint32_t *length, bool *cut);

static inline uint64_t frames_word(uintptr_t object, size_t offset)
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

/* The frame's code object, or what a shim has in its place. 3.14 keeps tags in the low bits of references. */
static inline uintptr_t frames_code(const struct python_layout *l, uintptr_t frame)
{
    return frames_word(frame, l->frame_code) & ~(uintptr_t)3;
}

/* The raw value in the frame, see python_layout.instruction. */
static inline uint64_t frames_instruction(const struct python_layout *l, uintptr_t frame)
{
    return l->instruction == PYTHON_POINTER ? frames_word(frame, l->frame_instruction)
                                            : *(const uint32_t *)(frame + l->frame_instruction);
}

/* A number for code object and instruction: as long as no code object dies (codes_generation), equal numbers
 * mean the same instruction. If the frame has a pointer into the code object, it is that pointer. Otherwise
 * it combines the code object's address, a multiple of 16 below 2^47, with the instruction's number;
 * FRAMES_NOWHERE, which never compares equal, if the code object has too many instructions. */
#define FRAMES_NOWHERE 1u
#define FRAMES_INSTRUCTION_BITS 21
static inline uint64_t frames_where(bool pointer, size_t code_offset, size_t instruction_offset,
                                    uintptr_t frame)
{
    if (pointer)
        return frames_word(frame, instruction_offset);
    uint32_t instruction = *(const uint32_t *)(frame + instruction_offset) + 1; /* -1: not started */
    return LIKELY(instruction >> FRAMES_INSTRUCTION_BITS == 0)
               ? frames_word(frame, code_offset) << (FRAMES_INSTRUCTION_BITS - 4) | instruction
               : FRAMES_NOWHERE;
}

static inline unsigned frames_owner(const struct python_layout *l, uintptr_t frame)
{
    return l->frame_owner == PYTHON_NO_OFFSET ? PYTHON_OWNER_THREAD
                                              : *(const unsigned char *)(frame + l->frame_owner);
}

/* True if this is not a frame of Python code, but marks where C code called the interpreter. Versions with
 * shims have frames with a pointer, see frames_where(). */
static inline bool frames_is_shim(bool pointer, size_t owner_offset, uintptr_t frame)
{
    return pointer && *(const unsigned char *)(frame + owner_offset) >= PYTHON_OWNER_SHIM;
}

static inline unsigned frames_hash(uintptr_t frame)
{
    return (uint32_t)(frame >> 4) * 0x9e3779b1u >> 24;
}

#endif
