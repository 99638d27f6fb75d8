/* runtimes.c - see runtimes.h. */
#define _GNU_SOURCE
#include "runtimes.h"
#include "exports.h"
#include "go_call.h"
#include "modules.h"
#include "rule.h"

#include <elf.h>
#include <string.h>

/* Go's linker adds a note with a build ID of its own. */
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
    /* v8::Isolate::GetCurrent(), which programs that embed V8 call. */
    if (exports_in_module(info, "_ZN2v87Isolate10GetCurrentEv"))
        return RUNTIME_V8;
    if (exports_in_module(info, "gHotSpotVMStructs")) {
        hotspot_found(info);
        return RUNTIME_HOTSPOT;
    }
    return is_go(info) ? RUNTIME_GO : RUNTIME_NONE;
}

/* ---- Go ------------------------------------------------------------------------------------------ */

/* Where the goroutine's stack pointer was on its own stack; 0 = not known. */
static uint64_t slot_of_goroutine(uint64_t goroutine, uint64_t depth)
{
    if (!extent_readable(goroutine) || !extent_readable(goroutine + 8))
        return 0;
    const uint64_t *bounds = (const uint64_t *)(uintptr_t)goroutine; /* its first two words: low, high */
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

#define ENTRY_SIZE 128 /* larger than any program's first instructions */

/* The code that the kernel jumps to has no caller. ld.so's has no call frame information that says so. */
static bool is_entry(uintptr_t return_address, const struct module *module)
{
    return return_address - module->entry < ENTRY_SIZE;
}

uint32_t runtime_rule(uintptr_t return_address, const struct module *module, unsigned loaded)
{
    if (module && is_entry(return_address, module))
        return rule_make(RULE_END, false, 0, 0);
    if (module && module->runtime == RUNTIME_GO) {
        uint32_t rule = go_call_rule((const uint8_t *)return_address, (const uint8_t *)module->end);
        return rule ? rule : RULE_FRAME_POINTER;
    }
    if (!module && loaded & RUNTIME_HOTSPOT)
        return rule_special(SPECIAL_HOTSPOT);
    /* V8's builtins are part of the module, but copies of them are not. Some helpers of generated code have
     * no frame of their own and call C++ with their caller's: then the helper's caller is missing from the
     * stack. */
    if (module ? module->runtime == RUNTIME_V8 : (loaded & RUNTIME_V8) != 0)
        return RULE_FRAME_POINTER;
    return rule_special(SPECIAL_UNKNOWN);
}
