/* objects.c - see objects.h. */
#include "objects.h"
#include "modules.h"
#include "number_cache.h"
#include "process.h"
#include "sampler.h"
#include "stacks.h"

#include <string.h>

const struct objects_guess objects_nothing = {.type = OBJECTS_UNSURE};
struct objects_latest objects_latest = {(uintptr_t)&objects_nothing.type, &objects_nothing, 0, NULL};
struct objects_guess *objects_guesses;

/* That of an object of which nothing is expected. */
static struct objects_guess unknown = {.type = OBJECTS_UNSURE, .word = PYTHON_OBJECT_TYPE};

bool objects_on, objects_several, objects_missed;
uint64_t objects_interpreter;

struct objects_node *objects_nodes;

#define CALLS_MOST 10                    /* bits */
static struct table calls = {.bits = 5}; /* return address -> frame */

void objects_start(void)
{
    bool wanted = settings.types && python.type_type && python.main_interpreter;
    if (wanted && !objects_guesses)
        objects_guesses = guest_pages(sizeof *objects_guesses << OBJECTS_GUESS_BITS);
    if (wanted && !objects_nodes)
        objects_nodes = guest_pages(sizeof *objects_nodes << OBJECTS_NODE_BITS);
    objects_interpreter = 0;
    objects_latest.by = NULL;
    /* Set once: where interpreters have GILs of their own, others may be at their objects meanwhile. */
    objects_on = wanted && objects_guesses && objects_nodes;
}

#define INTERPRETER_MOST (1u << 20) /* bytes of its state */

/* True if an interpreter has the GIL and the pools of the main one, so that no two threads are at their objects at once, and
 * no block is gone without being freed. Up to 3.11 all have. That these words are where we think is seen by the main one:
 * its GIL is a part of its own state, and its flags are always the same. */
static bool shares_lock(uintptr_t interpreter, uintptr_t main)
{
    const struct python_layout *l = &python.layout;
    if (l->version < PYTHON_VERSION(3, 12))
        return true;
    if (!l->interpreter_lock || !l->interpreter_flags || !interpreter)
        return false;
    uint64_t lock = frames_word(main, l->interpreter_lock),
             flags = frames_word(interpreter, l->interpreter_flags);
    return lock - main < INTERPRETER_MOST && frames_word(main, l->interpreter_flags) == PYTHON_MAIN_FLAGS &&
           frames_word(interpreter, l->interpreter_lock) == lock && (flags & PYTHON_MAIN_POOLS) &&
           !(flags & ~(uint64_t)PYTHON_ALL_FLAGS);
}

NOINLINE bool objects_typed_slow(const void *state)
{
    uint64_t interpreter = frames_word((uintptr_t)state, python.layout.thread_interpreter);
    uint64_t main = (uint64_t)(uintptr_t)python.main_interpreter();
    if (!objects_interpreter) /* types that are not complete yet are passed over, see types.c */
        objects_interpreter = main;
    if (!objects_interpreter || interpreter == objects_interpreter)
        return objects_interpreter != 0;
    if (shares_lock(interpreter, objects_interpreter))
        return true;
    objects_several |= main != 0;
    return false;
}

/* Not marked cold: programs may have more stacks and types than places. */
__attribute__((noinline)) uint32_t objects_node_slow(uint32_t stack, uintptr_t type)
{
    const struct types_entry *entry = types_at(type);
    uint32_t node = entry && entry->frame ? stacks_child(stack, entry->frame) : 0;
    if (!node)
        return stack;
    if (!sampler_interval)
        *objects_node_place(stack, type) = (struct objects_node){type, stack, node};
    return node;
}

static uint32_t frame_of_call(uintptr_t call)
{
    uint32_t frame = table_get(&calls, call);
    struct module module;
    if (frame)
        return frame;
    bool found = modules_find(call - 1, &module);
    frame = stacks_frame(WIRE_FRAME_CALL, call, found ? module.number : 0);
    if (frame)
        table_put_growing(&calls, call, frame, CALLS_MOST);
    return frame;
}

__attribute__((noinline)) uint32_t objects_memory_slow(uint32_t stack, uintptr_t call)
{
    uint32_t frame = stack ? frame_of_call(call) : 0;
    uint32_t node = frame ? stacks_child(stack, frame) : 0;
    if (!node)
        return stack;
    *objects_node_place(stack, call) = (struct objects_node){call, stack, node};
    return node;
}

/* ---- which type ---------------------------------------------------------------------------------------- */

#define LOWEST 65536 /* address that a program may map */
#define WORDS 3      /* that may be the type, see objects.h */
#define OFFSET(i) (PYTHON_OBJECT_TYPE + 16 * (i))

/* 3.14 keeps flags in the high bits. */
static bool is_count(uint64_t references)
{
    return references >> 40 == 0 ||
           (python.layout.version >= PYTHON_VERSION(3, 14) && (references >> 40 & 0xff) == 0);
}

/* What a word of a block may be: if it is a type, a number of references comes before it. */
static const struct types_entry *type_at(uintptr_t block, unsigned offset)
{
    uint64_t word = frames_word(block, offset), references = frames_word(block, offset - sizeof word);
    if (word < LOWEST || word % 8 || word >> 47 || !is_count(references))
        return NULL;
    const struct types_entry *entry = types_at(word);
    return entry && entry->word == offset ? entry : NULL;
}

/* True if the number before the word is one of references, and cannot be an address. */
static bool has_few_references(uintptr_t block, unsigned offset)
{
    return (uint32_t)frames_word(block, offset - sizeof(uint64_t)) < LOWEST;
}

/* *offset: where it is. NULL = the block is no object, or not yet. To ask about a word that is no type is expensive, and
 * the links of a list, which come before objects that the collector of garbage knows, look like a number and a type: so
 * what must be a number comes first. */
static const struct types_entry *type_in(uintptr_t block, size_t size, unsigned *offset)
{
    for (unsigned turn = 0; turn < 2; turn++)
        for (unsigned i = 0; i < WORDS && OFFSET(i) + sizeof(uint64_t) <= size; i++) {
            if (has_few_references(block, OFFSET(i)) != (turn == 0))
                continue;
            const struct types_entry *entry = type_at(block, *offset = OFFSET(i));
            if (entry && size >= entry->least)
                return entry;
            if (turn == 0 && !entry && types_incomplete(frames_word(block, *offset)))
                return NULL;
        }
    return NULL;
}

#define ONE_REFERENCE 1u /* what is reallocated belongs to who does it */

uintptr_t objects_resized(uintptr_t block)
{
    for (unsigned i = 0; i < WORDS - 1; i++) { /* none of them has what comes before the headers */
        const struct types_entry *entry =
            (uint32_t)frames_word(block, OFFSET(i) - sizeof(uint64_t)) == ONE_REFERENCE
                ? type_at(block, OFFSET(i))
                : NULL;
        if (entry && entry->resizable)
            return frames_word(block, OFFSET(i));
    }
    return 0;
}

/* ---- looking back -------------------------------------------------------------------------------------- */

static void forget_type(uintptr_t type)
{
    for (size_t i = 0; i < (size_t)1 << OBJECTS_GUESS_BITS; i++)
        if (objects_guesses[i].type == type)
            objects_guesses[i].key = 0;
    for (size_t i = 0; i < (size_t)1 << OBJECTS_NODE_BITS; i++)
        if (objects_nodes[i].type == type)
            objects_nodes[i].type = 0;
}

static void forget_types(bool numbers)
{
    objects_missed = false;
    memset(objects_guesses, 0, sizeof *objects_guesses << OBJECTS_GUESS_BITS);
    memset(objects_nodes, 0, sizeof *objects_nodes << OBJECTS_NODE_BITS);
    types_forget(numbers);
    if (numbers)
        table_clear(&calls);
}

/* In a sampled run, what is at an address may become another type between two samples (types.h). */
static void learn(uint64_t key, uint32_t node, uintptr_t type, unsigned offset)
{
    if (sampler_interval)
        return;
    *objects_guess_of((uint32_t)(key >> 32), (uint32_t)key) = (struct objects_guess){key, type, node, offset};
}

/* Looks which type the latest object has. early: it may not have one yet. */
static void look(struct thread *t, bool early)
{
    const struct objects_guess expected = *objects_latest.guess;
    uintptr_t block = objects_latest.block;
    uint32_t stack = (uint32_t)(expected.key >> 32);
    unsigned offset = PYTHON_OBJECT_TYPE;
    const struct types_entry *entry = type_in(block, (uint32_t)expected.key, &offset);
    if (early && !entry)
        return;
    uintptr_t type = entry ? frames_word(block, offset) : 0;
    uint32_t memory = !entry || !expected.node ? objects_memory_of(stack, objects_latest.call) : 0;
    uint32_t node = entry ? objects_node_of(stack, type) : memory;
    objects_none();
    if (node != (expected.node ? expected.node : memory))
        ring_put_block(t, WIRE_RETYPE, (void *)block, 0, node);
    if (!entry || entry->meta)
        type = OBJECTS_UNSURE;
    learn(expected.key, entry ? node : 0, type, type == OBJECTS_UNSURE ? PYTHON_OBJECT_TYPE : offset);
    uintptr_t object = block + offset - PYTHON_OBJECT_TYPE;
    if (entry && entry->meta && types_made(object, stack))
        forget_type(object);
}

/* Not marked cold: in some programs many objects are of another type than the one before. */
__attribute__((noinline)) void objects_look_slow(struct thread *t, uintptr_t freed)
{
    if (objects_latest.by != t) {
        objects_latest.by = t;
        ring_stamp_next(t); /* as its order among the events of the other thread matters */
    }
    if (UNLIKELY(objects_missed))
        forget_types(false);
    if (objects_latest.guess != &objects_nothing)
        look(t, freed && freed != objects_latest.block);
}

#define LEAST_SIZE 16 /* bytes of an object */

__attribute__((noinline)) void objects_put_slow(struct thread *t, void *block, size_t size, uint32_t stack,
                                                uintptr_t call)
{
    uint64_t *words = block;
    objects_look_slow(t, 0);
    if (size < LEAST_SIZE || size >> 32 || !stack) {
        ring_put_block(t, WIRE_ALLOC, block, size, objects_memory_of(stack, call));
        return;
    }
    const struct objects_guess *guess = objects_guess_of(stack, size);
    if (guess->key != objects_key(stack, size) || !objects_quick(t, block, size, guess, call)) {
        for (unsigned i = 0; i < WORDS && OFFSET(i) + sizeof *words <= size; i++)
            words[OFFSET(i) / sizeof *words] = 0;
        unknown.key = (uint64_t)stack << 32 | (uint32_t)size;
        unknown.node = table_get(&calls, call) ? 0 : stack;
        objects_latest.block = (uintptr_t)block;
        objects_latest.guess = guess = &unknown;
        objects_latest.call = call;
    }
    ring_put_block(t, WIRE_OBJECT, block, size, objects_guessed(guess, stack, call));
}

void objects_forget(void)
{
    objects_none();
    objects_latest.by = NULL;
    if (objects_on)
        forget_types(true);
}
