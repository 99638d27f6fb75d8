/* inside.h - what trace-attach has a program do: load libtrace.so, begin, end. See inject.h for how. */
#ifndef LIBTRACE_ATTACH_INSIDE_H
#define LIBTRACE_ATTACH_INSIDE_H

#include "attach_run.h"

/* Both say why on false. */

/* The program is traced from here on; fills in run->memory and run->children. */
bool inside_attach(struct run *run);

/* It is not any more, and all is as it was before. Needs run->options and run->library. */
bool inside_detach(const struct run *run);

#endif
