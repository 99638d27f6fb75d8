/* removal.h - files that the program removes or replaces. */
#ifndef LIBTRACE_REMOVAL_H
#define LIBTRACE_REMOVAL_H

#include "wire.h"

/* Waits until the collector has opened the files of all modules that a process has described, for a moment at
 * most: as they may not be there much longer. */
void removal_wait(const struct wire_process *of);

/* This process is about to end: waits in the same way if its files may be found through it only. */
void removal_exiting(void);

/* Ours in the place of the C library's. */
int removal_unlink(const char *path) __asm__("unlink");
int removal_unlinkat(int directory, const char *path, int flags) __asm__("unlinkat");
int removal_remove(const char *path) __asm__("remove");
int removal_rename(const char *from, const char *to) __asm__("rename");
int removal_renameat(int from_directory, const char *from, int to_directory,
                     const char *to) __asm__("renameat");
int removal_renameat2(int from_directory, const char *from, int to_directory, const char *to,
                      unsigned flags) __asm__("renameat2");

#endif
