/* safe_read.h - reads memory of this process that may not be there. */
#ifndef LIBTRACE_PYTHON_SAFE_READ_H
#define LIBTRACE_PYTHON_SAFE_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False if the memory is not there, or the kernel may not be asked. Any thread may call it. */
bool safe_read(void *to, uintptr_t from, size_t size);

#endif
