/* fold.h - frames that are the runtime's own: what calls main, what imports a module, the inside of a
 * standard library or an allocator. Nobody looks for memory there, so reports leave them out, unless a stack
 * has nothing else. */
#ifndef LIBTRACE_QUERY_FOLD_H
#define LIBTRACE_QUERY_FOLD_H

#include "profile.h"

/* library_code: as in the database, see symbols_is_library_code(). file may be NULL. */
int fold_is_runtime(const char *function, const char *file, int library_code);

/* Decides which places of which nodes are shown (profile.visible). below: a glob of functions; places
 * further out than the outermost match are left out, too; NULL = none. */
void fold_frames(struct profile *profile, int all_frames, const char *below);

/* True if that place of a node (an index into its frame's places) is shown; before fold_frames(), all are. */
int fold_shows(const struct profile *profile, uint32_t node, uint32_t place);

#endif
