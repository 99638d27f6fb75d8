/* domain_layers.c - our functions in the place of CPython's allocators: see domains.h for when, and domains.c for what they do. */
#include "domain_layers.h"
#include "domains.h"
#include "probes.h"
#include "python.h"
#include "sampled.h"

/* The functions that were there before ours, for each time that we had to replace them again: blocks may
 * still be freed through the functions of an earlier time, so each layer keeps its own. */
#define LAYERS 4
struct layer {
    struct python_allocator below[3]; /* by enum python_domain */
};
static struct layer layers[LAYERS];
static _Atomic uint32_t layers_used;

/* Small blocks come from malloc(), and not from CPython's pools, though nobody could tell. */
static bool malloc_behind;

/* False if malloc() is behind it, as with PYTHONMALLOC=malloc. */
static bool is_pooled(const struct python_allocator *below)
{
    struct python_allocator raw;
    python.get_allocator(PYTHON_RAW, &raw);
    return !malloc_behind && below->malloc != raw.malloc;
}

static const struct python_allocator *functions_for(enum python_domain domain,
                                                    const struct python_allocator *below)
{
    enum domain_kind kind = (objects_on ? DOMAIN_MEMORY : DOMAIN_UNTYPED_MEMORY) + (domain == PYTHON_OBJECT);
    enum domain_way way =
        settings.stack == STACK_BOTH ? DOMAIN_HYBRID : DOMAIN_PLAIN + python_family(&python.layout);
    if (sampler_interval)
        way = is_pooled(below) ? DOMAIN_POOLED : DOMAIN_SAMPLED;
    return &domain_functions[way][kind];
}

static bool is_ours(const struct python_allocator *allocator)
{
    for (size_t way = 0; way < DOMAIN_WAYS; way++)
        for (size_t kind = 0; kind < DOMAIN_KINDS; kind++)
            if (allocator->malloc == domain_functions[way][kind].malloc)
                return true;
    return false;
}

/* The pools themselves ask malloc() for an arena now and then, where they do not map it: that does no harm. */
void domain_layers_use_no_pools(void)
{
    static const enum python_domain domains[] = {PYTHON_OBJECT, PYTHON_MEMORY};
    malloc_behind = true;
    for (int i = 0; i < 2; i++) {
        struct python_allocator now;
        python.get_allocator(domains[i], &now);
        if (!is_ours(&now))
            continue;
        struct python_allocator ours = *functions_for(domains[i], now.context);
        ours.context = now.context;
        python.set_allocator(domains[i], &ours);
    }
}

static void take(struct layer *layer, enum python_domain domain)
{
    struct python_allocator *below = &layer->below[domain];
    python.get_allocator(domain, below);
    struct python_allocator ours = *functions_for(domain, below);
    ours.context = below;
    python.set_allocator(domain, &ours);
}

static bool on_top(enum python_domain domain)
{
    struct python_allocator now;
    python.get_allocator(domain, &now);
    return is_ours(&now);
}

static bool same_below(const struct layer *layer, enum python_domain domain)
{
    struct python_allocator now;
    python.get_allocator(domain, &now);
    return now.malloc == layer->below[domain].malloc && now.context == layer->below[domain].context;
}

/* If two threads installed our functions at the same time, ours might end up below ours, calling each
 * other for ever: so only one thread may do this at a time. */
static void take_both(void)
{
    if (on_top(PYTHON_OBJECT) && on_top(PYTHON_MEMORY))
        return;
    uint32_t used = atomic_load(&layers_used);
    /* After a detach, the functions below may be the same as before: then that layer is used again. */
    bool again = used > 0 && same_below(&layers[used - 1], PYTHON_OBJECT) &&
                 same_below(&layers[used - 1], PYTHON_MEMORY);
    if (used == LAYERS && !again)
        return;
    struct layer *layer = &layers[again ? used - 1 : used];
    if (!again)
        atomic_store(&layers_used, used + 1);
    /* One of them may be installed already, if a process was forked in the middle of this. */
    if (!on_top(PYTHON_OBJECT))
        take(layer, PYTHON_OBJECT);
    if (!on_top(PYTHON_MEMORY))
        take(layer, PYTHON_MEMORY);
}

void domains_take(void)
{
    if (!interpreter_claim())
        return;
    objects_start();
    take_both();
    interpreter_release();
}

static void give_back(enum python_domain domain)
{
    struct python_allocator now;
    python.get_allocator(domain, &now);
    if (is_ours(&now))
        python.set_allocator(domain, now.context);
}

void domains_give_back(void)
{
    give_back(PYTHON_OBJECT);
    give_back(PYTHON_MEMORY);
}

/* True if the calling thread holds the GIL. Up to 3.11, the current thread state is that of the GIL's
 * holder. */
static bool holds_gil(const void *state)
{
    return python.current_thread() == state;
}

/* A thread that runs Python creates objects. If it allocates natively again and again without any object seen,
 * somebody has replaced the allocators. If our functions are called though they are not on top, somebody has
 * put theirs before ours, which is fine. */
#define NATIVES_WITHOUT_OBJECT 64

void domains_look(struct thread *t, struct python_thread *mine, void *state)
{
    static _Atomic bool settled;
    bool first = !atomic_load_explicit(&settled, memory_order_relaxed);
    if (LIKELY(!first && ++mine->natives < NATIVES_WITHOUT_OBJECT))
        return;
    mine->natives = 0;
    if (!holds_gil(state))
        return;
    t->pass_through = true;
    domains_take();
    recycle_start();
    t->pass_through = false;
    atomic_store(&settled, true);
}
