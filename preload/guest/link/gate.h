/* gate.h - what every event checks first: whether it is to be recorded, and whether anything has changed.
 *
 * It is on a page of its own that is zeroed in children (MADV_WIPEONFORK): so a new process, a changed
 * list of modules and the end of tracing all show as "the epoch is not the one that this thread last saw",
 * in one comparison, whatever call created the process.
 */
#ifndef LIBTRACE_GATE_H
#define LIBTRACE_GATE_H

#include "guest.h"
#include "processor.h"

#include <stdbool.h>
#include <stdint.h>

struct gate {
    _Atomic uint64_t epoch; /* 0: tracing has not started in this process; the lowest bit is GATE_STAMPING */
    uintptr_t loader_start; /* ld.so's code; its allocations mean that modules are loaded or unloaded */
    uintptr_t loader_size;
};
#define GATE_STAMPING 1u /* there is more than one ring: events carry a time */

union gate_page {
    struct gate gate;
    char page[PROCESSOR_LARGEST_PAGE];
};
extern HIDDEN union gate_page gate_page;
#define gate (&gate_page.gate)

/* Makes children of every kind of fork find the gate closed; false: the kernel cannot do that (errno). */
bool gate_wiped_on_fork(void);

/* From here on events are recorded. */
void gate_open(uintptr_t loader_start, uintptr_t loader_size);

/* Makes all threads check for changes before their next event. */
void gate_next_epoch(void);

/* The process has a second ring: from now on events carry a time. */
void gate_stamp(void);

#endif
