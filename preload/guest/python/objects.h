/* objects.h - which type each new object has.
 *
 * An allocator hands out blocks without knowing what becomes of them: the type is written when the block has been
 * recorded already. So a block is recorded as being of the type that the latest one of its stack and size had, by a
 * node of the trie below the stack's. At the next event of an object the block is looked at: nearly always a load and
 * a compare show that it is so. Otherwise its right node is published (WIRE_RETYPE); that is the stack's own where no
 * type is found, as in blocks that are no objects.
 *
 *     block   +0                +16               +32
 *             object: type +8                                       refcount, type, ...
 *             GC header         object: type +24
 *             values, weakrefs  GC header         object: type +40  by the type's flags (types.h)
 *
 * What is no object is memory of one: a list's array, a dict's table. Who asks for it does not say so; but each call in the
 * interpreter that asks for memory does so for one purpose. So such blocks are recorded by their call, as a node below the
 * stack's, and the collector finds out what each call is for (analyzer/collector/object_looks.h).
 *
 * What a stack's latest blocks were is kept with the stack (struct python_known), and nearly always is what the next ones are.
 *
 * As a fresh block still holds the words of what was there before, the three are cleared before the program gets it.
 *
 * The latest object belongs to who holds the GIL, whichever thread that is: any thread's event of an object looks at
 * it, so that it cannot be freed before. From 3.12 on interpreters may have a GIL each: then there is a latest object
 * of each GIL, and what is known by address is known under it (gils.c). Only the main one's have quick ways.
 */
#ifndef LIBTRACE_PYTHON_OBJECTS_H
#define LIBTRACE_PYTHON_OBJECTS_H

#include "frames.h"
#include "ring.h"
#include "types.h"

/* What a stack's objects of a size are expected to be. */
struct objects_guess {
    uint64_t key;   /* stack << 32 | size */
    uintptr_t type; /* OBJECTS_UNSURE: to be looked at more closely in any case */
    uint32_t node;  /* what such an object is published as; 0 = as memory that its call has asked for */
    uint32_t word;  /* offset of the type in the block */
};
#define OBJECTS_GUESS_BITS 12
#define OBJECTS_UNSURE 0x8000000000000001ull /* no address, no count */

/* The node for objects of a type, by stack; or for memory that a call has asked for. */
struct objects_node {
    uintptr_t type; /* or return address */
    uint32_t stack, node;
};
#define OBJECTS_NODE_BITS 11

/* The latest object, until it is looked at. */
struct objects_latest {
    uintptr_t block;                   /* where `guess` is about; there always is a word */
    const struct objects_guess *guess; /* &objects_nothing: there is no such object */
    uintptr_t call;                    /* that has asked for the block: a return address */
    const struct thread *by; /* whose event of an object was the last one; NULL: look more closely */
};

/* The objects that one GIL guards, and what is known of them: to be used by who holds it. */
struct objects_gil {
    struct objects_latest latest;
    struct objects_guess *guesses;
    struct objects_node *nodes;
    uint64_t interpreter; /* its state; 0 = none, or the main one is not complete yet */
    int64_t id;           /* that of the interpreter; no other one has it until all of Python was shut down */
    uint32_t number;      /* as in WIRE_GIL */
    _Atomic bool missed;  /* objects were made that we did not see, which may be types */
    struct objects_guess unknown; /* that of an object of which nothing is expected */
    struct types_known types;
} __attribute__((aligned(64)));
extern HIDDEN struct objects_gil objects_main; /* that of the main interpreter, and of those that share it */
extern HIDDEN const struct objects_guess objects_nothing;

extern HIDDEN bool objects_on;      /* LIBTRACE_TYPES, and the main one has memory */
extern HIDDEN bool objects_several; /* there are interpreters with GILs of their own */

/* state: a thread state. */
INLINE bool objects_in_main(const void *state)
{
    return frames_word((uintptr_t)state, python.layout.thread_interpreter) == objects_main.interpreter;
}

struct objects_gil *objects_gil_slow(const void *state);

/* The GIL that guards the objects that are made here; NULL = they have no types. state: the thread state of the caller,
 * which holds it; NULL: it does not. */
INLINE struct objects_gil *objects_gil_of(const void *state)
{
    if (UNLIKELY(!objects_on) || UNLIKELY(!state))
        return NULL;
    return LIKELY(objects_in_main(state)) ? &objects_main : objects_gil_slow(state);
}

INLINE void objects_none(struct objects_gil *gil)
{
    gil->latest.block = (uintptr_t)&objects_nothing.type;
    gil->latest.guess = &objects_nothing;
}

/* Who is not known to hold a GIL frees this block: nobody may look at it any more. */
void objects_gone(const void *block);

/* The next event of an object there does not go the quick way. Any thread may call it. */
INLINE void objects_look_closely(struct objects_gil *gil)
{
    __atomic_store_n(&gil->latest.by, NULL, __ATOMIC_RELAXED);
}

INLINE bool objects_as_expected(const struct objects_gil *gil)
{
    const struct objects_guess *guess = gil->latest.guess;
    return frames_word(gil->latest.block, guess->word) == guess->type;
}

/* freed: the block that is about to be freed or reallocated; 0: another object was made. While others are freed, the
 * latest one may not have its type yet, and stays the latest then. */
void objects_look_slow(struct thread *t, struct objects_gil *gil, uintptr_t freed);

/* To be called before an object's block is freed, with the main GIL: false if more has to be done. The latest object is looked at in any
 * case: what it is must be published before others of its type are gone, or the type's peak would lack it. */
INLINE bool objects_quick_look(const struct thread *t, const void *block)
{
    struct objects_gil *gil = &objects_main;
    if (UNLIKELY(gil->latest.by != t) || UNLIKELY(!objects_as_expected(gil)))
        return false;
    if (gil->latest.block == (uintptr_t)block)
        objects_none(gil);
    return true;
}

INLINE uint64_t objects_key(uint32_t stack, size_t size)
{
    return (uint64_t)stack << 32 | (uint32_t)size;
}

/* Where the guess for a stack's objects of this size is, if there is one. */
INLINE struct objects_guess *objects_guess_of(const struct objects_gil *gil, uint32_t stack, size_t size)
{
    uint64_t hash = objects_key(stack, size) * 0x9e3779b97f4a7c15ull;
    return &gil->guesses[hash >> (64 - OBJECTS_GUESS_BITS)];
}

static inline const struct objects_guess *objects_guess_next(struct python_known *known, size_t size)
{
    const struct objects_guess *guess = objects_guess_of(&objects_main, known->node, size);
    known->guess = (uint32_t)((const char *)guess - (const char *)objects_main.guesses);
    return guess->key == objects_key(known->node, size) ? guess : NULL;
}

/* The guess for a stack's objects of this size, which nearly always is that of its latest object; NULL: there is none.
 * Needs the main GIL. */
INLINE const struct objects_guess *objects_guess_again(struct python_known *known, size_t size)
{
    const struct objects_guess *guess =
        (const struct objects_guess *)((const char *)objects_main.guesses + known->guess);
    return LIKELY(guess->key == objects_key(known->node, size)) ? guess : objects_guess_next(known, size);
}

/* To be called before a new object is published as the guess says. False if more has to be done. */
INLINE bool objects_quick(const struct thread *t, struct objects_gil *gil, void *block, size_t size,
                          const struct objects_guess *guess, uintptr_t call)
{
    uint64_t *words = block;
    if (UNLIKELY(gil->latest.by != t) || UNLIKELY(!objects_as_expected(gil)))
        return false;
    if (size >= 32) {
        words[3] = 0;
        if (size >= 48)
            words[5] = 0;
    }
    words[1] = 0; /* there is no guess for smaller ones */
    gil->latest.block = (uintptr_t)block;
    gil->latest.guess = guess;
    gil->latest.call = call;
    return true;
}

/* Publishes a new object. */
void objects_put_slow(struct thread *t, struct objects_gil *gil, void *block, size_t size, uint32_t stack,
                      uintptr_t call);

uint32_t objects_node_slow(struct objects_gil *gil, uint32_t stack, uintptr_t type);
uint32_t objects_memory_slow(struct objects_gil *gil, uint32_t stack, uintptr_t call);

INLINE struct objects_node *objects_node_place(const struct objects_gil *gil, uint32_t stack, uintptr_t type)
{
    uint64_t hash = (type ^ (uint64_t)stack << 32) * 0x9e3779b97f4a7c15ull;
    return &gil->nodes[hash >> (64 - OBJECTS_NODE_BITS)];
}

/* The node for an object of this type; the stack's own if it is no type. */
INLINE uint32_t objects_node_of(struct objects_gil *gil, uint32_t stack, uintptr_t type)
{
    const struct objects_node *place = objects_node_place(gil, stack, type);
    return LIKELY(place->type == type && place->stack == stack) ? place->node
                                                                : objects_node_slow(gil, stack, type);
}

/* The node for memory that a call has asked for; call: its return address. */
INLINE uint32_t objects_memory_of(struct objects_gil *gil, uint32_t stack, uintptr_t call)
{
    const struct objects_node *place = objects_node_place(gil, stack, call);
    return LIKELY(place->type == call && place->stack == stack) ? place->node
                                                                : objects_memory_slow(gil, stack, call);
}

static inline uint32_t objects_memory_next(struct python_known *known, uintptr_t call)
{
    if (UNLIKELY(!objects_on))
        return known->node;
    known->memory = objects_memory_of(&objects_main, known->node, call);
    known->call = call;
    return known->memory;
}

/* The same, which nearly always is that of the stack's latest memory. Needs the main GIL. */
INLINE uint32_t objects_memory_again(struct python_known *known, uintptr_t call)
{
    return LIKELY(known->call == call) ? known->memory : objects_memory_next(known, call);
}

INLINE uint32_t objects_guessed(struct objects_gil *gil, const struct objects_guess *guess, uint32_t stack,
                                uintptr_t call)
{
    return LIKELY(guess->node) ? guess->node : objects_memory_of(gil, stack, call);
}

/* The type of an object whose block may be about to be reallocated, if it is of one that allows that; 0 = not known. */
uintptr_t objects_resized(struct objects_gil *gil, uintptr_t block);

/* Objects were made here that are not recorded. state: as above. */
void objects_miss(const void *state);

/* When types may be recorded, before the first object. */
void objects_start(void);

/* What is known by address may be wrong. made: which stack has made a type, too. */
void objects_forget_types(struct objects_gil *gil, bool made);

/* No call that asks for memory was described to the collector. */
void objects_forget_calls(void);

/* In a forked child, or another attached trace: nothing is described, and there is no latest object. */
void objects_forget(void);

#endif
