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
    uintptr_t entry;     /* where the kernel starts it; of a library, its first address, which no code has */
    unsigned runtime;    /* a bit of enum runtime, 0 = none */
    uint64_t build_hash; /* of the build ID, to tell a reloaded file from a replaced one */
    uint32_t number;     /* in this process's notes */
    uint32_t text;       /* offset in its table of its build ID, which its path follows (modules.c's) */
    uint32_t build_id_size;
    uint64_t device, inode; /* of its file, as struct mapping's, where it was asked for */
};

enum modules_change {
    MODULES_SAME = 0,
    MODULES_ADDED,
    MODULES_STALE, /* some were removed: rules and remembered stacks hold no longer */
};

/* Reads the module list anew if it has changed. In a forked child that cannot ask the loader (loader.h) it
 * has not: there the loader cannot change it either. stale: called before a list can be seen after which what was
 * worked out by an older one may be wrong. */
enum modules_change modules_refresh(void (*stale)(void));

/* Set once an address outside of all modules was looked up in vain: a module that comes later may cover it. */
extern HIDDEN _Atomic bool modules_missed;

/* Copies what is known of the module at an address; false if there is none. */
bool modules_find(uintptr_t address, struct module *module);

/* The runtimes of all modules, bits of enum runtime. */
unsigned modules_runtimes(void);

/* Changes whenever modules_refresh() has found another list. */
uint32_t modules_version(void);

/* After fork, or at the start of another part: this process describes the modules that it knows itself. Asks
 * nobody. */
void modules_describe_again(void);

/* True if the file of some module has no path any more. */
bool modules_lack_files(void);

/* True if this name, of so many bytes, is a part of some module's path. */
bool modules_lie_in(const char *name, size_t size);

#endif
