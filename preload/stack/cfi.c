/* cfi.c - see cfi.h. */
#include "cfi.h"
#include "rule.h"
#include "../guest.h"

#include <string.h>

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

/* DWARF numbers of the registers that matter. */
enum { REG_RBP = 6, REG_RSP = 7, REG_RA = 16 };

enum how {
    HOW_SAME = 0,
    HOW_UNDEFINED,
    HOW_OFFSET, /* saved at CFA + value */
    HOW_AT_RBP, /* saved at *(rbp + value), by an expression */
    HOW_OTHER,
};

struct saved {
    enum how how;
    int64_t value;
};

/* One row of the table that the program of a FDE describes. */
struct row {
    int cfa_register; /* -1: CFA is something else */
    bool cfa_deref;   /* CFA = *(register + offset) */
    int64_t cfa_offset;
    struct saved rbp, ra;
};

struct cie {
    const uint8_t *program, *end; /* initial instructions */
    uint64_t code_align;
    int64_t data_align;
    uint64_t ra_register;
    uint8_t pointer_encoding;
    bool has_augmentation, signal_frame;
};

#define ROWS_KEPT 8 /* depth of DW_CFA_remember_state; compilers use 1 or 2 */

struct machine {
    struct row row, initial;
    struct row kept[ROWS_KEPT];
    unsigned kept_count;
    const struct cie *cie;
    uintptr_t location, target;
};

static uint64_t read_uleb(const uint8_t **at)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = *(*at)++;
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
}

static int64_t read_sleb(const uint8_t **at)
{
    uint64_t value = 0;
    for (unsigned shift = 0;;) {
        uint8_t byte = *(*at)++;
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
        if (!(byte & 0x80)) {
            if (shift < 64 && byte & 0x40)
                value |= ~0ull << shift;
            return (int64_t)value;
        }
    }
}

#define READ_FIXED(type, at)                   \
    ({                                         \
        type fixed_;                           \
        memcpy(&fixed_, *(at), sizeof fixed_); \
        *(at) += sizeof fixed_;                \
        fixed_;                                \
    })

/* A pointer in the given encoding; data_base is what DATAREL is relative to. */
static uint64_t read_pointer(const uint8_t **at, uint8_t encoding, uintptr_t data_base)
{
    if (encoding == PE_OMIT)
        return 0;
    uintptr_t place = (uintptr_t)*at;
    uint64_t value;
    switch (encoding & 0x0f) {
    case PE_ULEB128:
        value = read_uleb(at);
        break;
    case PE_SLEB128:
        value = (uint64_t)read_sleb(at);
        break;
    case PE_UDATA2:
        value = READ_FIXED(uint16_t, at);
        break;
    case PE_SDATA2:
        value = (uint64_t)(int64_t)READ_FIXED(int16_t, at);
        break;
    case PE_UDATA4:
        value = READ_FIXED(uint32_t, at);
        break;
    case PE_SDATA4:
        value = (uint64_t)(int64_t)READ_FIXED(int32_t, at);
        break;
    default:
        value = READ_FIXED(uint64_t, at);
        break;
    }
    if (value == 0)
        return 0;
    if ((encoding & 0x70) == PE_PCREL)
        value += place;
    else if ((encoding & 0x70) == PE_DATAREL)
        value += data_base;
    if (encoding & PE_INDIRECT)
        memcpy(&value, (const void *)(uintptr_t)value, sizeof value);
    return value;
}

/* ---- finding the description of a function ---------------------------------------------------- */

/* The FDE whose range may hold pc, by the header's sorted table; NULL if there is none. */
static const uint8_t *find_fde(uintptr_t header, uintptr_t pc)
{
    const uint8_t *at = (const uint8_t *)header;
    if (at[0] != 1)
        return NULL;
    uint8_t frame_encoding = at[1], count_encoding = at[2], table_encoding = at[3];
    if (count_encoding == PE_OMIT || table_encoding != (PE_DATAREL | PE_SDATA4))
        return NULL;
    at += 4;
    read_pointer(&at, frame_encoding, header);
    size_t count = (size_t)read_pointer(&at, count_encoding, header);
    const struct entry {
        int32_t start, fde;
    } *table = (const void *)at;
    int64_t offset = (int64_t)(pc - header);
    if (count == 0 || offset < table[0].start)
        return NULL;
    size_t low = 0, high = count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (table[middle].start <= offset)
            low = middle;
        else
            high = middle;
    }
    return (const uint8_t *)(header + (uintptr_t)(intptr_t)table[low].fde);
}

/* Steps over an entry's length; its end, or NULL for what is too short or of the 64-bit format (which nobody
 * writes into .eh_frame). */
static const uint8_t *entry_end(const uint8_t **at)
{
    uint32_t length = READ_FIXED(uint32_t, at);
    if (length < 8 || length == 0xffffffffu)
        return NULL;
    return *at + length;
}

static bool parse_cie(const uint8_t *at, struct cie *cie)
{
    memset(cie, 0, sizeof *cie);
    cie->end = entry_end(&at);
    if (!cie->end || READ_FIXED(uint32_t, &at) != 0)
        return false;
    uint8_t version = *at++;
    const char *augmentation = (const char *)at;
    at += strlen(augmentation) + 1;
    if (version != 1 && version != 3)
        return false;
    cie->code_align = read_uleb(&at);
    cie->data_align = read_sleb(&at);
    cie->ra_register = version == 1 ? *at++ : read_uleb(&at);
    if (augmentation[0] == '\0') {
        cie->program = at;
        return true;
    }
    if (augmentation[0] != 'z')
        return false;
    cie->has_augmentation = true;
    uint64_t size = read_uleb(&at);
    cie->program = at + size;
    for (const char *letter = augmentation + 1; *letter; letter++) {
        switch (*letter) {
        case 'R':
            cie->pointer_encoding = *at++;
            break;
        case 'L':
            at++;
            break;
        case 'P': {
            uint8_t encoding = *at++;
            read_pointer(&at, encoding & (uint8_t)~PE_INDIRECT, 0);
            break;
        }
        case 'S':
            cie->signal_frame = true;
            break;
        case 'B':
            break;
        default:
            return false;
        }
    }
    return true;
}

/* ---- running the program ---------------------------------------------------------------------- */

static struct saved *saved_of(struct row *row, uint64_t reg)
{
    return reg == REG_RBP ? &row->rbp : reg == REG_RA ? &row->ra : NULL;
}

static void set(struct row *row, uint64_t reg, enum how how, int64_t value)
{
    struct saved *saved = saved_of(row, reg);
    if (saved)
        *saved = (struct saved){how, value};
}

/* "breg6 n" (address rbp + n): how realigned functions say where rbp is; with deref, where the CFA is. */
static bool is_rbp_expression(const uint8_t *at, const uint8_t *end, bool deref, int64_t *offset)
{
    if (*at++ != 0x70 + REG_RBP)
        return false;
    *offset = read_sleb(&at);
    if (deref && *at++ != 0x06)
        return false;
    return at == end;
}

static void cfa_expression(struct row *row, const uint8_t *at, const uint8_t *end)
{
    int64_t offset;
    row->cfa_register = -1;
    if (is_rbp_expression(at, end, true, &offset)) {
        row->cfa_register = REG_RBP;
        row->cfa_offset = offset;
        row->cfa_deref = true;
    }
}

/* The instructions with an operand in their low six bits. */
static void run_packed(struct machine *m, uint8_t opcode, const uint8_t **at)
{
    uint64_t operand = opcode & 0x3f;
    struct saved *saved;
    switch (opcode & 0xc0) {
    case 0x40: /* DW_CFA_advance_loc */
        m->location += operand * m->cie->code_align;
        break;
    case 0x80: /* DW_CFA_offset */
        set(&m->row, operand, HOW_OFFSET, (int64_t)read_uleb(at) * m->cie->data_align);
        break;
    case 0xc0: /* DW_CFA_restore */
        saved = saved_of(&m->row, operand);
        if (saved)
            *saved = *saved_of(&m->initial, operand);
        break;
    }
}

/* One instruction; false for what this does not know. */
static bool run_one(struct machine *m, const uint8_t **at)
{
    uint8_t opcode = *(*at)++;
    if (opcode & 0xc0) {
        run_packed(m, opcode, at);
        return true;
    }
    struct row *row = &m->row;
    uint64_t reg, size;
    int64_t offset;
    switch (opcode) {
    case 0x00: /* nop */
        return true;
    case 0x01: /* set_loc */
        m->location = read_pointer(at, m->cie->pointer_encoding, 0);
        return true;
    case 0x02: /* advance_loc1 */
        m->location += READ_FIXED(uint8_t, at) * m->cie->code_align;
        return true;
    case 0x03: /* advance_loc2 */
        m->location += READ_FIXED(uint16_t, at) * m->cie->code_align;
        return true;
    case 0x04: /* advance_loc4 */
        m->location += READ_FIXED(uint32_t, at) * m->cie->code_align;
        return true;
    case 0x05: /* offset_extended */
        reg = read_uleb(at);
        set(row, reg, HOW_OFFSET, (int64_t)read_uleb(at) * m->cie->data_align);
        return true;
    case 0x11: /* offset_extended_sf */
        reg = read_uleb(at);
        set(row, reg, HOW_OFFSET, read_sleb(at) * m->cie->data_align);
        return true;
    case 0x06: /* restore_extended */
        reg = read_uleb(at);
        if (saved_of(row, reg))
            *saved_of(row, reg) = *saved_of(&m->initial, reg);
        return true;
    case 0x07: /* undefined */
        set(row, read_uleb(at), HOW_UNDEFINED, 0);
        return true;
    case 0x08: /* same_value */
        set(row, read_uleb(at), HOW_SAME, 0);
        return true;
    case 0x09: /* register */
        set(row, read_uleb(at), HOW_OTHER, 0);
        read_uleb(at);
        return true;
    case 0x0a: /* remember_state */
        if (m->kept_count == ROWS_KEPT)
            return false;
        m->kept[m->kept_count++] = *row;
        return true;
    case 0x0b: /* restore_state */
        if (m->kept_count == 0)
            return false;
        *row = m->kept[--m->kept_count];
        return true;
    case 0x0c: /* def_cfa */
    case 0x12: /* def_cfa_sf */
        row->cfa_register = (int)read_uleb(at);
        row->cfa_offset = opcode == 0x0c ? (int64_t)read_uleb(at) : read_sleb(at) * m->cie->data_align;
        row->cfa_deref = false;
        return true;
    case 0x0d: /* def_cfa_register */
        row->cfa_register = (int)read_uleb(at);
        row->cfa_deref = false;
        return true;
    case 0x0e: /* def_cfa_offset */
        row->cfa_offset = (int64_t)read_uleb(at);
        return true;
    case 0x13: /* def_cfa_offset_sf */
        row->cfa_offset = read_sleb(at) * m->cie->data_align;
        return true;
    case 0x0f: /* def_cfa_expression */
        size = read_uleb(at);
        cfa_expression(row, *at, *at + size);
        *at += size;
        return true;
    case 0x10: /* expression */
    case 0x16: /* val_expression */
        reg = read_uleb(at);
        size = read_uleb(at);
        if (opcode == 0x10 && is_rbp_expression(*at, *at + size, false, &offset))
            set(row, reg, HOW_AT_RBP, offset);
        else
            set(row, reg, HOW_OTHER, 0);
        *at += size;
        return true;
    case 0x14: /* val_offset */
    case 0x15: /* val_offset_sf */
        set(row, read_uleb(at), HOW_OTHER, 0);
        read_uleb(at);
        return true;
    case 0x2e: /* GNU_args_size */
        read_uleb(at);
        return true;
    default:
        return false;
    }
}

/* Runs instructions as long as they describe places up to the target. */
static bool run(struct machine *m, const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        struct row before = m->row;
        if (!run_one(m, &at))
            return false;
        if (m->location > m->target) {
            m->row = before;
            return true;
        }
    }
    return true;
}

/* ---- the rule --------------------------------------------------------------------------------- */

static uint32_t rule_of(const struct row *row)
{
    const uint32_t slow = rule_make(RULE_SLOW, false, 0, 0);
    if (row->ra.how == HOW_UNDEFINED)
        return rule_make(RULE_END, false, 0, 0);
    if (row->ra.how != HOW_OFFSET || row->ra.value != -8)
        return slow;
    if (row->cfa_register != REG_RBP && row->cfa_register != REG_RSP)
        return slow;
    int64_t words = row->cfa_offset / 8;
    if (row->cfa_offset % 8 || words > RULE_CFA_MAX || words < -RULE_CFA_MAX)
        return slow;
    bool rbp_base = row->cfa_register == REG_RBP;
    if (row->cfa_deref)
        return row->rbp.how == HOW_AT_RBP && row->rbp.value == 0
                   ? rule_make(RULE_ALIGNED, true, (int)words, 0)
                   : slow;
    if (row->rbp.how == HOW_SAME)
        return rule_make(RULE_SIMPLE, rbp_base, (int)words, 0);
    if (row->rbp.how != HOW_OFFSET || row->rbp.value >= 0 || row->rbp.value % 8 ||
        -row->rbp.value / 8 > RULE_RBP_MAX)
        return slow;
    return rule_make(RULE_SIMPLE, rbp_base, (int)words, (unsigned)(-row->rbp.value / 8));
}

uint32_t cfi_rule(uintptr_t eh_frame_hdr, uintptr_t pc)
{
    const uint32_t slow = rule_make(RULE_SLOW, false, 0, 0);
    const uint8_t *at = eh_frame_hdr ? find_fde(eh_frame_hdr, pc) : NULL;
    if (!at)
        return slow;
    const uint8_t *end = entry_end(&at);
    if (!end)
        return slow;
    const uint8_t *place = at;
    uint32_t back = READ_FIXED(uint32_t, &at);
    struct cie cie;
    if (back == 0 || !parse_cie(place - back, &cie) || cie.signal_frame || cie.ra_register != REG_RA)
        return slow;
    uintptr_t start = read_pointer(&at, cie.pointer_encoding, 0);
    uint64_t size = read_pointer(&at, cie.pointer_encoding & 0x0f, 0);
    if (pc < start || pc - start >= size)
        return slow;
    if (cie.has_augmentation) {
        uint64_t skip = read_uleb(&at);
        at += skip;
    }
    struct machine m = {.cie = &cie, .location = start, .target = pc};
    m.row.cfa_register = -1;
    if (!run(&m, cie.program, cie.end))
        return slow;
    m.initial = m.row;
    if (!run(&m, at, end))
        return slow;
    return rule_of(&m.row);
}
