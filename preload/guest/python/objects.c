/* objects.c - see objects.h. */
#include "objects.h"
#include "modules.h"
#include "number_cache.h"
#include "sampler.h"
#include "short_lock.h"
#include "stacks.h"

#include <string.h>

const struct objects_guess objects_nothing = {.type = OBJECTS_UNSURE};

/* Return address -> frame, of all GILs. */
static struct table calls = {.most_bits = 10};
static struct short_lock calls_lock; /* for writing to it */

/* Not marked cold: programs may have more stacks and types than places. */
__attribute__((noinline)) uint32_t objects_node_slow(struct objects_gil *gil, uint32_t stack, uintptr_t type)
{
    const struct types_entry *entry = types_at(&gil->types, type);
    uint32_t node = entry && entry->frame ? stacks_child(stack, entry->frame) : 0;
    if (!node)
        return stack;
    if (!sampler_interval)
        *objects_node_place(gil, stack, type) = (struct objects_node){type, stack, node};
    return node;
}

static uint32_t frame_of_call(uintptr_t call)
{
    uint32_t frame = table_get(&calls, call);
    struct module module;
    if (frame || !short_lock_take(&calls_lock))
        return frame;
    frame = table_get(&calls, call); /* another thread may have been here */
    if (!frame) {
        bool found = modules_find(call - 1, &module);
        frame = stacks_frame(WIRE_FRAME_CALL, call, found ? module.number : 0);
        if (frame)
            table_put(&calls, call, frame);
    }
    short_lock_give_back(&calls_lock);
    return frame;
}

void objects_forget_calls(void)
{
    short_lock_open(&calls_lock);
    table_clear(&calls);
}

__attribute__((noinline)) uint32_t objects_memory_slow(struct objects_gil *gil, uint32_t stack,
                                                       uintptr_t call)
{
    uint32_t frame = stack ? frame_of_call(call) : 0;
    uint32_t node = frame ? stacks_child(stack, frame) : 0;
    if (!node)
        return stack;
    *objects_node_place(gil, stack, call) = (struct objects_node){call, stack, node};
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
static const struct types_entry *type_at(struct objects_gil *gil, uintptr_t block, unsigned offset)
{
    uint64_t word = frames_word(block, offset), references = frames_word(block, offset - sizeof word);
    if (word < LOWEST || word % 8 || word >> 47 || !is_count(references))
        return NULL;
    const struct types_entry *entry = types_at(&gil->types, word);
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
static const struct types_entry *type_in(struct objects_gil *gil, uintptr_t block, size_t size,
                                         unsigned *offset)
{
    for (unsigned turn = 0; turn < 2; turn++)
        for (unsigned i = 0; i < WORDS && OFFSET(i) + sizeof(uint64_t) <= size; i++) {
            if (has_few_references(block, OFFSET(i)) != (turn == 0))
                continue;
            const struct types_entry *entry = type_at(gil, block, *offset = OFFSET(i));
            if (entry && size >= entry->least)
                return entry;
            if (turn == 0 && !entry && types_incomplete(&gil->types, frames_word(block, *offset)))
                return NULL;
        }
    return NULL;
}

#define ONE_REFERENCE 1u /* what is reallocated belongs to who does it */

uintptr_t objects_resized(struct objects_gil *gil, uintptr_t block)
{
    for (unsigned i = 0; i < WORDS - 1; i++) { /* none of them has what comes before the headers */
        const struct types_entry *entry =
            (uint32_t)frames_word(block, OFFSET(i) - sizeof(uint64_t)) == ONE_REFERENCE
                ? type_at(gil, block, OFFSET(i))
                : NULL;
        if (entry && entry->resizable)
            return frames_word(block, OFFSET(i));
    }
    return 0;
}

/* ---- looking back -------------------------------------------------------------------------------------- */

static void forget_type(struct objects_gil *gil, uintptr_t type)
{
    for (size_t i = 0; i < (size_t)1 << OBJECTS_GUESS_BITS; i++)
        if (gil->guesses[i].type == type)
            gil->guesses[i].key = 0;
    for (size_t i = 0; i < (size_t)1 << OBJECTS_NODE_BITS; i++)
        if (gil->nodes[i].type == type)
            gil->nodes[i].type = 0;
}

void objects_forget_types(struct objects_gil *gil, bool made)
{
    atomic_store(&gil->missed, false);
    memset(gil->guesses, 0, sizeof *gil->guesses << OBJECTS_GUESS_BITS);
    memset(gil->nodes, 0, sizeof *gil->nodes << OBJECTS_NODE_BITS);
    types_forget(&gil->types, made);
}

/* In a sampled run, what is at an address may become another type between two samples (types.h). */
static void learn(struct objects_gil *gil, uint64_t key, uint32_t node, uintptr_t type, unsigned offset)
{
    if (sampler_interval)
        return;
    *objects_guess_of(gil, (uint32_t)(key >> 32), (uint32_t)key) =
        (struct objects_guess){key, type, node, offset};
}

/* Looks which type the latest object has. early: it may not have one yet. */
static void look(struct thread *t, struct objects_gil *gil, bool early)
{
    const struct objects_guess expected = *gil->latest.guess;
    uintptr_t block = gil->latest.block;
    uint32_t stack = (uint32_t)(expected.key >> 32);
    unsigned offset = PYTHON_OBJECT_TYPE;
    const struct types_entry *entry = type_in(gil, block, (uint32_t)expected.key, &offset);
    if (early && !entry)
        return;
    uintptr_t type = entry ? frames_word(block, offset) : 0;
    uint32_t memory = !entry || !expected.node ? objects_memory_of(gil, stack, gil->latest.call) : 0;
    uint32_t node = entry ? objects_node_of(gil, stack, type) : memory;
    objects_none(gil);
    if (node != (expected.node ? expected.node : memory))
        ring_put_block(t, WIRE_RETYPE, (void *)block, 0, node);
    if (!entry || entry->meta)
        type = OBJECTS_UNSURE;
    learn(gil, expected.key, entry ? node : 0, type, type == OBJECTS_UNSURE ? PYTHON_OBJECT_TYPE : offset);
    uintptr_t object = block + offset - PYTHON_OBJECT_TYPE;
    if (entry && entry->meta && types_made(&gil->types, object, stack))
        forget_type(gil, object);
}

/* This thread's objects are those of another GIL from now on. */
static void change_gil(struct thread *t, const struct objects_gil *gil)
{
    t->gil = gil->number;
    ring_put(t, WIRE_GIL, (const void *)(uintptr_t)gil->number);
    if (gil != &objects_main) /* when it comes back, it has to say so */
        objects_look_closely(&objects_main);
}

/* Not marked cold: in some programs many objects are of another type than the one before. */
__attribute__((noinline)) void objects_look_slow(struct thread *t, struct objects_gil *gil, uintptr_t freed)
{
    if (UNLIKELY(t->gil != gil->number))
        change_gil(t, gil);
    if (gil->latest.by != t) {
        gil->latest.by = t;
        ring_stamp_next(t); /* as its order among the events of the other thread matters */
    }
    if (UNLIKELY(gil->missed))
        objects_forget_types(gil, false);
    if (gil->latest.guess != &objects_nothing)
        look(t, gil, freed && freed != gil->latest.block);
}

#define LEAST_SIZE 16 /* bytes of an object */

__attribute__((noinline)) void objects_put_slow(struct thread *t, struct objects_gil *gil, void *block,
                                                size_t size, uint32_t stack, uintptr_t call)
{
    uint64_t *words = block;
    objects_look_slow(t, gil, 0);
    if (size < LEAST_SIZE || size >> 32 || !stack) {
        ring_put_block(t, WIRE_ALLOC, block, size, objects_memory_of(gil, stack, call));
        return;
    }
    const struct objects_guess *guess = objects_guess_of(gil, stack, size);
    if (guess->key != objects_key(stack, size) || !objects_quick(t, gil, block, size, guess, call)) {
        for (unsigned i = 0; i < WORDS && OFFSET(i) + sizeof *words <= size; i++)
            words[OFFSET(i) / sizeof *words] = 0;
        gil->unknown.key = (uint64_t)stack << 32 | (uint32_t)size;
        gil->unknown.node = table_get(&calls, call) ? 0 : stack;
        gil->latest.block = (uintptr_t)block;
        gil->latest.guess = guess = &gil->unknown;
        gil->latest.call = call;
    }
    ring_put_block(t, WIRE_OBJECT, block, size, objects_guessed(gil, guess, stack, call));
}
