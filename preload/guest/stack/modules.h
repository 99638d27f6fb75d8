/* modules.h - which file a code address belongs to.
 *
 * A table of the loaded modules, private to the process, immutable and replaced as a whole when the
 * loader's counts of added and removed objects have changed. Each module is described once to the collector.
 */
#ifndef LIBTRACE_MODULES_H
#define LIBTRACE_MODULES_H

#include "cfi.h"
#include "guest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct module {
    uintptr_t start, end; /* addresses covered */
    uintptr_t bias;       /* address minus address in the file */
    struct cfi_section cfi;
    uintptr_t entry;     /* the program's entry point; for a library its first address, where no code is */
    unsigned runtime;    /* a bit of enum runtime, 0 = none */
    uint64_t build_hash; /* of the build ID, to tell a reloaded file from a replaced one */
    uint32_t number;     /* in this process's notes */
    uint32_t text;       /* offset of its build ID, followed by its path, in the table: for modules.c only */
    uint32_t build_id_size;
    uint64_t device, inode; /* of its file, as in struct mapping; 0 where it was not needed */
};

enum modules_change {
    MODULES_SAME = 0,
    MODULES_ADDED,
    MODULES_STALE, /* some were removed: rules and remembered stacks are no longer valid */
};

/* Reads the module list again if it has changed. A forked child that cannot ask the loader (loader.h) takes
 * it for unchanged: there the loader cannot change it either. stale: called before a new list becomes visible
 * that may invalidate what was worked out from an older one. */
enum modules_change modules_refresh(void (*stale)(void));

/* Set once an address outside of all modules was looked up: a module that is loaded later may cover it. */
extern HIDDEN _Atomic bool modules_missed;

/* Copies what is known about the module at an address; false = there is none. */
bool modules_find(uintptr_t address, struct module *module);

/* The runtimes of all modules, bits of enum runtime. */
unsigned modules_runtimes(void);

/* Changes whenever modules_refresh() has found another list. */
uint32_t modules_version(void);

/* After fork, or when an attached trace begins again: writes notes for all known modules under this process's
 * own numbers. Does not ask the loader. */
void modules_describe_again(void);

/* True if the file of some module no longer has a path. */
bool modules_lack_files(void);

/* True if some module's path has a part with this name, of this many bytes. */
bool modules_lie_in(const char *name, size_t size);

#endif
