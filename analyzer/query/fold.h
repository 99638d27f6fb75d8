/* fold.h - frames that are the runtime's own: what calls main, what imports a module, the insides of a standard library
 * or an allocator. Nobody looks for memory there, so reports leave them out, except where a stack has nothing else.
 */
#ifndef LIBTRACE_QUERY_FOLD_H
#define LIBTRACE_QUERY_FOLD_H

#include "profile.h"

/* library_code: as the database has it, see symbols_is_library_code(). file may be NULL. */
int fold_is_runtime(const char *function, const char *file, int library_code);

/* Works out which places of which nodes are shown (profile.visible). below: functions; places further out than the
 * outermost of them are left out, too; NULL = none. False when memory is short. */
int fold_frames(struct profile *profile, int all_frames, const char *below);

/* Whether a place of a node (the number of it in its frame) is shown: all are, before fold_frames(). */
int fold_shows(const struct profile *profile, uint32_t node, uint32_t place);

#endif
