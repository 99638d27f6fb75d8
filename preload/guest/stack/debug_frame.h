/* debug_frame.h - call frame information of programs that are built without any for run time
 * (-fno-asynchronous-unwind-tables): it is among the debug information, in the file only.
 *
 * Read when a frame of such a module is met for the first time; what is kept of it is never given back. Any
 * thread, any time; keeps errno.
 */
#ifndef LIBTRACE_DEBUG_FRAME_H
#define LIBTRACE_DEBUG_FRAME_H

#include "modules.h"

/* NULL = there is none, or it cannot be read (now). */
const struct cfi_section *debug_frame_of(const struct module *module);

#endif
