/* gate.h - what every event looks at first: whether it is to be recorded, and whether the world has changed.
 *
 * On a page of its own that fork() gives to the child zeroed (MADV_WIPEONFORK): so a new process, a changed
 * module list and the end of tracing all show as "the epoch is not what this thread last saw", one
 * comparison, whatever call made the process.
 */
#ifndef LIBTRACE_GATE_H
#define LIBTRACE_GATE_H

#include "guest.h"
#include "processor.h"

#include <stdbool.h>
#include <stdint.h>

struct gate {
    _Atomic uint64_t epoch; /* 0: not started in this process; the lowest bit is GATE_STAMPING */
    uintptr_t loader_start; /* where ld.so's code is; its allocations mean that modules come or go */
    uintptr_t loader_size;
};
#define GATE_STAMPING 1u /* more than one ring: events carry the time */

union gate_page {
    struct gate gate;
    char page[PROCESSOR_LARGEST_PAGE];
};
extern HIDDEN union gate_page gate_page;
#define gate (&gate_page.gate)

/* Has children of every kind of fork find the gate closed; false: the kernel cannot do that (errno). */
bool gate_wiped_on_fork(void);

/* From here on events are recorded. */
void gate_open(uintptr_t loader_start, uintptr_t loader_size);

/* Tells all threads to look at the world again before their next event. */
void gate_next_epoch(void);

/* The process has a second ring: from now on events are stamped. */
void gate_stamp(void);

#endif
