/* fast.h - for what is done with each event. */
#ifndef LIBTRACE_FAST_H
#define LIBTRACE_FAST_H

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* However often: the loop over the events is there once for each kind of run. */
#define INLINE static inline __attribute__((always_inline))

#endif
