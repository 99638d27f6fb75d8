/* test_cfi.c - compares the unwind rules of real libraries with libdw's reading of the same call frame
 * information.
 *
 * Addresses are taken at a stride from all code of this program's modules, including hand-written assembly,
 * signal frames and realigned functions. A simple rule must be exactly what libdw says, and where libdw has a
 * simple form the rule must not be special. Then the same information is read with bytes changed at random,
 * between two unreadable pages: whatever it contains, nothing outside it is read.
 */
#define _GNU_SOURCE
#include "cfi.h"
#include "rule.h"
#include "random_numbers.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <cmocka.h>

/* Alignment above the ABI's, arguments on the stack, and a size known only at run time: the compiler keeps
 * the caller's stack pointer in memory (DRAP), and describes its place by an expression. */
__attribute__((noinline)) static int realigned(int a, int b, int c, int d, int e, int f, int g, int size)
{
    _Alignas(64) volatile char aligned[64];
    volatile char *sized = __builtin_alloca((size_t)size);
    aligned[0] = (char)(a + b + c + d + e + f);
    sized[0] = (char)g;
    return aligned[0] + sized[0] + atoi("1");
}

struct counts {
    size_t addresses, simple, aligned, ends, special, signal, different;
};

static struct cfi_scratch scratch;

/* libdw's description converted to a rule; RULE_SPECIAL if it has no simple form. */
static uint32_t oracle(Dwarf_CFI *cfi, uintptr_t address)
{
    const uint32_t special = rule_special(SPECIAL_REGISTERS);
    Dwarf_Frame *frame;
    Dwarf_Op memory[3], *ops;
    size_t count;
    bool signal_frame;
    uint32_t rule = special;
    if (dwarf_cfi_addrframe(cfi, address, &frame) != 0)
        return special;
    if (dwarf_frame_info(frame, NULL, NULL, &signal_frame) != DWARF_PC || signal_frame)
        goto out;
    if (dwarf_frame_register(frame, DWARF_PC, memory, &ops, &count) != 0)
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
    if ((reg != DWARF_RBP && reg != DWARF_RSP) || (cfa_count != 1 && !deref) || offset % 8 ||
        labs(offset / 8) > RULE_CFA_MAX)
        goto out;
    if (dwarf_frame_register(frame, DWARF_RBP, memory, &ops, &count) != 0)
        goto out;
    bool same = count == 0 && ops == NULL;
    if (deref) {
        /* Expressions start with the CFA on the stack; libdw shows that as their first operation. */
        const Dwarf_Op *last = count ? &ops[count - 1] : NULL;
        if (reg == DWARF_RBP && last && last->atom == DW_OP_breg6 && last->number == 0 &&
            (count == 1 || (count == 2 && ops[0].atom == DW_OP_call_frame_cfa)))
            rule = rule_make(RULE_ALIGNED, true, (int)(offset / 8), 0);
    } else if (same || (count == 0)) {
        if (same)
            rule = rule_make(RULE_SIMPLE, reg == DWARF_RBP, (int)(offset / 8), 0);
    } else if (ops[0].atom == DW_OP_call_frame_cfa &&
               (count == 1 || (count == 2 && ops[1].atom == DW_OP_plus_uconst))) {
        int64_t place = count == 2 ? (int64_t)ops[1].number : 0;
        if (place < 0 && place % 8 == 0 && -place / 8 <= RULE_RBP_MAX)
            rule = rule_make(RULE_SIMPLE, reg == DWARF_RBP, (int)(offset / 8), (unsigned)(-place / 8));
    }
out:
    free(frame);
    return rule;
}

static void compare(Dwarf_CFI *cfi, const struct cfi_section *section, uintptr_t bias, uintptr_t start,
                    uintptr_t end, struct counts *counts)
{
    for (uintptr_t pc = start; pc < end; pc += 7) {
        uint32_t ours = cfi_rule(section, pc, &scratch), theirs = oracle(cfi, pc - bias);
        counts->addresses++;
        counts->simple += rule_kind(ours) == RULE_SIMPLE;
        counts->aligned += rule_kind(ours) == RULE_ALIGNED;
        counts->ends += rule_kind(ours) == RULE_END;
        counts->special += rule_kind(ours) == RULE_SPECIAL;
        counts->signal += ours == rule_special(SPECIAL_SIGNAL);
        if (rule_kind(ours) == RULE_SPECIAL)
            ours = rule_special(SPECIAL_REGISTERS);
        if (ours != theirs && counts->different++ < 10)
            print_message("  at 0x%lx: rule %08x, libdw %08x\n", (unsigned long)(pc - bias), ours, theirs);
    }
}

/* The loaded segment that contains a module's call frame information. */
static struct cfi_section section_of(const struct dl_phdr_info *info)
{
    struct cfi_section section = {0};
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME)
            section.header = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        if (info->dlpi_phdr[i].p_type == PT_LOAD && section.header - start < info->dlpi_phdr[i].p_memsz) {
            section.start = start;
            section.end = start + info->dlpi_phdr[i].p_memsz;
        }
    }
    return section;
}

static int module(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct counts *all = data, counts = {0};
    struct cfi_section section = section_of(info);
    const char *path = info->dlpi_name[0] ? info->dlpi_name : "/proc/self/exe";
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0; /* the vdso */
    Elf *elf = elf_begin(file, ELF_C_READ_MMAP, NULL);
    Dwarf_CFI *cfi = dwarf_getcfi_elf(elf);
    for (int i = 0; cfi && section.header && i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_LOAD && segment->p_flags & PF_X)
            compare(cfi, &section, info->dlpi_addr, info->dlpi_addr + segment->p_vaddr,
                    info->dlpi_addr + segment->p_vaddr + segment->p_memsz, &counts);
    }
    print_message(
        "%8zu addresses: %zu simple, %zu realigned, %zu ends, %zu special (%zu signal), %zu different  %s\n",
        counts.addresses, counts.simple, counts.aligned, counts.ends, counts.special, counts.signal,
        counts.different, path);
    all->addresses += counts.addresses;
    all->different += counts.different;
    all->aligned += counts.aligned;
    all->signal += counts.signal;
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
    /* Hand-written assembly, C++, vector code with realigned stacks: those of them that are installed. */
    static const char *const more[] = {"libcrypto.so.3", "libstdc++.so.6", "libm.so.6", "libgmp.so.10",
                                       "libperl.so.5.36"};
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
        dlopen(more[i], RTLD_LAZY);
    elf_version(EV_CURRENT);
    dl_iterate_phdr(module, &all);
    assert_int_equal(realigned(1, 2, 3, 4, 5, 6, 7, 8), 29);
    assert_true(all.addresses > 100000);
#ifndef __clang__ /* whose realigned functions have simple rules */
    assert_true(all.aligned > 0);
#endif
    assert_true(all.signal > 0); /* the code to which libc's signal handlers return */
    assert_int_equal(all.different, 0);
}

static void nothing_known(void **unused)
{
    (void)unused;
    const struct cfi_section none = {0};
    assert_int_equal(cfi_rule(&none, (uintptr_t)nothing_known, &scratch), rule_special(SPECIAL_UNKNOWN));
}

/* ---- damaged ------------------------------------------------------------------------------------- */

#define PAGE 4096u
#define DAMAGES 400
#define LOOKS 200

/* A copy that begins right after, or ends right before, an unreadable page. */
static char *copy_between_guards(uintptr_t start, size_t size, bool at_end)
{
    size_t pages = (size + PAGE - 1) / PAGE * PAGE;
    char *all = mmap(NULL, pages + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(all, MAP_FAILED);
    assert_int_equal(mprotect(all + PAGE, pages, PROT_READ | PROT_WRITE), 0);
    /* Tables are aligned to 4 bytes, so the copy is, too. */
    char *copy = all + PAGE + (at_end ? (pages - size) & ~3ul : 0);
    memcpy(copy, (const void *)start, size);
    return copy;
}

static int first_with_cfi(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    *(struct cfi_section *)data = section_of(info);
    return ((struct cfi_section *)data)->header != 0 && strstr(info->dlpi_name, "libc.so") != NULL;
}

/* Looks up addresses in a damaged description and unwinds by the results, on a stack of two pages that is
 * between guards, too. */
static size_t look_about(const struct cfi_section *section, uint64_t *stack, size_t words)
{
    size_t known = 0;
    for (int i = 0; i < LOOKS; i++) {
        uintptr_t pc = section->header - next_random() % (8u << 20);
        struct registers r = {.known = (1u << DWARF_COUNT) - 1};
        for (unsigned reg = 0; reg < DWARF_COUNT; reg++)
            r.value[reg] = next_random() % 4 ? (uintptr_t)&stack[next_random() % words] : next_random();
        struct extent extent = {
            .low = (uintptr_t)stack, .high = (uintptr_t)(stack + words), .own = next_random() % 2};
        uintptr_t slot;
        known += cfi_rule(section, pc, &scratch) != rule_special(SPECIAL_UNKNOWN);
        cfi_step(section, pc, &scratch, &r, &extent, &slot);
    }
    return known;
}

static void damaged_descriptions(void **unused)
{
    (void)unused;
    struct cfi_section real = {0};
    assert_int_equal(dl_iterate_phdr(first_with_cfi, &real), 1);
    size_t size = real.end - real.header, known = 0; /* from the table to the end of the segment */
    uint64_t *stack = (uint64_t *)copy_between_guards(real.header, 2 * PAGE, true);
    char *copies[] = {copy_between_guards(real.header, size, false),
                      copy_between_guards(real.header, size, true)};
    for (int i = 0; i < DAMAGES; i++) {
        char *copy = copies[i % 2];
        struct cfi_section section = {
            .header = (uintptr_t)copy, .start = (uintptr_t)copy, .end = (uintptr_t)copy + size};
        size_t changed[16];
        for (unsigned k = 0; k < 16; k++) {
            changed[k] = next_random() % (k < 2 ? 64 : size);
            copy[changed[k]] = i ? (char)next_random() : copy[changed[k]];
        }
        /* Every third one is cut off. */
        if (i % 3 == 2 && i % 2)
            section.end -= next_random() % size;
        known += look_about(&section, stack, 2 * PAGE / sizeof *stack);
        for (unsigned k = 0; k < 16; k++)
            copy[changed[k]] = ((const char *)real.header)[changed[k]];
    }
    print_message("%zu of %d looks found something\n", known, DAMAGES * LOOKS);
    assert_true(known > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_of_real_libraries),
        cmocka_unit_test(nothing_known),
        cmocka_unit_test(damaged_descriptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
