/* site_key.h - what tells the sites of a run apart: a stack in a process, or in one thread of it.
 *
 * Tables, messages and queries take these members from here, and sites are sorted by them in this order.
 * Whoever adds one (the type of what is allocated, say) adds its name to site_key_names.
 */
#ifndef LIBTRACE_SITE_KEY_H
#define LIBTRACE_SITE_KEY_H

#include <stdint.h>

struct site_key {
    int64_t node, process;
    int64_t thread; /* its number in the process; 0 = all its threads together */
};
#define SITE_KEY_MEMBERS (sizeof(struct site_key) / sizeof(int64_t))

/* Names of the columns; in SQL for measures_sql(), "{key: #}" lists them. */
extern const char *const site_key_names[SITE_KEY_MEMBERS];

static inline int64_t *site_key_values(struct site_key *key)
{
    return (int64_t *)key;
}

static inline int site_key_compare(const struct site_key *a, const struct site_key *b)
{
    const int64_t *x = (const int64_t *)a, *y = (const int64_t *)b;

    for (unsigned i = 0; i < SITE_KEY_MEMBERS; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}

#endif
