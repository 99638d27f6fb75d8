/* known_symbols.h - what earlier runs in the same database know of a module's frames.
 *
 * A file with the same build ID has the same lines. So the second run of a program need not read its debug
 * information, which takes longer than everything else if the program is short.
 */
#ifndef LIBTRACE_COLLECTOR_KNOWN_SYMBOLS_H
#define LIBTRACE_COLLECTOR_KNOWN_SYMBOLS_H

#include "store.h"
#include "symbols.h"

struct known_symbols;

/* The frames of this module in complete runs whose lines came from its debug information; NULL = none. */
struct known_symbols *known_symbols_open(struct store *store, const char *path, const uint8_t *build_id,
                                         size_t build_id_size);

/* The lines of the frame with this return address (in the file), innermost first; NULL = not known. */
const struct symbols_frame *known_symbols_find(const struct known_symbols *known, uint64_t offset,
                                               size_t *count);

void known_symbols_close(struct known_symbols *known);

#endif
