/* exports.h - looks exported symbols up without the loader's help.
 *
 * dlsym() stores its failures in the program's dlerror(), and does not see what was loaded with RTLD_LOCAL, as
 * embedders of libpython do.
 */
#ifndef LIBTRACE_PYTHON_EXPORTS_H
#define LIBTRACE_PYTHON_EXPORTS_H

#include <link.h>

struct dl_phdr_info; /* of link.h, with _GNU_SOURCE */
#include <stddef.h>
#include <stdint.h>

/* The address of the first definition of name in loading order; NULL = none. *size becomes its st_size;
 * size may be NULL. */
void *exports_find(const char *name, size_t *size);

/* The same as the entry in a symbol table, and the bias of its module. */
const ElfW(Sym) * exports_symbol(const char *name, uintptr_t *bias);

/* The same for one module, from within a callback of loader_modules(). */
const ElfW(Sym) * exports_symbol_in_module(const struct dl_phdr_info *info, const char *name);
void *exports_in_module(const struct dl_phdr_info *info, const char *name);

/* The loaded segment that contains an address; *size = 0 if there is none. */
void exports_segment(const void *address, uintptr_t *start, size_t *size);

#endif
