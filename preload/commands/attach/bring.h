/* bring.h - gives libtrace.so to a program that does not see our file: one in a container, or under another root. */
#ifndef LIBTRACE_ATTACH_BRING_H
#define LIBTRACE_ATTACH_BRING_H

#include "inject.h"

#include <stdbool.h>
#include <sys/types.h>

/* True if the program finds no file at the library's path, or one with other contents. */
bool bring_needed(pid_t pid, const char *library);

/* Makes the program open a file in memory (memfd_create) with the library's contents, and writes its path, as the program
 * has to name it, to *path. process: a pidfd of the program. Returns the program's number for the file, for bring_close() once
 * it was loaded; -1 = not possible. */
int bring_library(struct injection *in, const struct target *target, int process, const char *library,
                  char *path, size_t size);
void bring_close(struct injection *in, const struct target *target, int number);

#endif
