/* exports.h - looks exported symbols up without the loader's help.
 *
 * dlsym() leaves its failures behind in the program's dlerror(), and does not see what was loaded with
 * RTLD_LOCAL, as embedders do with libpython.
 */
#ifndef LIBTRACE_PYTHON_EXPORTS_H
#define LIBTRACE_PYTHON_EXPORTS_H

#include <link.h>

struct dl_phdr_info; /* of link.h, with _GNU_SOURCE */
#include <stddef.h>
#include <stdint.h>

/* The address of the first definition of name in the order of loading, NULL if there is none. size: its
 * st_size, may be NULL. */
void *exports_find(const char *name, size_t *size);

/* The entry in the module's symbol table, and what to add to its value. */
const ElfW(Sym) * exports_symbol(const char *name, uintptr_t *bias);

/* The same of one module, which the loader's list is just being gone through for. */
const ElfW(Sym) * exports_symbol_in_module(const struct dl_phdr_info *info, const char *name);
void *exports_in_module(const struct dl_phdr_info *info, const char *name);

/* The loaded segment of a module that an address lies in; size 0 if there is none. */
void exports_segment(const void *address, uintptr_t *start, size_t *size);

#endif
