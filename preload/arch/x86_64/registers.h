/* registers.h - what is known of the registers in a stack frame, by DWARF's numbers (x86-64 psABI, 3.6.2). */
#ifndef LIBTRACE_REGISTERS_H
#define LIBTRACE_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

enum { DWARF_RBX = 3, DWARF_RBP = 6, DWARF_RSP = 7, DWARF_PC = 16, DWARF_COUNT = 17 };

struct registers {
    uint64_t value[DWARF_COUNT]; /* [DWARF_PC]: where the frame goes on */
    uint32_t known;              /* a bit for each that has its value */
};

static inline bool registers_known(const struct registers *r, unsigned number)
{
    return number < DWARF_COUNT && r->known >> number & 1;
}

static inline void registers_set(struct registers *r, unsigned number, uint64_t value)
{
    r->value[number] = value;
    r->known |= 1u << number;
}

#endif
