/* cfi.c - see cfi.h. */
#include "cfi.h"
#include "bytes.h"
#include "expression.h"
#include "rule.h"

/* Pointer encodings (LSB). */
enum {
    PE_ABSPTR = 0x00,
    PE_ULEB128 = 0x01,
    PE_UDATA2 = 0x02,
    PE_UDATA4 = 0x03,
    PE_UDATA8 = 0x04,
    PE_SLEB128 = 0x09,
    PE_SDATA2 = 0x0a,
    PE_SDATA4 = 0x0b,
    PE_SDATA8 = 0x0c,
    PE_PCREL = 0x10,
    PE_DATAREL = 0x30,
    PE_INDIRECT = 0x80,
    PE_OMIT = 0xff,
};

struct cie {
    struct bytes program; /* initial instructions */
    uint64_t code_align;
    int64_t data_align;
    uint64_t ra_register;
    uint8_t pointer_encoding;
    bool has_augmentation, signal_frame;
};

/* A description that is being interpreted. */
struct machine {
    struct cfi_scratch *s;
    const struct cie *cie;
    uintptr_t location, target;
};

/* Reads a pointer in the given encoding; data_base is what DATAREL is relative to. Indirect pointers are not
 * followed, as none of those is needed here. */
static uint64_t read_pointer(struct bytes *b, uint8_t encoding, uintptr_t data_base)
{
    if (encoding == PE_OMIT)
        return 0;
    uintptr_t place = (uintptr_t)b->at;
    uint64_t value;
    switch (encoding & 0x0f) {
    case PE_ULEB128:
        value = bytes_uleb(b);
        break;
    case PE_SLEB128:
        value = (uint64_t)bytes_sleb(b);
        break;
    case PE_UDATA2:
        value = bytes_unsigned(b, 2);
        break;
    case PE_SDATA2:
        value = (uint64_t)bytes_signed(b, 2);
        break;
    case PE_UDATA4:
        value = bytes_unsigned(b, 4);
        break;
    case PE_SDATA4:
        value = (uint64_t)bytes_signed(b, 4);
        break;
    default:
        value = bytes_unsigned(b, 8);
        break;
    }
    if (value == 0)
        return 0;
    if ((encoding & 0x70) == PE_PCREL)
        value += place;
    else if ((encoding & 0x70) == PE_DATAREL)
        value += data_base;
    return value;
}

/* ---- finding the description of a function ---------------------------------------------------- */

static struct bytes bytes_from(const struct cfi_section *section, uintptr_t address)
{
    bool inside = address >= section->start && address <= section->end;
    const uint8_t *end = (const uint8_t *)section->end;
    return (struct bytes){inside ? (const uint8_t *)address : end, end, !inside};
}

/* Finds the FDE whose range may hold pc by the header's sorted table; 0 = none. */
static uintptr_t find_fde(const struct cfi_section *section, uintptr_t pc)
{
    const uintptr_t header = section->header;
    struct bytes b = bytes_from(section, header);
    uint64_t version = bytes_unsigned(&b, 1);
    uint8_t frame_encoding = (uint8_t)bytes_unsigned(&b, 1), count_encoding = (uint8_t)bytes_unsigned(&b, 1);
    uint8_t table_encoding = (uint8_t)bytes_unsigned(&b, 1);
    if (version != 1 || count_encoding == PE_OMIT || table_encoding != (PE_DATAREL | PE_SDATA4))
        return 0;
    read_pointer(&b, frame_encoding, header);
    uint64_t count = read_pointer(&b, count_encoding, header);
    const struct entry {
        int32_t start, fde;
    } *table = (const void *)b.at;
    int64_t offset = (int64_t)(pc - header);
    if (b.short_of || count == 0 || count > (uint64_t)(b.end - b.at) / sizeof *table ||
        (uintptr_t)table % sizeof(int32_t) || offset < table[0].start)
        return 0;
    uint64_t low = 0, high = count;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (table[middle].start <= offset)
            low = middle;
        else
            high = middle;
    }
    return header + (uintptr_t)(intptr_t)table[low].fde;
}

static uintptr_t find_in_index(const struct cfi_section *section, uintptr_t pc)
{
    size_t low = 0, high = section->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (section->index[middle].start <= pc)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? section->index[low - 1].fde : 0;
}

/* The bytes of an entry after its length. None for the 64-bit format, which no tool writes to .eh_frame. */
static struct bytes entry_at(const struct cfi_section *section, uintptr_t address)
{
    struct bytes b = bytes_from(section, address);
    uint64_t length = bytes_unsigned(&b, 4);
    return length == 0xffffffffu ? (struct bytes){b.end, b.end, true} : bytes_part(&b, length);
}

/* Reads the data that belong to the letters of the augmentation, from the second one on. */
static bool read_augmentation(struct cie *cie, const char *letters, const char *end, struct bytes *data)
{
    for (; letters < end && *letters; letters++) {
        switch (*letters) {
        case 'R':
            cie->pointer_encoding = (uint8_t)bytes_unsigned(data, 1);
            break;
        case 'L':
            bytes_unsigned(data, 1);
            break;
        case 'P':
            read_pointer(data, (uint8_t)bytes_unsigned(data, 1), 0);
            break;
        case 'S':
            cie->signal_frame = true;
            break;
        case 'B':
            break;
        default:
            return false;
        }
    }
    return !data->short_of;
}

static bool parse_cie(struct bytes b, struct cie *cie)
{
    memset(cie, 0, sizeof *cie);
    if (bytes_unsigned(&b, 4) != 0)
        return false;
    uint64_t version = bytes_unsigned(&b, 1);
    const char *augmentation = (const char *)b.at;
    while (bytes_unsigned(&b, 1) != 0) {
    }
    if (version == 4 && bytes_unsigned(&b, 2) != 8) /* sizes of an address, and of a segment selector */
        return false;
    if (b.short_of || (version != 1 && version != 3 && version != 4))
        return false;
    cie->code_align = bytes_uleb(&b);
    cie->data_align = bytes_sleb(&b);
    cie->ra_register = version == 1 ? bytes_unsigned(&b, 1) : bytes_uleb(&b);
    if (augmentation[0] == 'z') {
        uint64_t size = bytes_uleb(&b);
        struct bytes data = bytes_part(&b, size);
        cie->has_augmentation = true;
        if (!read_augmentation(cie, augmentation + 1, (const char *)b.end, &data))
            return false;
    } else if (augmentation[0] != '\0') {
        return false;
    }
    cie->program = b;
    return !b.short_of && cie->ra_register == DWARF_PC;
}

/* ---- running the program ---------------------------------------------------------------------- */

static void set(struct machine *m, uint64_t reg, enum cfi_how how, int64_t value)
{
    if (reg < DWARF_COUNT) {
        m->s->row.how[reg] = (uint8_t)how;
        m->s->row.value[reg] = value;
    }
}

static void restore(struct machine *m, uint64_t reg)
{
    if (reg < DWARF_COUNT) {
        m->s->row.how[reg] = m->s->initial.how[reg];
        m->s->row.value[reg] = m->s->initial.value[reg];
    }
}

/* A factored offset. */
static int64_t scaled(uint64_t factor, int64_t align)
{
    return (int64_t)(factor * (uint64_t)align);
}

/* Only an offset changes, from a register: not where the CFA is an expression, whose address it would replace. */
static bool set_cfa_offset(struct machine *m, int64_t offset)
{
    if (m->s->row.cfa_register == DWARF_COUNT)
        return false;
    m->s->row.cfa_value = offset;
    return true;
}

static void set_cfa(struct machine *m, uint64_t reg, int64_t value)
{
    m->s->row.cfa_register = (uint8_t)(reg < DWARF_COUNT ? reg : DWARF_COUNT + 1);
    m->s->row.cfa_value = value;
}

/* The position of an expression, which is then skipped. */
static int64_t expression(struct bytes *b)
{
    int64_t address = (int64_t)(uintptr_t)b->at;
    uint64_t size = bytes_uleb(b);
    bytes_part(b, size);
    return address;
}

/* Moves to a later place in the code. False if that is beyond the target: then the row is complete. */
static bool advance(struct machine *m, uint64_t distance)
{
    m->location += distance * m->cie->code_align;
    return m->location <= m->target;
}

/* Instructions that define where a register is; false = unknown instruction. */
static bool run_register(struct machine *m, uint8_t opcode, struct bytes *b)
{
    const int64_t align = m->cie->data_align;
    uint64_t reg = bytes_uleb(b);
    switch (opcode) {
    case 0x05: /* offset_extended */
        set(m, reg, CFI_AT_CFA, scaled(bytes_uleb(b), align));
        return true;
    case 0x06: /* restore_extended */
        restore(m, reg);
        return true;
    case 0x07: /* undefined */
        set(m, reg, CFI_UNDEFINED, 0);
        return true;
    case 0x08: /* same_value */
        set(m, reg, CFI_SAME, 0);
        return true;
    case 0x09: /* register */
        set(m, reg, CFI_REGISTER, (int64_t)bytes_uleb(b));
        return true;
    case 0x0c: /* def_cfa */
        set_cfa(m, reg, (int64_t)bytes_uleb(b));
        return true;
    case 0x0d: /* def_cfa_register */
        set_cfa(m, reg, m->s->row.cfa_value);
        return true;
    case 0x10: /* expression */
        set(m, reg, CFI_AT_EXPRESSION, expression(b));
        return true;
    case 0x11: /* offset_extended_sf */
        set(m, reg, CFI_AT_CFA, scaled((uint64_t)bytes_sleb(b), align));
        return true;
    case 0x12: /* def_cfa_sf */
        set_cfa(m, reg, scaled((uint64_t)bytes_sleb(b), align));
        return true;
    case 0x14: /* val_offset */
        set(m, reg, CFI_CFA, scaled(bytes_uleb(b), align));
        return true;
    case 0x15: /* val_offset_sf */
        set(m, reg, CFI_CFA, scaled((uint64_t)bytes_sleb(b), align));
        return true;
    case 0x16: /* val_expression */
        set(m, reg, CFI_IS_EXPRESSION, expression(b));
        return true;
    default:
        return false;
    }
}

/* Interprets one instruction. *done: the next row begins beyond the target. False = unknown instruction. */
static bool run_one(struct machine *m, struct bytes *b, bool *done)
{
    struct cfi_scratch *s = m->s;
    uint8_t opcode = (uint8_t)bytes_unsigned(b, 1);
    switch (opcode & 0xc0) {
    case 0x40: /* advance_loc */
        *done = !advance(m, opcode & 0x3f);
        return true;
    case 0x80: /* offset */
        set(m, opcode & 0x3f, CFI_AT_CFA, scaled(bytes_uleb(b), m->cie->data_align));
        return true;
    case 0xc0: /* restore */
        restore(m, opcode & 0x3f);
        return true;
    }
    switch (opcode) {
    case 0x00: /* nop */
        return true;
    case 0x01: /* set_loc */
        m->location = read_pointer(b, m->cie->pointer_encoding, 0);
        *done = m->location > m->target;
        return true;
    case 0x02: /* advance_loc1 */
        *done = !advance(m, bytes_unsigned(b, 1));
        return true;
    case 0x03: /* advance_loc2 */
        *done = !advance(m, bytes_unsigned(b, 2));
        return true;
    case 0x04: /* advance_loc4 */
        *done = !advance(m, bytes_unsigned(b, 4));
        return true;
    case 0x0a: /* remember_state */
        if (s->kept_count == CFI_ROWS_KEPT)
            return false;
        s->kept[s->kept_count++] = s->row;
        return true;
    case 0x0b: /* restore_state */
        if (s->kept_count == 0)
            return false;
        s->row = s->kept[--s->kept_count];
        return true;
    case 0x0e: /* def_cfa_offset */
        return set_cfa_offset(m, (int64_t)bytes_uleb(b));
    case 0x0f: /* def_cfa_expression */
        s->row.cfa_register = DWARF_COUNT;
        s->row.cfa_value = expression(b);
        return true;
    case 0x13: /* def_cfa_offset_sf */
        return set_cfa_offset(m, scaled((uint64_t)bytes_sleb(b), m->cie->data_align));
    case 0x2e: /* GNU_args_size */
        bytes_uleb(b);
        return true;
    default:
        return run_register(m, opcode, b);
    }
}

/* Interprets the instructions that apply up to the target. */
static bool run(struct machine *m, struct bytes program)
{
    bool done = false;
    while (program.at < program.end && !done)
        if (!run_one(m, &program, &done) || program.short_of)
            return false;
    return true;
}

/* Stores the row that applies at pc in scratch->row; false = there is none. */
static bool find_row(const struct cfi_section *section, uintptr_t pc, struct cfi_scratch *scratch,
                     bool *signal_frame)
{
    uintptr_t fde = section->index ? find_in_index(section, pc) : section->header ? find_fde(section, pc) : 0;
    if (!fde)
        return false;
    struct bytes b = entry_at(section, fde);
    uintptr_t place = (uintptr_t)b.at;
    uint64_t back = bytes_unsigned(&b, 4);
    struct cie cie;
    if (back == 0 || !parse_cie(entry_at(section, place - back), &cie))
        return false;
    uintptr_t start = read_pointer(&b, cie.pointer_encoding, 0);
    uint64_t size = read_pointer(&b, cie.pointer_encoding & 0x0f, 0);
    if (pc < start || pc - start >= size)
        return false;
    if (cie.has_augmentation) {
        uint64_t skip = bytes_uleb(&b);
        bytes_part(&b, skip);
    }
    if (b.short_of)
        return false;
    struct machine m = {.s = scratch, .cie = &cie, .location = start, .target = pc};
    memset(&scratch->row, 0, sizeof scratch->row);
    scratch->row.cfa_register = DWARF_COUNT + 1; /* nothing yet */
    scratch->initial = scratch->row;
    scratch->kept_count = 0;
    *signal_frame = cie.signal_frame;
    if (!run(&m, cie.program))
        return false;
    scratch->initial = scratch->row;
    return run(&m, b);
}

/* ---- the rule --------------------------------------------------------------------------------- */

/* True for the expression "breg reg, offset", followed by a dereference if deref: how realigned functions and
 * signal frames describe places. */
static bool is_based(int64_t address, uintptr_t end, unsigned reg, bool deref, int64_t *offset)
{
    struct bytes all = {(const uint8_t *)(uintptr_t)address, (const uint8_t *)end, false};
    uint64_t size = bytes_uleb(&all);
    struct bytes b = bytes_part(&all, size);
    if (bytes_unsigned(&b, 1) != 0x70 + reg)
        return false;
    *offset = bytes_sleb(&b);
    if (deref && bytes_unsigned(&b, 1) != 0x06)
        return false;
    return !b.short_of && b.at == b.end;
}

static bool fits(int64_t offset)
{
    return offset % 8 == 0 && offset / 8 <= RULE_CFA_MAX && offset / 8 >= -RULE_CFA_MAX;
}

/* True for a signal frame as the kernel writes it, with all registers at their usual places. */
static bool is_signal_frame(const struct cfi_row *row, uintptr_t end)
{
    static const struct {
        uint8_t reg, at;
    } saved[] = {{DWARF_RBX, 128}, {DWARF_RBP, 120}, {DWARF_PC, 168}};
    int64_t offset;
    if (row->cfa_register != DWARF_COUNT || !is_based(row->cfa_value, end, DWARF_RSP, true, &offset) ||
        offset != 160)
        return false;
    for (unsigned i = 0; i < sizeof saved / sizeof saved[0]; i++)
        if (row->how[saved[i].reg] != CFI_AT_EXPRESSION ||
            !is_based(row->value[saved[i].reg], end, DWARF_RSP, false, &offset) || offset != saved[i].at)
            return false;
    return true;
}

static uint32_t rule_of(const struct cfi_row *row, uintptr_t end)
{
    const uint32_t special = rule_special(SPECIAL_REGISTERS);
    int64_t offset, rbp = row->value[DWARF_RBP];
    if (row->how[DWARF_PC] == CFI_UNDEFINED)
        return rule_make(RULE_END, false, 0, 0);
    if (row->how[DWARF_PC] != CFI_AT_CFA || row->value[DWARF_PC] != -8 || row->how[DWARF_RSP] != CFI_SAME)
        return special;
    if (row->cfa_register == DWARF_COUNT)
        return is_based(row->cfa_value, end, DWARF_RBP, true, &offset) && fits(offset) &&
                       row->how[DWARF_RBP] == CFI_AT_EXPRESSION &&
                       is_based(rbp, end, DWARF_RBP, false, &rbp) && rbp == 0
                   ? rule_make(RULE_ALIGNED, true, (int)(offset / 8), 0)
                   : special;
    if ((row->cfa_register != DWARF_RBP && row->cfa_register != DWARF_RSP) || !fits(row->cfa_value))
        return special;
    bool rbp_base = row->cfa_register == DWARF_RBP;
    int words = (int)(row->cfa_value / 8);
    if (row->how[DWARF_RBP] == CFI_SAME)
        return rule_make(RULE_SIMPLE, rbp_base, words, 0);
    if (row->how[DWARF_RBP] != CFI_AT_CFA || rbp >= 0 || rbp % 8 || rbp / 8 < -(int64_t)RULE_RBP_MAX)
        return special;
    return rule_make(RULE_SIMPLE, rbp_base, words, (unsigned)(-rbp / 8));
}

uint32_t cfi_rule(const struct cfi_section *section, uintptr_t pc, struct cfi_scratch *scratch)
{
    bool signal_frame;
    if (!find_row(section, pc, scratch, &signal_frame))
        return rule_special(SPECIAL_UNKNOWN);
    if (signal_frame)
        return rule_special(is_signal_frame(&scratch->row, section->end) ? SPECIAL_SIGNAL
                                                                         : SPECIAL_REGISTERS);
    return rule_of(&scratch->row, section->end);
}

#define CALLEE_SAVED \
    (1u << DWARF_RBX | 1u << DWARF_RBP | 1u << DWARF_RSP | 1u << DWARF_PC | 0xfu << 12) /* and r12 to r15 */

/* ---- one step ----------------------------------------------------------------------------------- */

static enum cfi_result of_expression(enum expression_result result)
{
    return result == EXPRESSION_VALUE ? CFI_CALLER : result == EXPRESSION_NEEDS ? CFI_NEEDS : CFI_NOTHING;
}

static enum cfi_result find_cfa(const struct cfi_section *section, const struct cfi_row *row,
                                const struct registers *r, struct extent *stack, uint64_t *cfa)
{
    if (row->cfa_register == DWARF_COUNT)
        return of_expression(expression_run((uintptr_t)row->cfa_value, section->end, r, stack, NULL, cfa));
    if (row->cfa_register > DWARF_COUNT)
        return CFI_NOTHING;
    if (!registers_known(r, row->cfa_register))
        return CFI_NEEDS;
    *cfa = r->value[row->cfa_register] + (uint64_t)row->cfa_value;
    return CFI_CALLER;
}

static bool load(struct extent *stack, uint64_t address, uint64_t *value)
{
    if (!extent_holds(stack, address))
        return false;
    memcpy(value, (const void *)(uintptr_t)address, sizeof *value);
    return true;
}

/* Finds the caller's value of one register and stores it in next. */
static enum cfi_result find_register(const struct cfi_section *section, const struct cfi_row *row,
                                     unsigned number, const struct registers *r, struct extent *stack,
                                     uint64_t cfa, struct registers *next, uintptr_t *slot)
{
    uint64_t value = 0, address = cfa + (uint64_t)row->value[number];
    enum cfi_result result = CFI_CALLER;
    switch ((enum cfi_how)row->how[number]) {
    case CFI_SAME:
        if (!registers_known(r, number))
            return CFI_NEEDS;
        value = r->value[number];
        break;
    case CFI_UNDEFINED:
        return CFI_NEEDS;
    case CFI_CFA:
        value = address;
        break;
    case CFI_REGISTER: /* any number may stand there: none of more than 32 bits is cut to one that is known */
        if ((uint64_t)row->value[number] >= DWARF_COUNT || !registers_known(r, (unsigned)row->value[number]))
            return CFI_NEEDS;
        value = r->value[row->value[number]];
        break;
    case CFI_IS_EXPRESSION:
    case CFI_AT_EXPRESSION:
        result = of_expression(
            expression_run((uintptr_t)row->value[number], section->end, r, stack, &cfa, &address));
        if (result != CFI_CALLER)
            return result;
        value = address;
        if (row->how[number] == CFI_IS_EXPRESSION)
            break;
        __attribute__((fallthrough));
    case CFI_AT_CFA:
        if (!load(stack, address, &value))
            return CFI_NOTHING;
        *slot = address;
        break;
    }
    registers_set(next, number, value);
    return CFI_CALLER;
}

enum cfi_result cfi_step(const struct cfi_section *section, uintptr_t pc, struct cfi_scratch *scratch,
                         struct registers *r, struct extent *stack, uintptr_t *slot)
{
    bool signal_frame;
    uint64_t cfa;
    if (!find_row(section, pc, scratch, &signal_frame))
        return CFI_NOTHING;
    struct cfi_row *row = &scratch->row;
    if (row->how[DWARF_PC] == CFI_UNDEFINED)
        return CFI_END;
    if (row->how[DWARF_PC] == CFI_SAME)
        return CFI_NOTHING;
    enum cfi_result result = find_cfa(section, row, r, stack, &cfa);
    if (result != CFI_CALLER)
        return result;
    if (row->how[DWARF_RSP] == CFI_SAME) {
        row->how[DWARF_RSP] = CFI_CFA;
        row->value[DWARF_RSP] = 0;
    }
    struct registers next = {.known = 0};
    uintptr_t ignored;
    for (unsigned i = 0; i < DWARF_COUNT; i++) {
        result = find_register(section, row, i, r, stack, cfa, &next, i == DWARF_PC ? slot : &ignored);
        if (result != CFI_CALLER && (i == DWARF_PC || i == DWARF_RSP))
            return result;
    }
    /* A function may change the other registers, so their values in its caller are lost. */
    if (!signal_frame)
        next.known &= CALLEE_SAVED;
    *r = next;
    return CFI_CALLER;
}
