/* executable.h - the file of the program that runs in this process. */
#ifndef LIBTRACE_EXECUTABLE_H
#define LIBTRACE_EXECUTABLE_H

#include <stdbool.h>
#include <stddef.h>

/* Its path, as the kernel or, without /proc, its parent named it; empty if not known. Keeps errno. */
void executable_path(char *path, size_t size);

/* True if it was started through its loader, as bundles do: "/lib64/ld-linux-x86-64.so.2 ./program". Then
 * the kernel takes the loader for the program. */
bool executable_by_loader(void);

#endif
