/* cfi.h - interprets a module's call frame information (.eh_frame).
 *
 * Format: Linux Standard Base, "Exception Frames"; DWARF 5, section 6.4. Nothing outside of the given segment
 * is read, whatever its data are. Allocates nothing, and may be called on any thread at any time; each caller
 * needs scratch memory of its own.
 */
#ifndef LIBTRACE_CFI_H
#define LIBTRACE_CFI_H

#include "extent.h"
#include "registers.h"

#include <stddef.h>

/* The description of one function. */
struct cfi_place {
    uintptr_t start, fde; /* addresses of its code, and of its FDE */
};

/* A module's .eh_frame, or what debug_frame.c has made of .debug_frame. */
struct cfi_section {
    uintptr_t header;              /* address of its PT_GNU_EH_FRAME segment; 0 = none */
    uintptr_t start, end;          /* the loaded segment that this lies in */
    const struct cfi_place *index; /* used instead of the header's table, sorted by start; NULL = none */
    size_t count;
};

enum cfi_how {
    CFI_SAME = 0,
    CFI_UNDEFINED,
    CFI_AT_CFA,        /* saved at CFA + value */
    CFI_CFA,           /* is CFA + value */
    CFI_REGISTER,      /* in the register with number `value` */
    CFI_AT_EXPRESSION, /* saved at the result of the expression at address `value` */
    CFI_IS_EXPRESSION, /* is the result of that expression */
};

/* One row of the table that a function's description stands for: how to find its caller's registers. */
struct cfi_row {
    int64_t value[DWARF_COUNT];
    uint8_t how[DWARF_COUNT]; /* enum cfi_how */
    uint8_t
        cfa_register; /* CFA = that + cfa_value; DWARF_COUNT: by the expression at the address cfa_value */
    int64_t cfa_value;
};

#define CFI_ROWS_KEPT 8 /* levels of nested DW_CFA_remember_state; compilers use 1 or 2 */

/* Memory for reading a description: it would be too much for some of the stacks that hooks are called on. */
struct cfi_scratch {
    struct cfi_row row, initial;
    struct cfi_row kept[CFI_ROWS_KEPT];
    unsigned kept_count;
};

/* The rule (see rule.h) that applies at pc; a special one if it has no simple form, or is unknown. */
uint32_t cfi_rule(const struct cfi_section *section, uintptr_t pc, struct cfi_scratch *scratch);

enum cfi_result {
    CFI_CALLER,  /* the registers are the caller's now */
    CFI_END,     /* this is the outermost frame */
    CFI_NEEDS,   /* it takes a register that is unknown */
    CFI_NOTHING, /* there is no description, or it cannot be followed */
};

/* Goes from the registers in a frame to those in its caller's. pc: the value of DWARF_PC, or after a call
 * that less one. stack: what may be read. *slot: where the return address was. */
enum cfi_result cfi_step(const struct cfi_section *section, uintptr_t pc, struct cfi_scratch *scratch,
                         struct registers *r, struct extent *stack, uintptr_t *slot);

#endif
