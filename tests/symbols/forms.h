/* forms.h - a small program whose debug information the tests have in all forms there are. */
#pragma once
#include <stdlib.h>

template <class T> struct box {
    T *data;
    explicit box(unsigned n)
    {
        data = static_cast<T *>(malloc(n * sizeof(T))); /* box */
    }
};

inline void *raw(unsigned n)
{
    return malloc(n); /* raw */
}

namespace far
{
void *away(unsigned n);
void *beyond(unsigned n);
} // namespace far
