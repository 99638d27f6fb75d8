/* share.h - the run's shared memory, out of the hands of a program that may be hostile. */
#ifndef LIBTRACE_SHARE_H
#define LIBTRACE_SHARE_H

/* A descriptor of our own of what is the program's number descriptor, if it is an arena: the same open file,
 * to which it gives no right that the program does not have. process: a pidfd. -1: *why says why not, as
 * target.h's sentences do. */
int share_take(int process, int descriptor, const char **why);

#endif
