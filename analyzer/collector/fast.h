/* fast.h - for code that runs for every event. */
#ifndef LIBTRACE_FAST_H
#define LIBTRACE_FAST_H

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Inlined however often it is used: the loop over the events exists once for each kind of run. */
#define INLINE static inline __attribute__((always_inline))

#endif
