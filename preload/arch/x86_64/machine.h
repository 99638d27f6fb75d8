/* machine.h - processor-specific numbers and code in ELF files. */
#ifndef LIBTRACE_MACHINE_H
#define LIBTRACE_MACHINE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MACHINE EM_X86_64
#define MACHINE_NAME "x86-64"

/* Relocations for which the loader writes the address of a symbol. */
static inline bool machine_relocates_to_symbol(uint32_t type)
{
    return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT || type == R_X86_64_64;
}

/* The target of the jump with a 32-bit distance at this place (jmp, jcc); 0 = none. */
#define MACHINE_JUMP_SIZE 6 /* bytes that are looked at */
static inline uintptr_t machine_jump_target(const uint8_t *at)
{
    size_t opcode = at[0] == 0xe9 ? 1 : at[0] == 0x0f && at[1] >> 4 == 8 ? 2 : 0;
    int32_t distance;
    memcpy(&distance, at + opcode, sizeof distance);
    return opcode ? (uintptr_t)at + opcode + 4 + (uintptr_t)(intptr_t)distance : 0;
}

#endif
