/* expression.h - DWARF expressions, as far as call frame information uses them (DWARF 5, section 2.5). */
#ifndef LIBTRACE_EXPRESSION_H
#define LIBTRACE_EXPRESSION_H

#include "extent.h"
#include "registers.h"

enum expression_result {
    EXPRESSION_VALUE,
    EXPRESSION_NEEDS,   /* a register that is not known */
    EXPRESSION_NOTHING, /* it cannot be worked out */
};

/* The expression's bytes lie at its address, after their count as a ULEB128, and before end. first: what is
 * on its stack to begin with; NULL = nothing. Reads only the stack given. */
enum expression_result expression_run(uintptr_t address, uintptr_t end, const struct registers *r,
                                      struct extent *stack, const uint64_t *first, uint64_t *value);

#endif
