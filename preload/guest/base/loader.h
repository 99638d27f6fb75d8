/* loader.h - ld.so's list of modules, and the lock that it is read under.
 *
 * fork() leaves that lock as it is (glibc resets the loader's two other locks in the child, not this one): if
 * another thread of the parent held it, it is held for ever in the child, and who asks the loader there
 * hangs. A program that never asks must not hang because we do.
 */
#ifndef LIBTRACE_LOADER_H
#define LIBTRACE_LOADER_H

#include <link.h>
#include <stdbool.h>

/* dl_iterate_phdr(), but where it might never return: then false, and nothing was called. What the callback
 * returns only ends the loop. */
bool loader_modules(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data);

/* False where that might never return: nobody else in this process can change the list either then. */
bool loader_answers(void);

/* To be called once, early: has a child's lock repaired that only our own asking left held. */
void loader_watch_forks(void);

/* The first event of a forked child. */
void loader_forked(void);

/* False in a child that was forked while the loader was at work: dlopen() might end the process there. */
bool loader_consistent(void);

#endif
