/* sampler.c - see sampler.h. */
#define _GNU_SOURCE
#include "sampler.h"
#include "process.h"
#include "processor.h"
#include "sample_set.h"
#include "sampling_rule.h"
#include "thread.h"

#include <sys/mman.h>

#define REST_BYTES (1 << 20)

#define DUE (INT64_MIN / 2) /* never reached by counting down, nor left */
#define LINES 8192u         /* threads living at the same time */

/* A thread's before its first event. Its numbers mean nothing. */
static struct sampler beginner = {.until = DUE};
__thread struct sampler *sampler_self __attribute__((tls_model("initial-exec"))) = &beginner;

/* A thread's that has no line for now. Its numbers mean nothing but that it is due, or at rest. */
static __thread struct sampler alone __attribute__((tls_model("initial-exec"))) = {.until = DUE};

/* This thread must not take a line: it is taking one, or has ended but for destructors. */
static __thread bool takes_none __attribute__((tls_model("initial-exec")));

uint32_t sampler_interval;

static struct lines {
    _Atomic uint64_t taken[LINES / 64];
    _Atomic uint32_t used; /* lines behind have never been taken */
    /* From here on it is wiped in forked children. */
    _Alignas(PROCESSOR_LARGEST_PAGE) struct {
        _Atomic uint64_t allocations, bytes, said_allocations, said_bytes; /* as of a line */
        _Atomic uint64_t random;
    } crowd; /* what threads without a line count */
    struct sampler line[LINES];
} * lines; /* never unmapped, as threads may still have a line of an earlier trace */

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
static double share_of(uint64_t word)
{
    return ((double)(word >> 11) + 0.5) * 0x1p-53;
}

static double random_share(struct sampler *s)
{
    return share_of(random_word(s));
}

/* The same for many threads: splitmix64, from G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number
 * generators", 2014. */
static double random_share_of_crowd(void)
{
    uint64_t word = atomic_fetch_add(&lines->crowd.random, 0x9e3779b97f4a7c15ull) ^ guest_ticks() << 20;
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9ull;
    word = (word ^ word >> 27) * 0x94d049bb133111ebull;
    return share_of(word ^ word >> 31);
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

/* ---- lines ------------------------------------------------------------------------------------------- */

static bool is_line(const struct sampler *s)
{
    return lines && (uintptr_t)s - (uintptr_t)lines->line < sizeof lines->line;
}

/* NULL: there is none left. */
static struct sampler *take_line(struct lines *from)
{
    for (uint32_t i = 0; i < LINES / 64; i++) {
        uint64_t taken = atomic_load_explicit(&from->taken[i], memory_order_relaxed);
        while (taken != UINT64_MAX) {
            uint64_t first = ~taken & (taken + 1);
            if (!atomic_compare_exchange_weak(&from->taken[i], &taken, taken | first))
                continue;
            uint32_t line = i * 64 + (uint32_t)__builtin_ctzll(first), used = atomic_load(&from->used);
            while (used <= line && !atomic_compare_exchange_weak(&from->used, &used, line + 1)) {
            }
            return &from->line[line];
        }
    }
    return NULL;
}

/* A line may be of an earlier trace by now: then so is the bit. */
static void give_back(struct lines *to, const struct sampler *s)
{
    uint32_t line = (uint32_t)(s - to->line);
    atomic_fetch_and(&to->taken[line / 64], ~(1ull << line % 64));
}

/* Others take what it has counted for valid once it has a generator. */
static void begin(struct sampler *s)
{
    struct sampler fresh = {0};
    uint64_t seed = guest_ticks() ^ (uintptr_t)s << 40 ^ (uintptr_t)process << 20;
    fresh.random = (seed * 0x9e3779b97f4a7c15ull) | 1;
    for (int i = 0; i < 8; i++)
        random_word(&fresh);
    int64_t first = draw(&fresh);
    *s = (struct sampler){.until = first, .drawn = (uint64_t)first};
    atomic_signal_fence(memory_order_seq_cst);
    s->random = fresh.random;
}

/* For some keys the C library allocates, which is no allocation of the program's. */
static void watch_end(void)
{
    if (LIKELY(!thread_watch_allocates())) {
        thread_watch_end();
        return;
    }
    struct sampler_saved saved = sampler_suspend();
    thread_watch_end();
    sampler_resume(&saved);
}

/* Signal handlers in between count with the crowd, until the line is the thread's. */
static struct sampler *settle(void)
{
    struct sampler *s = sampler_self;
    if (s->random && is_line(s)) /* a signal handler was faster */
        return s;
    alone.until = DUE;
    sampler_self = &alone;
    s = take_line(lines);
    if (!s)
        return NULL;
    if (!s->random)
        begin(s);
    SIGNAL_FENCE();
    sampler_self = s;
    watch_end();
    return s;
}

/* The line of the calling thread, on which this block counts; NULL: it has none. */
static struct sampler *own(size_t size)
{
    struct sampler *s = sampler_self;
    if (LIKELY(s->random) && LIKELY(is_line(s)))
        return s;
    if (UNLIKELY(takes_none)) {
        alone.until = DUE;
        sampler_self = &alone;
        return NULL;
    }
    takes_none = true;
    SIGNAL_FENCE();
    s = settle();
    SIGNAL_FENCE();
    takes_none = false;
    if (s) {
        s->allocations++;
        s->until -= (int64_t)size + 1;
    }
    return s;
}

/* ---- a thread's blocks ------------------------------------------------------------------------------- */

/* Signal handlers may count in between. */
static void draw_next(struct sampler *s, int64_t next)
{
    int64_t more = next - s->until;
    s->drawn += (uint64_t)more;
    s->until += more;
}

static bool crowd_takes(size_t size)
{
    atomic_fetch_add(&lines->crowd.allocations, 1);
    atomic_fetch_add(&lines->crowd.bytes, size);
    return size >= sampler_interval ||
           random_share_of_crowd() * (double)sampling_weight(size, sampler_interval) < 1;
}

static bool line_takes(struct sampler *s, size_t size)
{
    if (s->held) {
        s->until += s->held;
        s->held = 0;
    }
    bool hit = s->until <= 0;
    if (hit)
        draw_next(s, draw(s));
    if (size >= sampler_interval)
        return true;
    double weight = (double)sampling_weight(size, sampler_interval);
    return hit && random_share(s) * weight * sampling_hit(size, sampler_interval) < 1;
}

bool sampler_takes(size_t size)
{
    if (UNLIKELY(sampler_self == &alone) && alone.until > REST_BYTES) /* suspended: nothing counts */
        return size >= sampler_interval;
    uint32_t generation = *(volatile uint32_t *)&attach_generation;
    struct sampler *s = own(size);
    if (UNLIKELY(!s))
        return crowd_takes(size);
    bool taken = line_takes(s, size);
    SIGNAL_FENCE();
    if (UNLIKELY(*(volatile uint32_t *)&attach_generation != generation))
        s->until = 0; /* the thread was stopped meanwhile, and the line left behind */
    return taken;
}

void sampler_rest(void)
{
    struct sampler *s = sampler_self;
    if (!s->random)
        s = sampler_self = &alone;
    draw_next(s, REST_BYTES);
}

void sampler_undo(size_t size)
{
    struct sampler *s = sampler_self;
    s->allocations--;
    s->until += (int64_t)size + 1;
}

void sampler_undo_taken(size_t size)
{
    if (LIKELY(sampler_self != &alone) || alone.until > 0) {
        sampler_undo(size);
        return;
    }
    atomic_fetch_sub(&lines->crowd.allocations, 1);
    atomic_fetch_sub(&lines->crowd.bytes, size);
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

/* ---- totals ------------------------------------------------------------------------------------------ */

/* Whoever exchanges what was said adds the difference, so that nothing is added twice. */
static void add(_Atomic uint64_t *total, _Atomic uint64_t *said, uint64_t counted)
{
    atomic_fetch_add(total, counted - atomic_exchange(said, counted));
}

static void say(struct sampler *s)
{
    uint64_t allocations = s->allocations;
    uint64_t bytes = s->drawn - (uint64_t)s->until - (uint64_t)s->held - allocations;
    add(&process->sampled_allocations, &s->said_allocations, allocations);
    add(&process->sampled_bytes, &s->said_bytes, bytes);
}

void sampler_says_own(void)
{
    struct sampler *s = sampler_self;
    if (LIKELY(s->random) && LIKELY(is_line(s)))
        say(s);
}

void sampler_says(void)
{
    uint32_t used = lines ? atomic_load(&lines->used) : 0;
    for (uint32_t i = 0; i < used; i++)
        if (lines->line[i].random)
            say(&lines->line[i]);
    if (!lines)
        return;
    add(&process->sampled_allocations, &lines->crowd.said_allocations, lines->crowd.allocations);
    add(&process->sampled_bytes, &lines->crowd.said_bytes, lines->crowd.bytes);
}

/* ---- the end of a thread, a fork, a beginning -------------------------------------------------------- */

void sampler_ends(void)
{
    if (!sampler_interval)
        return;
    takes_none = true;
    SIGNAL_FENCE();
    struct sampler *s = sampler_self;
    alone.until = DUE;
    sampler_self = &alone;
    SIGNAL_FENCE();
    struct lines *to = lines;
    if (!s->random || !is_line(s))
        return;
    s->until += s->held; /* what was held is looked at by the next thread that records */
    s->held = 0;
    say(s);
    give_back(to, s);
}

/* The only thread of the child: no other one has a line before this. If it has none itself, it may be another one
 * all the same, that was made before the child's first event: then its parent's lines stay taken. */
void sampler_forked(void)
{
    struct sampler *s = sampler_self;
    if (!is_line(s))
        return;
    *s = (struct sampler){0};
    sampler_self = &beginner;
    for (uint32_t i = 0; i < LINES / 64 && !takes_none; i++)
        atomic_store(&lines->taken[i], 0);
}

/* Those that threads still have: their next allocations are due. */
static void leave_behind(struct lines *old)
{
    uint32_t used = atomic_load(&old->used);
    for (uint32_t i = 0; i < used; i++)
        old->line[i] = (struct sampler){0};
    guest_release(old, sizeof *old);
}

bool sampler_start(uint32_t interval)
{
    sampler_interval = interval;
    if (!interval)
        return true;
    sample_set_clear();
    if (lines)
        leave_behind(lines);
    struct lines *fresh = guest_pages(sizeof *fresh);
    size_t kept = offsetof(struct lines, crowd);
    if (!fresh || madvise((char *)fresh + kept, sizeof *fresh - kept, MADV_WIPEONFORK) != 0)
        return false;
    lines = fresh;
    return true;
}
