/* sampler.c - see sampler.h. */
#define _GNU_SOURCE
#include "sampler.h"
#include "arena.h"
#include "process.h"
#include "processor.h"
#include "sample_set.h"
#include "sampling_rule.h"

#include <sys/mman.h>

#define REST_BYTES (1 << 20)

/* A thread's before its first event. Its numbers mean nothing, and are never reached by counting down. */
static struct sampler beginner = {.until = INT64_MIN / 2};
__thread struct sampler *sampler_self __attribute__((tls_model("initial-exec"))) = &beginner;

uint32_t sampler_interval;

static struct sampler *samplers; /* by ring slot */
static size_t samplers_size;

/* ---- chance ------------------------------------------------------------------------------------------ */

/* xorshift64*, from S. Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016. */
static uint64_t random_word(struct sampler *s)
{
    s->random ^= s->random >> 12;
    s->random ^= s->random << 25;
    s->random ^= s->random >> 27;
    return s->random * 0x2545f4914f6cdd1dull;
}

/* At least 2^-54, less than 1. */
static double random_share(struct sampler *s)
{
    return ((double)(random_word(s) >> 11) + 0.5) * 0x1p-53;
}

/* The natural logarithm: there is no libm here. value: positive and normal. */
static double logarithm(double value)
{
    union {
        double value;
        uint64_t bits;
    } number = {value};
    int exponent = (int)(number.bits >> 52 & 0x7ff) - 1023;
    number.bits = (number.bits & ((1ull << 52) - 1)) | 1023ull << 52;
    double m = number.value; /* 1 <= m < 2: log m = 2 artanh y */
    double y = (m - 1) / (m + 1), sum = 0;
    for (int n = 39; n > 0; n -= 2)
        sum = sum * y * y + 2.0 / n;
    return sum * y + exponent * 0.693147180559945309417;
}

/* Bytes to the next hit, from 1 on. */
static int64_t draw(struct sampler *s)
{
    return 1 + (int64_t)(-logarithm(random_share(s)) * sampler_interval);
}

/* ---- a thread's line --------------------------------------------------------------------------------- */

/* Bytes that were allocated. */
static uint64_t bytes_of(const struct sampler *s)
{
    return s->random ? s->drawn - (uint64_t)s->until - s->allocations : 0;
}

/* The line of the calling thread. What it counted on a line that it only had by mistake (before its first event, and
 * after a fork) is the allocation of this size. */
static struct sampler *own(const struct thread *t, size_t size)
{
    struct sampler *s = sampler_self;
    if (LIKELY(s->random))
        return s;
    if (s != &beginner)
        *s = (struct sampler){0};
    s = &samplers[t->ring - arena->ring];
    if (!s->random) {
        uint64_t seed = guest_ticks() ^ (uint64_t)t->tid << 40 ^ (uintptr_t)t;
        s->random = (seed * 0x9e3779b97f4a7c15ull) | 1;
        for (int i = 0; i < 8; i++)
            random_word(s);
        s->drawn = (uint64_t)draw(s);
        s->until = (int64_t)s->drawn;
    }
    s->allocations++;
    s->until -= (int64_t)size + 1;
    sampler_self = s;
    return s;
}

/* Whoever exchanges what was said adds the difference, so that nothing is added twice. */
static void say(struct sampler *s)
{
    uint64_t allocations = s->allocations, bytes = bytes_of(s);
    atomic_fetch_add(&process->sampled_allocations,
                     allocations - atomic_exchange(&s->said_allocations, allocations));
    atomic_fetch_add(&process->sampled_bytes, bytes - atomic_exchange(&s->said_bytes, bytes));
}

bool sampler_takes(struct thread *t, size_t size)
{
    struct sampler *s = own(t, size);
    if (s->held) {
        s->until += s->held;
        s->held = 0;
    }
    bool hit = s->until <= 0;
    if (hit) {
        int64_t next = draw(s);
        s->drawn += (uint64_t)(next - s->until);
        s->until = next;
        say(s);
    }
    if (size >= sampler_interval)
        return true;
    double weight = (double)sampling_weight(size, sampler_interval);
    return hit && random_share(s) * weight * sampling_hit(size, sampler_interval) < 1;
}

void sampler_rest(void)
{
    static __thread struct sampler resting __attribute__((tls_model("initial-exec")));
    struct sampler *s = sampler_self;
    if (s == &beginner || !s->random)
        s = sampler_self = &resting;
    s->drawn += (uint64_t)(REST_BYTES - s->until);
    s->until = REST_BYTES;
}

void sampler_undo(size_t size)
{
    struct sampler *s = sampler_self;
    s->allocations--;
    s->until += (int64_t)size + 1;
}

void sampler_hold(void)
{
    struct sampler *s = sampler_self;
    if (!s->random || s->held || s->until <= 0)
        return;
    s->held = s->until;
    s->until = 0;
}

bool sampler_held(void)
{
    return sampler_self->held != 0;
}

/* ---- the process ------------------------------------------------------------------------------------- */

void sampler_says(void)
{
    uint32_t used = samplers ? atomic_load(&arena->rings) : 0;
    for (uint32_t i = 0; i < used && i < arena_ring_count; i++)
        if (samplers[i].random)
            say(&samplers[i]);
}

/* Threads may still have lines of an earlier trace: those stay mapped, and are cleared, so that their next allocations
 * are due. */
bool sampler_start(uint32_t interval)
{
    sampler_interval = interval;
    if (!interval)
        return true;
    sample_set_clear();
    if (samplers)
        guest_release(samplers, samplers_size);
    samplers_size = arena_ring_count * sizeof(struct sampler);
    samplers = guest_pages(samplers_size);
    return samplers && madvise(samplers, samplers_size, MADV_WIPEONFORK) == 0;
}
