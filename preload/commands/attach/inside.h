/* inside.h - what trace-attach makes a program do: load libtrace.so, begin to trace, end it. See inject.h
 * for how. */
#ifndef LIBTRACE_ATTACH_INSIDE_H
#define LIBTRACE_ATTACH_INSIDE_H

#include "attach_run.h"

/* Both print why if they return false. */

/* Begins to trace the program; sets run->memory and run->children. */
bool inside_attach(struct run *run);

/* Ends tracing, and restores everything. Needs run->options and run->library. */
bool inside_detach(const struct run *run);

#endif
