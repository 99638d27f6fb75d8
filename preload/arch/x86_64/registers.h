/* registers.h - the registers that are known in a stack frame, by DWARF's numbers (x86-64 psABI, 3.6.2). */
#ifndef LIBTRACE_REGISTERS_H
#define LIBTRACE_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

enum { DWARF_RBX = 3, DWARF_RBP = 6, DWARF_RSP = 7, DWARF_PC = 16, DWARF_COUNT = 17 };

struct registers {
    uint64_t value[DWARF_COUNT]; /* [DWARF_PC]: where the frame continues */
    uint32_t known;              /* a bit for each value that is known */
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

/* The calling function's own registers: its position, and those that calls preserve. */
static inline __attribute__((always_inline)) void registers_here(struct registers *r)
{
    r->known = 1u << DWARF_PC | 1u << DWARF_RSP | 1u << DWARF_RBP | 1u << DWARF_RBX | 0xfu << 12;
    __asm__ volatile("lea 0(%%rip), %%rax\n\t"
                     "mov %%rax, %c1(%0)\n\t"
                     "mov %%rsp, %c2(%0)\n\t"
                     "mov %%rbp, %c3(%0)\n\t"
                     "mov %%rbx, %c4(%0)\n\t"
                     "mov %%r12, %c5(%0)\n\t"
                     "mov %%r13, %c6(%0)\n\t"
                     "mov %%r14, %c7(%0)\n\t"
                     "mov %%r15, %c8(%0)"
                     :
                     : "r"(r->value), "i"(8 * DWARF_PC), "i"(8 * DWARF_RSP), "i"(8 * DWARF_RBP),
                       "i"(8 * DWARF_RBX), "i"(8 * 12), "i"(8 * 13), "i"(8 * 14), "i"(8 * 15)
                     : "rax", "memory");
}

/* DWARF's numbers of the registers in the order in which the kernel saves them in a signal's frame (struct
 * sigcontext, arch/x86/include/uapi/asm/sigcontext.h); rsp points to that frame when the handler returns. */
#define REGISTERS_SAVED 17
static const uint8_t registers_saved[REGISTERS_SAVED] = {
    8, 9, 10, 11, 12, 13, 14, 15, 5, 4, DWARF_RBP, DWARF_RBX, 1, 0, 2, DWARF_RSP, DWARF_PC};
#define REGISTERS_SAVED_AT 40 /* bytes from rsp to the first */

#endif
