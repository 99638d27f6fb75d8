/* cfi.h - exact unwind rules from a module's call frame information (.eh_frame).
 *
 * Format: Linux Standard Base, "Exception Frames"; DWARF 5, section 6.4. Reads only memory of the module
 * given; allocates nothing; any thread, any time.
 */
#ifndef LIBTRACE_CFI_H
#define LIBTRACE_CFI_H

#include <stdint.h>

/* The rule (see rule.h) that holds at pc, RULE_SLOW if it is not of a simple form or nothing is known.
 * eh_frame_hdr: address of the module's PT_GNU_EH_FRAME segment, 0 if it has none. */
uint32_t cfi_rule(uintptr_t eh_frame_hdr, uintptr_t pc);

#endif
