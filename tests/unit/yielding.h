/* yielding.h - has a test's threads change at any of their atomic operations, at random: compiled before everything else in
 * the tests that end in _yielding (preload.cmake), so that on few processors, too, many orders are tried. Under TSan
 * (LIBTRACE_PRESET=tsan) each order is looked at for races as well. LIBTRACE_SEED sets another beginning.
 */
#ifndef LIBTRACE_TESTS_YIELDING_H
#define LIBTRACE_TESTS_YIELDING_H

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

/* In one of sixteen cases. A thread's own sequence begins where its variable lies. */
static inline void yield_at_random(void)
{
    static __thread uint32_t state;
    static uint32_t seed;
    if (!seed) {
        const char *text = getenv("LIBTRACE_SEED");
        __atomic_store_n(&seed, text ? (uint32_t)atoi(text) | 1 : 1, __ATOMIC_RELAXED);
    }
    if (!state)
        state = (uint32_t)((uintptr_t)&state >> 6) * 2654435761u + __atomic_load_n(&seed, __ATOMIC_RELAXED);
    state = state * 1664525 + 1013904223;
    if (state >> 28 == 0)
        sched_yield();
}

/* stdatomic.h's macros end in these; a macro is not expanded within itself. */
#define YIELDING(operation) (yield_at_random(), operation)
#define __atomic_load(...) YIELDING(__atomic_load(__VA_ARGS__))
#define __atomic_store(...) YIELDING(__atomic_store(__VA_ARGS__))
#define __atomic_exchange(...) YIELDING(__atomic_exchange(__VA_ARGS__))
#define __atomic_compare_exchange(...) YIELDING(__atomic_compare_exchange(__VA_ARGS__))
#define __atomic_load_n(...) YIELDING(__atomic_load_n(__VA_ARGS__))
#define __atomic_store_n(...) YIELDING(__atomic_store_n(__VA_ARGS__))
#define __atomic_exchange_n(...) YIELDING(__atomic_exchange_n(__VA_ARGS__))
#define __atomic_compare_exchange_n(...) YIELDING(__atomic_compare_exchange_n(__VA_ARGS__))
#define __atomic_fetch_add(...) YIELDING(__atomic_fetch_add(__VA_ARGS__))
#define __atomic_fetch_sub(...) YIELDING(__atomic_fetch_sub(__VA_ARGS__))
#define __atomic_fetch_or(...) YIELDING(__atomic_fetch_or(__VA_ARGS__))
#define __atomic_fetch_and(...) YIELDING(__atomic_fetch_and(__VA_ARGS__))
#define __c11_atomic_load(...) YIELDING(__c11_atomic_load(__VA_ARGS__))
#define __c11_atomic_store(...) YIELDING(__c11_atomic_store(__VA_ARGS__))
#define __c11_atomic_exchange(...) YIELDING(__c11_atomic_exchange(__VA_ARGS__))
#define __c11_atomic_compare_exchange_strong(...) YIELDING(__c11_atomic_compare_exchange_strong(__VA_ARGS__))
#define __c11_atomic_compare_exchange_weak(...) YIELDING(__c11_atomic_compare_exchange_weak(__VA_ARGS__))
#define __c11_atomic_fetch_add(...) YIELDING(__c11_atomic_fetch_add(__VA_ARGS__))
#define __c11_atomic_fetch_sub(...) YIELDING(__c11_atomic_fetch_sub(__VA_ARGS__))
#define __c11_atomic_fetch_or(...) YIELDING(__c11_atomic_fetch_or(__VA_ARGS__))
#define __c11_atomic_fetch_and(...) YIELDING(__c11_atomic_fetch_and(__VA_ARGS__))

#endif
