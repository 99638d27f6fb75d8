/* test_cfi.c - the unwind rules of real libraries against libdw's reading of the same call frame information.
 *
 * Addresses at a stride over all code of the modules that this program has loaded, among them hand-written
 * assembly, signal frames and realigned functions. Where the rule is of a simple form it must say exactly
 * what libdw says; where libdw has a simple form the rule may not be slow.
 */
#define _GNU_SOURCE
#include "stack/cfi.h"
#include "stack/rule.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <cmocka.h>

enum { REG_RBP = 6, REG_RSP = 7, REG_RA = 16 };

/* More alignment than the ABI gives, arguments on the stack, and a size that only the call knows: the
 * compiler keeps the caller's stack pointer in memory (DRAP), and says where by an expression. */
__attribute__((noinline)) static int realigned(int a, int b, int c, int d, int e, int f, int g, int size)
{
    _Alignas(64) volatile char aligned[64];
    volatile char *sized = __builtin_alloca((size_t)size);
    aligned[0] = (char)(a + b + c + d + e + f);
    sized[0] = (char)g;
    return aligned[0] + sized[0] + atoi("1");
}

struct counts {
    size_t addresses, simple, aligned, ends, slow, different;
};

/* libdw's description as a rule; RULE_SLOW for what has no simple form. */
static uint32_t oracle(Dwarf_CFI *cfi, uintptr_t address)
{
    const uint32_t slow = rule_make(RULE_SLOW, false, 0, 0);
    Dwarf_Frame *frame;
    Dwarf_Op memory[3], *ops;
    size_t count;
    bool signal_frame;
    uint32_t rule = slow;
    if (dwarf_cfi_addrframe(cfi, address, &frame) != 0)
        return slow;
    if (dwarf_frame_info(frame, NULL, NULL, &signal_frame) != REG_RA || signal_frame)
        goto out;
    if (dwarf_frame_register(frame, REG_RA, memory, &ops, &count) != 0)
        goto out;
    if (count == 0 && ops == memory) { /* undefined */
        rule = rule_make(RULE_END, false, 0, 0);
        goto out;
    }
    /* CFA + n in memory: call_frame_cfa, plus_uconst n. */
    if (count != 2 || ops[0].atom != DW_OP_call_frame_cfa || ops[1].atom != DW_OP_plus_uconst ||
        (int64_t)ops[1].number != -8)
        goto out;
    Dwarf_Op *cfa;
    size_t cfa_count;
    if (dwarf_frame_cfa(frame, &cfa, &cfa_count) != 0)
        goto out;
    int reg = cfa[0].atom == DW_OP_bregx ? (int)cfa[0].number : (int)cfa[0].atom - DW_OP_breg0;
    int64_t offset = (int64_t)(cfa[0].atom == DW_OP_bregx ? cfa[0].number2 : cfa[0].number);
    bool deref = cfa_count == 2 && cfa[1].atom == DW_OP_deref;
    if ((reg != REG_RBP && reg != REG_RSP) || (cfa_count != 1 && !deref) || offset % 8 ||
        labs(offset / 8) > RULE_CFA_MAX)
        goto out;
    if (dwarf_frame_register(frame, REG_RBP, memory, &ops, &count) != 0)
        goto out;
    bool same = count == 0 && ops == NULL;
    if (deref) {
        /* An expression is run with the CFA on the stack, which libdw shows as its first operation. */
        const Dwarf_Op *last = count ? &ops[count - 1] : NULL;
        if (reg == REG_RBP && last && last->atom == DW_OP_breg6 && last->number == 0 &&
            (count == 1 || (count == 2 && ops[0].atom == DW_OP_call_frame_cfa)))
            rule = rule_make(RULE_ALIGNED, true, (int)(offset / 8), 0);
    } else if (same || (count == 0)) {
        if (same)
            rule = rule_make(RULE_SIMPLE, reg == REG_RBP, (int)(offset / 8), 0);
    } else if (ops[0].atom == DW_OP_call_frame_cfa &&
               (count == 1 || (count == 2 && ops[1].atom == DW_OP_plus_uconst))) {
        int64_t place = count == 2 ? (int64_t)ops[1].number : 0;
        if (place < 0 && place % 8 == 0 && -place / 8 <= RULE_RBP_MAX)
            rule = rule_make(RULE_SIMPLE, reg == REG_RBP, (int)(offset / 8), (unsigned)(-place / 8));
    }
out:
    free(frame);
    return rule;
}

static void compare(Dwarf_CFI *cfi, uintptr_t header, uintptr_t bias, uintptr_t start, uintptr_t end,
                    struct counts *counts)
{
    for (uintptr_t pc = start; pc < end; pc += 7) {
        uint32_t ours = cfi_rule(header, pc), theirs = oracle(cfi, pc - bias);
        counts->addresses++;
        counts->simple += rule_kind(ours) == RULE_SIMPLE;
        counts->aligned += rule_kind(ours) == RULE_ALIGNED;
        counts->ends += rule_kind(ours) == RULE_END;
        counts->slow += rule_kind(ours) == RULE_SLOW;
        if (ours != theirs && counts->different++ < 10)
            print_message("  at 0x%lx: rule %08x, libdw %08x\n", (unsigned long)(pc - bias), ours, theirs);
    }
}

static int module(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct counts *all = data, counts = {0};
    uintptr_t header = 0;
    const char *path = info->dlpi_name[0] ? info->dlpi_name : "/proc/self/exe";
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0; /* the vdso */
    Elf *elf = elf_begin(file, ELF_C_READ_MMAP, NULL);
    Dwarf_CFI *cfi = dwarf_getcfi_elf(elf);
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME)
            header = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
    for (int i = 0; cfi && header && i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_LOAD && segment->p_flags & PF_X)
            compare(cfi, header, info->dlpi_addr, info->dlpi_addr + segment->p_vaddr,
                    info->dlpi_addr + segment->p_vaddr + segment->p_memsz, &counts);
    }
    print_message("%8zu addresses: %zu simple, %zu realigned, %zu ends, %zu slow, %zu different  %s\n",
                  counts.addresses, counts.simple, counts.aligned, counts.ends, counts.slow, counts.different,
                  path);
    all->addresses += counts.addresses;
    all->different += counts.different;
    all->aligned += counts.aligned;
    if (cfi)
        dwarf_cfi_end(cfi);
    elf_end(elf);
    close(file);
    return 0;
}

static void rules_of_real_libraries(void **unused)
{
    (void)unused;
    struct counts all = {0};
    /* Hand-written assembly, C++, vector code with realigned stacks: whichever of these are there. */
    static const char *const more[] = {"libcrypto.so.3", "libstdc++.so.6", "libm.so.6", "libgmp.so.10",
                                       "libperl.so.5.36"};
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
        dlopen(more[i], RTLD_LAZY);
    elf_version(EV_CURRENT);
    dl_iterate_phdr(module, &all);
    assert_int_equal(realigned(1, 2, 3, 4, 5, 6, 7, 8), 29);
    assert_true(all.addresses > 100000);
    assert_true(all.aligned > 0);
    assert_int_equal(all.different, 0);
}

static void nothing_known(void **unused)
{
    (void)unused;
    assert_int_equal(rule_kind(cfi_rule(0, (uintptr_t)nothing_known)), RULE_SLOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_of_real_libraries),
        cmocka_unit_test(nothing_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
