/* forms_far.cc - see forms.h. */
#include "forms.h"

namespace far
{

static inline void *near_by(unsigned n)
{
    return calloc(n, 2); /* near_by */
}

void *away(unsigned n)
{
    void *p = near_by(n); /* away */
    __asm__ volatile("" : "+r"(p));
    return p;
}

__attribute__((noinline)) static void *step(unsigned n)
{
    void *p = malloc(n); /* step */
    __asm__ volatile("" : "+r"(p));
    return p;
}

void *beyond(unsigned n)
{
    void *p = step(n); /* beyond */
    __asm__ volatile("" : "+r"(p));
    return p;
}

} // namespace far
