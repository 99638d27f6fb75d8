/* runtimes.c - see runtimes.h. */
#define _GNU_SOURCE
#include "runtimes.h"
#include "exports.h"
#include "bytes.h"
#include "modules.h"
#include "rule.h"

#include <elf.h>
#include <string.h>

/* The linker of Go leaves a note with its build's name. */
static bool is_go(const struct dl_phdr_info *info)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_NOTE)
            continue;
        uintptr_t at = info->dlpi_addr + segment->p_vaddr, end = at + segment->p_memsz;
        while (end - at >= sizeof(ElfW(Nhdr)) + 4) {
            const ElfW(Nhdr) *note = (const void *)at;
            uint64_t size =
                sizeof *note + ((note->n_namesz + 3ull) & ~3ull) + ((note->n_descsz + 3ull) & ~3ull);
            if (note->n_namesz == 4 && memcmp(note + 1, "Go", 3) == 0)
                return true;
            if (size > end - at)
                break;
            at += size;
        }
    }
    return false;
}

unsigned runtime_of(const struct dl_phdr_info *info)
{
    /* v8::Isolate::GetCurrent(), which embedders call. */
    if (exports_in_module(info, "_ZN2v87Isolate10GetCurrentEv"))
        return RUNTIME_V8;
    if (exports_in_module(info, "gHotSpotVMStructs")) {
        hotspot_found(info);
        return RUNTIME_HOTSPOT;
    }
    return is_go(info) ? RUNTIME_GO : RUNTIME_NONE;
}

/* ---- Go ------------------------------------------------------------------------------------------ */

/* What asmcgocall does when the C function has returned (src/runtime/asm_amd64.s). On the thread's stack it
 * has left the goroutine, and how far from the end of its stack that was; the versions differ in where:
 *
 *   mov a(%rsp), %rdi      the goroutine
 *   mov 8(%rdi), %rsi      the end of its stack
 *   sub b(%rsp), %rsi
 *   mov %rsi, %rsp         a few instructions later
 *
 * or, when it was on the thread's stack already, the stack pointer itself:
 *
 *   mov b(%rsp), %rsi
 *   mov %rsi, %rsp
 */
static bool takes(struct bytes *code, const void *expected, unsigned size)
{
    const uint8_t *at = bytes_take(code, size);
    return at && memcmp(at, expected, size) == 0;
}

/* A word on the stack, 8 bits from rsp; 0 if the instruction is another one. */
static uint32_t offset_of(struct bytes *code, const char *with_offset, const char *without)
{
    struct bytes ahead = *code;
    if (without && takes(&ahead, without, 4)) {
        *code = ahead;
        return 0;
    }
    return takes(code, with_offset, 4) ? (uint32_t)bytes_unsigned(code, 1) : UINT32_MAX;
}

/* The rule if this is asmcgocall, else 0. */
static uint32_t rule_of_cgocall(uintptr_t return_address, const struct module *module)
{
    struct bytes code = {(const uint8_t *)return_address, (const uint8_t *)module->end, false};
    uint32_t a = offset_of(&code, "\x48\x8b\x7c\x24", NULL);
    if (a != UINT32_MAX && a % 8 == 0 && takes(&code, "\x48\x8b\x77\x08", 4)) {
        uint32_t b = offset_of(&code, "\x48\x2b\x74\x24", "\x48\x2b\x34\x24");
        return b % 8 == 0 ? rule_special(SPECIAL_GO) | a << 8 | b << 16 : 0;
    }
    code.at = (const uint8_t *)return_address;
    uint32_t b = offset_of(&code, "\x48\x8b\x74\x24", "\x48\x8b\x34\x24");
    return b % 8 == 0 && takes(&code, "\x48\x89\xf4", 3) ? rule_special(SPECIAL_GO_SYSTEM) | b << 16 : 0;
}

/* Where the goroutine was on its own stack, or 0. */
static uint64_t slot_of_goroutine(uint64_t goroutine, uint64_t depth)
{
    if (!extent_readable(goroutine) || !extent_readable(goroutine + 8))
        return 0;
    const uint64_t *bounds = (const uint64_t *)(uintptr_t)goroutine; /* which it begins with: low, high */
    return bounds[1] > bounds[0] && depth >= 8 && depth <= bounds[1] - bounds[0] ? bounds[1] - depth : 0;
}

bool runtime_go_step(uint32_t rule, struct registers *r, struct extent *stack)
{
    uint64_t rsp = r->value[DWARF_RSP], first = rsp + (rule >> 8 & 0xff), second = rsp + (rule >> 16 & 0xff);
    if (!extent_holds(stack, first) || !extent_holds(stack, second))
        return false;
    uint64_t slot = *(const uint64_t *)(uintptr_t)second;
    if (rule_special_kind(rule) == SPECIAL_GO)
        slot = slot_of_goroutine(*(const uint64_t *)(uintptr_t)first, slot);
    if (slot % 8 || !extent_change(stack, slot))
        return false;
    r->value[DWARF_PC] = *(const uint64_t *)(uintptr_t)slot;
    r->value[DWARF_RSP] = slot + 8;
    r->known &= 1u << DWARF_PC | 1u << DWARF_RSP | 1u << DWARF_RBP;
    return true;
}

/* ---- the rule ------------------------------------------------------------------------------------ */

#define ENTRY_SIZE 128 /* no program's first instructions are more */

/* What the kernel jumps to: nobody has called that. ld.so's does not say so itself. */
static bool is_entry(uintptr_t return_address, const struct module *module)
{
    return return_address - module->entry < ENTRY_SIZE;
}

uint32_t runtime_rule(uintptr_t return_address, const struct module *module, unsigned loaded)
{
    if (module && is_entry(return_address, module))
        return rule_make(RULE_END, false, 0, 0);
    if (module && module->runtime == RUNTIME_GO) {
        uint32_t rule = rule_of_cgocall(return_address, module);
        return rule ? rule : RULE_FRAME_POINTER;
    }
    if (!module && loaded & RUNTIME_HOTSPOT)
        return rule_special(SPECIAL_HOTSPOT);
    /* Its builtins are part of the module, and a copy of them is not. Some helpers of generated code have no
     * frame, and call C++ with that of their caller: then it is this one's return address that is not seen.
     */
    if (module ? module->runtime == RUNTIME_V8 : (loaded & RUNTIME_V8) != 0)
        return RULE_FRAME_POINTER;
    return rule_special(SPECIAL_UNKNOWN);
}
