/* sanitized.h - programs that are built with a sanitizer (-fsanitize=address, thread, memory, leak).
 *
 * Its runtime brings an allocator of its own, and gcc's AddressSanitizer ends a program in which it is not the
 * first library. So such a program is executed once more, without us, before anything of it has run.
 */
#ifndef LIBTRACE_SANITIZED_H
#define LIBTRACE_SANITIZED_H

#include <stdbool.h>

/* True if it is one and could not be executed once more: the hooks pass everything on. */
bool sanitized(void);

#endif
