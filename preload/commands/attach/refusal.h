/* refusal.h - why a running program may not be traced at all, found without touching it. */
#ifndef LIBTRACE_ATTACH_REFUSAL_H
#define LIBTRACE_ATTACH_REFUSAL_H

#include <sys/types.h>

/* Why the process cannot be traced, as a sentence without the process in front ("is ..."); NULL = it can.
 * library: path of our libtrace.so. */
const char *refusal_of(pid_t pid, const char *library);

/* The same, of limits at which the kernel kills, or where there is no room for what we need: for a process that is not
 * traced yet. */
const char *refusal_limits(pid_t pid);

/* The same, of nothing but confinement (seccomp), which a program may enter at any time. */
const char *refusal_confined(pid_t pid);

/* Why the system does not let us trace it, after an attempt. error: the attempt's errno. */
const char *refusal_denied(pid_t pid, int error);

#endif
