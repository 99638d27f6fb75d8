/* gils.c - which GIL guards the objects that a thread makes, see objects.h.
 *
 * That of the main interpreter is there from the beginning. From 3.12 on others may have one of their own: it gets a
 * number, and memory for what is known under it, when its first object is made. Both stay for good, and are used again
 * when another interpreter's state is in the same place: nothing says reliably that one has ended.
 */
#include "objects.h"
#include "process.h"
#include "short_lock.h"

struct objects_gil objects_main = {.latest = {(uintptr_t)&objects_nothing.type, &objects_nothing, 0, NULL}};
bool objects_on, objects_several;

#define OTHERS_MOST (WIRE_GILS - 1)
static struct short_lock others_lock;           /* for writing to these */
static struct objects_gil *others[OTHERS_MOST]; /* by number - 1 */
static _Atomic uint64_t states[OTHERS_MOST];    /* their interpreters', to be searched; 0 = none now */
static _Atomic uint32_t others_used;

#define GUESSES_SIZE (sizeof(struct objects_guess) << OBJECTS_GUESS_BITS)
#define NODES_SIZE (sizeof(struct objects_node) << OBJECTS_NODE_BITS)
#define OTHER_SIZE (sizeof(struct objects_gil) + GUESSES_SIZE + NODES_SIZE)

static void prepare(struct objects_gil *gil, void *memory)
{
    gil->guesses = memory;
    gil->nodes = (void *)((char *)memory + GUESSES_SIZE);
    gil->unknown = (struct objects_guess){.type = OBJECTS_UNSURE, .word = PYTHON_OBJECT_TYPE};
    types_prepare(&gil->types);
    objects_none(gil);
}

void objects_start(void)
{
    bool wanted = settings.types && python.type_type && python.main_interpreter;
    void *memory = wanted && !objects_main.guesses ? guest_pages(GUESSES_SIZE + NODES_SIZE) : NULL;
    if (memory)
        prepare(&objects_main, memory);
    objects_main.interpreter = 0;
    objects_look_closely(&objects_main);
    /* Set once: where interpreters have GILs of their own, others may be at their objects meanwhile. */
    objects_on = wanted && objects_main.guesses;
}

/* ---- what an interpreter says of its GIL --------------------------------------------------------------- */

#define INTERPRETER_MOST (1u << 20) /* bytes of its state */

static uint64_t lock_of(uintptr_t interpreter)
{
    return frames_word(interpreter, python.layout.interpreter_lock);
}

/* That these words are where we think is seen by the main one: its GIL is a part of its own state, and its flags are
 * always the same. */
static bool tells(uintptr_t main)
{
    const struct python_layout *l = &python.layout;
    return l->interpreter_lock && l->interpreter_flags && lock_of(main) - main < INTERPRETER_MOST &&
           frames_word(main, l->interpreter_flags) == PYTHON_MAIN_FLAGS;
}

/* Up to 3.11 all interpreters have one GIL. One that has that of the main one has its pools, too: so no two threads are
 * at their objects at once, and no block is gone without being freed. */
static bool shares_lock(uintptr_t interpreter, uintptr_t main, uint64_t flags)
{
    return python.layout.version < PYTHON_VERSION(3, 12) ||
           (lock_of(interpreter) == lock_of(main) && (flags & PYTHON_MAIN_POOLS));
}

static bool has_own_lock(uintptr_t interpreter, uint64_t flags)
{
    return lock_of(interpreter) - interpreter < INTERPRETER_MOST && !(flags & PYTHON_MAIN_POOLS);
}

/* ---- those with GILs of their own ---------------------------------------------------------------------- */

/* That of the interpreter with its state here; NULL = there is none yet. A thread mostly goes on with the same one. */
static struct objects_gil *search(uint64_t interpreter)
{
    uint32_t number = thread_self->gil, used = atomic_load_explicit(&others_used, memory_order_acquire);
    if (number && number <= used &&
        atomic_load_explicit(&states[number - 1], memory_order_acquire) == interpreter)
        return others[number - 1];
    for (uint32_t i = 0; i < used; i++)
        if (atomic_load_explicit(&states[i], memory_order_acquire) == interpreter)
            return others[i];
    return NULL;
}

/* Needs the lock. A place for one more; NULL = there is neither room nor memory. */
static struct objects_gil *find_place(void)
{
    uint32_t used = atomic_load(&others_used);
    for (uint32_t i = 0; i < used; i++)
        if (!atomic_load(&states[i])) /* an earlier trace's */
            return others[i];
    struct objects_gil *gil = used < OTHERS_MOST ? guest_pages(OTHER_SIZE) : NULL;
    if (!gil)
        return NULL;
    prepare(gil, gil + 1);
    gil->number = used + 1;
    others[used] = gil;
    atomic_store_explicit(&others_used, used + 1, memory_order_release);
    return gil;
}

/* Nothing is known of what this interpreter makes. */
static void begin(struct objects_gil *gil, uint64_t interpreter, int64_t id)
{
    objects_none(gil);
    objects_look_closely(gil);
    if (gil->interpreter)
        objects_forget_types(gil, true);
    gil->interpreter = interpreter;
    gil->id = id;
    atomic_store_explicit(&states[gil->number - 1], interpreter, memory_order_release);
}

/* Its GIL is held by the caller, so that what is found here stays. */
static struct objects_gil *other(uint64_t interpreter)
{
    int64_t id = python.interpreter_id((void *)interpreter);
    struct objects_gil *gil = search(interpreter);
    if (gil) {
        if (gil->id != id) /* an earlier one had its state in the same place */
            begin(gil, interpreter, id);
        return gil;
    }
    if (atomic_load(&others_used) == OTHERS_MOST || !short_lock_take(&others_lock))
        return NULL;
    gil = find_place();
    if (gil)
        begin(gil, interpreter, id);
    short_lock_give_back(&others_lock);
    return gil;
}

enum guard { GUARD_NONE, GUARD_MAIN, GUARD_OTHER };

/* Which kind of GIL guards the objects of an interpreter. */
static enum guard guard_of(uint64_t interpreter)
{
    uint64_t main = objects_main.interpreter;
    if (interpreter == main || python.layout.version < PYTHON_VERSION(3, 12))
        return GUARD_MAIN;
    if (!interpreter || !tells(main) || !python.interpreter_id)
        return GUARD_NONE;
    uint64_t flags = frames_word(interpreter, python.layout.interpreter_flags);
    if (flags & ~(uint64_t)PYTHON_ALL_FLAGS)
        return GUARD_NONE;
    return shares_lock(interpreter, main, flags) ? GUARD_MAIN
           : has_own_lock(interpreter, flags)    ? GUARD_OTHER
                                                 : GUARD_NONE;
}

NOINLINE struct objects_gil *objects_gil_slow(const void *state)
{
    uint64_t interpreter = frames_word((uintptr_t)state, python.layout.thread_interpreter);
    if (!objects_main.interpreter) /* types that are not complete yet are passed over, see types.c */
        objects_main.interpreter = (uint64_t)(uintptr_t)python.main_interpreter();
    if (!objects_main.interpreter)
        return NULL;
    enum guard guard = guard_of(interpreter);
    if (guard == GUARD_MAIN)
        return &objects_main;
    objects_several = true;
    return guard == GUARD_OTHER ? other(interpreter) : NULL;
}

/* ---- of all ------------------------------------------------------------------------------------------- */

void objects_gone(const void *block)
{
    uint32_t used = atomic_load_explicit(&others_used, memory_order_acquire);
    if (objects_main.latest.block == (uintptr_t)block)
        objects_none(&objects_main);
    for (uint32_t i = 0; i < used; i++)
        if (others[i]->latest.block == (uintptr_t)block)
            objects_none(others[i]);
}

/* It may be that the caller may not record anything: then a GIL that is not known yet does not become so. */
void objects_miss(const void *state)
{
    uint64_t interpreter =
        objects_several && state ? frames_word((uintptr_t)state, python.layout.thread_interpreter) : 0;
    enum guard guard = interpreter ? guard_of(interpreter) : GUARD_MAIN;
    struct objects_gil *gil = guard == GUARD_MAIN    ? &objects_main
                              : guard == GUARD_OTHER ? search(interpreter)
                                                     : NULL;
    if (!gil)
        return;
    atomic_store(&gil->missed, true);
    objects_look_closely(gil);
}

static void forget(struct objects_gil *gil)
{
    objects_none(gil);
    objects_look_closely(gil);
    objects_forget_types(gil, true);
}

/* Other threads may be in objects_gone() and objects_miss(): what these use stays. */
void objects_forget(void)
{
    uint32_t used = atomic_load(&others_used);
    if (objects_on)
        forget(&objects_main);
    for (uint32_t i = 0; i < used; i++) {
        atomic_store(&states[i], 0);
        forget(others[i]);
        others[i]->interpreter = 0;
    }
    objects_several = false;
    short_lock_open(&others_lock);
    objects_forget_calls();
    types_undescribe();
}
