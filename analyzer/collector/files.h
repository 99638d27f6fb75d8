/* files.h - the files of the run's modules, held open from soon after they were loaded.
 *
 * A library may be unpacked, loaded and removed again, a program rebuilt while it runs, a plugin loaded in a
 * container: when names are looked up, the path may lead nowhere, or to another file. So the collector's main thread
 * opens each file as soon as a process has described it, and the writer's thread gets it from here. Processes that
 * have loaded the same file share it.
 *
 * Thread-safe: both threads may call everything here.
 */
#ifndef LIBTRACE_FILES_H
#define LIBTRACE_FILES_H

#include "track.h"

#include <stdbool.h>
#include <stdint.h>

struct files;

/* NULL = out of memory. */
struct files *files_open(void);
void files_close(struct files *files);

/* Opens the files that processes have described since the last call, including processes that have ended:
 * a program that is about to remove a file waits until everything that was loaded has been opened. */
void files_look(struct files *files, const struct tracker *tracker);

/* The number of a module's file, by process and module number; 0 = not searched for yet. FILES_UNKNOWN:
 * nothing is known of it. */
uint32_t files_find(struct files *files, uint32_t process, uint32_t module);
#define FILES_UNKNOWN UINT32_MAX

enum files_state {
    FILES_HELD,     /* *file is its descriptor, which the caller owns from now on */
    FILES_TAKEN,    /* it was handed out before */
    FILES_BY_PATH,  /* it could not be opened, or there are too many: a later attempt may succeed */
    FILES_GONE,     /* it was removed before it could be opened */
    FILES_REPLACED, /* another file is at its path; or it was overwritten since */
};
enum files_state files_take(struct files *files, uint32_t number, int *file);

#endif
