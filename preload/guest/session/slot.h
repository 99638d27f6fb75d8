/* slot.h - the process's slot in the arena. */
#ifndef LIBTRACE_SLOT_H
#define LIBTRACE_SLOT_H

#include <stdbool.h>
#include <stdint.h>

/* Claims a free slot for this process, with these WIRE_PROCESS_* flags; false if there is none. */
bool slot_claim_now(uint32_t flags);

/* The same, but waits while the slot of a process that has ended may become free. If there is none, notes
 * that for the collector. */
bool slot_claim(uint32_t flags);

/* From here on events are recorded into it. */
void slot_open(void);

#endif
