/* share.h - gets the run's shared memory from a program that may be hostile. */
#ifndef LIBTRACE_SHARE_H
#define LIBTRACE_SHARE_H

/* Returns our own descriptor for the program's number `descriptor`, if it is an arena: it refers to the
 * same open file, so the program gains no right by it. process: a pidfd. -1 = not possible; *why is set,
 * in the form of target.h's sentences. */
int share_take(int process, int descriptor, const char **why);

#endif
