/* refusal.h - why a running program must not be traced, found without touching it. */
#ifndef LIBTRACE_ATTACH_REFUSAL_H
#define LIBTRACE_ATTACH_REFUSAL_H

#include <sys/types.h>

/* Why the process cannot be traced, as a sentence without its subject ("is ..."); NULL = it can. library:
 * path of our libtrace.so. */
const char *refusal_of(pid_t pid, const char *library);

/* The same, only for limits at which the kernel kills, or that leave no room for what we need: for a
 * process that is not traced yet. */
const char *refusal_limits(pid_t pid);

/* The same, only for confinement (seccomp), which a program may enter at any time. */
const char *refusal_confined(pid_t pid);

/* Why the system did not let us trace it. error: errno of the attempt. */
const char *refusal_denied(pid_t pid, int error);

#endif
