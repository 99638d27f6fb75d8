/* sanitized.h - programs that are built with a sanitizer (-fsanitize=address, thread, memory, leak).
 *
 * The runtime has its own allocator, and gcc's AddressSanitizer ends a program if it is not the first library. So such
 * a program is executed again without us, before any of its code has run.
 */
#ifndef LIBTRACE_SANITIZED_H
#define LIBTRACE_SANITIZED_H

#include <stdbool.h>

/* True if it is such a program, and could not be executed again: the hooks only pass calls on. */
bool sanitized(void);

#endif
