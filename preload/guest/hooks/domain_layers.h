/* domain_layers.h - what domains.c and domain_layers.c have of each other. */
#ifndef LIBTRACE_PYTHON_DOMAIN_LAYERS_H
#define LIBTRACE_PYTHON_DOMAIN_LAYERS_H

#include "python.h"

#define DOMAIN_FUNCTIONS 12

/* By domain: MEMORY; OBJECT without types; OBJECT. Then the same for hybrid stacks; for sampled runs; for those where blocks
 * come from CPython's pools. */
extern HIDDEN const struct python_allocator domain_functions[DOMAIN_FUNCTIONS];

/* To be called when CPython's small blocks are seen to come from malloc(). Needs the GIL. */
void domain_layers_use_no_pools(void);

#endif
