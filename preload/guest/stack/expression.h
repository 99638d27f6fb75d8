/* expression.h - DWARF expressions, as far as call frame information uses them (DWARF 5, section 2.5). */
#ifndef LIBTRACE_EXPRESSION_H
#define LIBTRACE_EXPRESSION_H

#include "extent.h"
#include "registers.h"

enum expression_result {
    EXPRESSION_VALUE,
    EXPRESSION_NEEDS,   /* it takes a register that is unknown */
    EXPRESSION_NOTHING, /* it cannot be worked out */
};

/* Evaluates an expression. Its bytes follow their count, a ULEB128, at the given address, and lie before end.
 * first: the initial value on its stack; NULL = none. Reads only the given stack. */
enum expression_result expression_run(uintptr_t address, uintptr_t end, const struct registers *r,
                                      struct extent *stack, const uint64_t *first, uint64_t *value);

#endif
