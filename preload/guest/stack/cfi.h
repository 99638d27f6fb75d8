/* cfi.h - what a module's call frame information (.eh_frame) says of its frames.
 *
 * Format: Linux Standard Base, "Exception Frames"; DWARF 5, section 6.4. Nothing is read outside of the
 * segment given, whatever the data in it say. Allocates nothing; any thread, any time; scratch is the
 * caller's alone.
 */
#ifndef LIBTRACE_CFI_H
#define LIBTRACE_CFI_H

#include "extent.h"
#include "registers.h"

#include <stddef.h>

/* Where the description of a function is. */
struct cfi_place {
    uintptr_t start, fde; /* addresses of its code, and of its FDE */
};

/* Where a module's .eh_frame is, or what debug_frame.c has made of other information. */
struct cfi_section {
    uintptr_t header;              /* address of its PT_GNU_EH_FRAME segment; 0: it has none */
    uintptr_t start, end;          /* the loaded segment that this lies in */
    const struct cfi_place *index; /* in place of the header's table, sorted by start; NULL: there is none */
    size_t count;
};

enum cfi_how {
    CFI_SAME = 0,
    CFI_UNDEFINED,
    CFI_AT_CFA,        /* saved at CFA + value */
    CFI_CFA,           /* is CFA + value */
    CFI_REGISTER,      /* in the register value */
    CFI_AT_EXPRESSION, /* saved where the expression at the address value says */
    CFI_IS_EXPRESSION, /* what that says */
};

/* One row of the table that a function's description stands for: how its caller's registers are found. */
struct cfi_row {
    int64_t value[DWARF_COUNT];
    uint8_t how[DWARF_COUNT]; /* enum cfi_how */
    uint8_t
        cfa_register; /* CFA = that + cfa_value; DWARF_COUNT: by the expression at the address cfa_value */
    int64_t cfa_value;
};

#define CFI_ROWS_KEPT 8 /* DW_CFA_remember_state within each other; compilers use 1 or 2 */

/* Memory for reading a description: too much for the stacks that we may be called on. */
struct cfi_scratch {
    struct cfi_row row, initial;
    struct cfi_row kept[CFI_ROWS_KEPT];
    unsigned kept_count;
};

/* The rule (see rule.h) that holds at pc: a special one if it is not of a simple form, or nothing is known. */
uint32_t cfi_rule(const struct cfi_section *section, uintptr_t pc, struct cfi_scratch *scratch);

enum cfi_result {
    CFI_CALLER,  /* the registers are the caller's now */
    CFI_END,     /* it is the outermost frame */
    CFI_NEEDS,   /* it takes a register that is not known */
    CFI_NOTHING, /* there is no description, or it leads nowhere */
};

/* From the registers in a frame to those in its caller's. pc: where to look, the value of DWARF_PC or, after
 * a call, one less. stack: what may be read. *slot: where the return address was. */
enum cfi_result cfi_step(const struct cfi_section *section, uintptr_t pc, struct cfi_scratch *scratch,
                         struct registers *r, struct extent *stack, uintptr_t *slot);

#endif
