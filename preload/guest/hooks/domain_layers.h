/* domain_layers.h - what domains.c and domain_layers.c have of each other. */
#ifndef LIBTRACE_PYTHON_DOMAIN_LAYERS_H
#define LIBTRACE_PYTHON_DOMAIN_LAYERS_H

#include "python.h"

/* How blocks are recorded; DOMAIN_POOLED: in a sampled run, where they come from CPython's pools. */
enum domain_way {
    DOMAIN_PLAIN, /* of the first family of versions; those of the others follow */
    DOMAIN_HYBRID = DOMAIN_PLAIN + PYTHON_FAMILIES,
    DOMAIN_SAMPLED,
    DOMAIN_POOLED,
    DOMAIN_WAYS
};

/* And which: the two domains without types, and with them. */
enum domain_kind { DOMAIN_UNTYPED_MEMORY, DOMAIN_UNTYPED_OBJECT, DOMAIN_MEMORY, DOMAIN_OBJECT, DOMAIN_KINDS };

extern HIDDEN const struct python_allocator domain_functions[DOMAIN_WAYS][DOMAIN_KINDS];

/* To be called when CPython's small blocks are seen to come from malloc(). Needs the GIL. */
void domain_layers_use_no_pools(void);

#endif
