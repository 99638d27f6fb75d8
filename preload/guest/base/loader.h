/* loader.h - ld.so's list of modules, and the lock that it is read under.
 *
 * fork() leaves that lock as it is (glibc resets the loader's two other locks in the child, but not this one): if
 * another thread of the parent held it, it is held in the child for good, and whoever uses the loader's list there
 * hangs. A program that never does must not hang because of us.
 */
#ifndef LIBTRACE_LOADER_H
#define LIBTRACE_LOADER_H

#include <link.h>
#include <stdbool.h>

/* dl_iterate_phdr(), unless it might never return: then false, and nothing was called. The callback
 * returns nonzero to end the loop. */
bool loader_modules(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data);

/* False if it might never return; then nobody else in this process can change the list either. */
bool loader_answers(void);

/* Call once, early: repairs the lock in children if only our own use left it held. */
void loader_watch_forks(void);

/* Call at the first event of a forked child. */
void loader_forked(void);

/* False in a child that was forked while the loader was changing its data: dlopen() might end the process
 * there. */
bool loader_consistent(void);

#endif
