/* each_allocation.h - has each allocation of a piece of a report fail, those of the libraries that it calls included. */
#ifndef LIBTRACE_EACH_ALLOCATION_H
#define LIBTRACE_EACH_ALLOCATION_H

#include "report.h"

/* Has print() print as often as it allocates, each time in a process of its own, in which another allocation fails, and once
 * more, in which those fail that follow, too: it prints what it does usually, or the report ends with one line instead. Returns
 * how many allocations there are. */
unsigned long each_allocation(const struct report *report, void (*print)(const struct report *));

#endif
