/* files.h - the files of the run's modules, held open from soon after they were loaded.
 *
 * A library that is unpacked, loaded and removed, a program that is rebuilt while it runs, a plugin in a
 * container: when names are looked up, the path may lead nowhere, or to another file. So the collector's main
 * thread opens each file once, as soon as a process has described it, and the writer's thread gets it from
 * here. Files are shared by all processes that have loaded them.
 *
 * Both threads may call everything here.
 */
#ifndef LIBTRACE_FILES_H
#define LIBTRACE_FILES_H

#include "track.h"

#include <stdbool.h>
#include <stdint.h>

struct files;

/* NULL on lack of memory. */
struct files *files_open(void);
void files_close(struct files *files);

/* Opens what the processes have described since the last call, those that have ended as well: a program that
 * is about to remove a file waits until everything that was loaded has been opened. */
void files_look(struct files *files, const struct tracker *tracker);

/* The number of the file of a process's module, by both their numbers; 0 = it was not looked for yet.
 * FILES_UNKNOWN: nothing is known of it. */
uint32_t files_find(struct files *files, uint32_t process, uint32_t module);
#define FILES_UNKNOWN UINT32_MAX

enum files_state {
    FILES_HELD,     /* *file is its descriptor, which is the caller's from now on */
    FILES_TAKEN,    /* it was given to somebody already */
    FILES_BY_PATH,  /* it could not be opened, or is one too many: who looks later may have more luck */
    FILES_GONE,     /* it was removed before it could be opened */
    FILES_REPLACED, /* at its path is another one; or it was overwritten since */
};
enum files_state files_take(struct files *files, uint32_t number, int *file);

#endif
