/* rlimits.c - see rlimits.h. */
#define _GNU_SOURCE
#include "rlimits.h"
#include "guest.h"
#include "processor.h"
#include "rlimits_rule.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#define REFUSED_CYCLES (1ull << 30) /* of the time-stamp counter: about a third of a second */

/* Bytes by kind: in use when tracing began, and taken by us since. */
static uint64_t used_at_start[2];
static _Atomic uint64_t taken[2];

/* Until the time-stamp counter reaches this, nothing is granted. */
static _Atomic uint64_t refused_until;

static uint64_t soft_limit(enum limits_kind kind)
{
    struct rlimit limit;
    int resource = kind == LIMITS_SHARED ? RLIMIT_AS : RLIMIT_DATA;
    return getrlimit((__rlimit_resource_t)resource, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

/* Only at the start: later, a descriptor that we open even for a moment might be one that the program
 * expects to get. */
static void read_usage(void)
{
    char text[128];
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t size = file >= 0 ? read(file, text, sizeof text - 1) : 0;
    if (file >= 0)
        close(file);
    text[size > 0 ? size : 0] = '\0';
    const char *at = text;
    uint64_t pages[6] = {0}; /* size resident shared text lib data */
    for (unsigned i = 0; i < 6 && *at; i++) {
        pages[i] = guest_number(at, &at);
        at += *at == ' ';
    }
    used_at_start[LIMITS_SHARED] = pages[0] * guest_page_size();
    used_at_start[LIMITS_PRIVATE] = pages[5] * guest_page_size();
}

static bool has_room(uint64_t size, enum limits_kind kind)
{
    return limits_leave(soft_limit(kind), used_at_start[kind], atomic_load(&taken[kind]) + size);
}

bool limits_suffice(void)
{
    int saved = errno;
    if (soft_limit(LIMITS_SHARED) != RLIM_INFINITY || soft_limit(LIMITS_PRIVATE) != RLIM_INFINITY)
        read_usage();
    bool enough = has_room(LIMITS_LEAST, LIMITS_SHARED) && has_room(LIMITS_LEAST, LIMITS_PRIVATE);
    errno = saved;
    return enough;
}

static void refuse(void)
{
    atomic_store_explicit(&refused_until, guest_ticks() + REFUSED_CYCLES, memory_order_relaxed);
}

bool limits_short(void)
{
    uint64_t until = atomic_load_explicit(&refused_until, memory_order_relaxed);
    return UNLIKELY(until != 0) &&
           until - guest_ticks() <= REFUSED_CYCLES; /* the counter may have been set back */
}

bool limits_take(size_t size, enum limits_kind kind)
{
    if (limits_short())
        return false;
    int saved = errno;
    bool allowed = has_room(size, LIMITS_SHARED) && (kind == LIMITS_SHARED || has_room(size, LIMITS_PRIVATE));
    errno = saved;
    if (!allowed) {
        refuse();
        return false;
    }
    atomic_fetch_add(&taken[LIMITS_SHARED], size);
    if (kind == LIMITS_PRIVATE)
        atomic_fetch_add(&taken[LIMITS_PRIVATE], size);
    return true;
}

void limits_give_back(size_t size, enum limits_kind kind)
{
    atomic_fetch_sub(&taken[LIMITS_SHARED], size);
    if (kind == LIMITS_PRIVATE)
        atomic_fetch_sub(&taken[LIMITS_PRIVATE], size);
}

void limits_failed(size_t size, enum limits_kind kind)
{
    limits_give_back(size, kind);
    refuse();
}

uint32_t limits_arena(void)
{
    struct rlimit file = {RLIM_INFINITY, RLIM_INFINITY}, space = file;
    getrlimit(RLIMIT_FSIZE, &file);
    getrlimit(RLIMIT_AS, &space); /* the collector raises its soft limits, but not the hard ones */
    return limits_chunks(file.rlim_cur, space.rlim_cur, space.rlim_max);
}
