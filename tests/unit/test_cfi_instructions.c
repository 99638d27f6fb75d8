/* test_cfi_instructions.c - what each instruction of call frame information comes to (DWARF 5, 6.4.2), and in which forms it may
 * be written (LSB, "Exception Frames"). Compilers use a few of them; what stands in a file may be anything.
 */
#include "cfi.h"
#include "rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* after the headers that it needs */
#include <cmocka.h>

/* ---- a function's description ---------------------------------------------------------------------- */

#define CODE 0x400000u /* where the function is, and how long */
#define CODE_SIZE 100u

/* The stack: rsp is words + 4. All other registers hold 1000 and their number. */
static uint64_t words[12];
#define WORD(n) ((uint64_t)(uintptr_t)(words + (n)))
#define SAVED(n) (500 + (n))
#define OWN(reg) (1000 + (reg))

bool extent_reach(struct extent *extent, uintptr_t address)
{
    (void)extent;
    (void)address;
    return false;
}

/* A CIE and an FDE. */
static struct {
    _Alignas(8) uint8_t bytes[512];
    unsigned size;
} made;

static struct cfi_place place;
static struct cfi_section section;
static struct cfi_scratch scratch;

static void put(const void *bytes, size_t size)
{
    memcpy(made.bytes + made.size, bytes, size);
    made.size += (unsigned)size;
}

static void put_number(uint64_t number, unsigned size)
{
    put(&number, size);
}

/* Begins an entry; the result is for end_entry(). */
static unsigned begin_entry(void)
{
    made.size += 4;
    return made.size;
}

static void end_entry(unsigned start)
{
    uint32_t length = made.size - start;
    memcpy(made.bytes + start - 4, &length, sizeof length);
}

struct cie {
    unsigned version;
    const char *augmentation;
    unsigned data_size; /* of what the letters have, after "z" */
    uint8_t data[16];
    unsigned ra_register;
    unsigned encoding; /* of the FDE's addresses: DW_EH_PE_... */
};
static const struct cie usual = {1, "zR", 1, {0}, 16, 0};

static void put_cie(const struct cie *cie)
{
    /* def_cfa rsp 8; offset return address 1; offset r13 4 */
    static const uint8_t program[] = {0x0c, 7, 8, 0x90, 1, 0x8d, 4};
    unsigned start = begin_entry();
    put_number(0, 4);
    put_number(cie->version, 1);
    put(cie->augmentation, strlen(cie->augmentation) + 1);
    if (cie->version == 4)
        put("\x08", 2);
    put("\x04\x78", 2); /* code is in units of 4, data of -8 */
    put_number(cie->ra_register, 1);
    if (cie->augmentation[0] == 'z') {
        put_number(cie->data_size, 1);
        put(cie->data, cie->data_size);
    }
    put(program, sizeof program);
    end_entry(start);
}

static void put_pointer(uint64_t value, unsigned encoding)
{
    static const uint8_t sizes[16] = {[0] = 8, [2] = 2, [3] = 4, [4] = 8, [10] = 2, [11] = 4, [12] = 8};
    if (encoding & 0x10) /* relative to its place */
        value -= (uintptr_t)(made.bytes + made.size);
    if (sizes[encoding & 0xf]) {
        put_number(value, sizes[encoding & 0xf]);
        return;
    }
    for (unsigned n = 0; n < 9; n++) /* LEB128, padded */
        put_number((value >> 7 * n & 0x7f) | 0x80, 1);
    put_number((encoding & 0xf) == 9 ? value >> 63 & 0x7f : value >> 63, 1);
}

static void describe(const struct cie *cie, const uint8_t *program, unsigned length)
{
    made.size = 0;
    put_cie(cie);
    unsigned fde = made.size, start = begin_entry();
    put_number(made.size, 4); /* back to the CIE, which is at 0 */
    put_pointer(CODE, cie->encoding);
    put_pointer(CODE_SIZE, cie->encoding & 0xf);
    if (cie->augmentation[0] == 'z')
        put_number(0, 1);
    put(program, length);
    end_entry(start);
    place = (struct cfi_place){CODE, (uintptr_t)(made.bytes + fde)};
    section = (struct cfi_section){.start = (uintptr_t)made.bytes,
                                   .end = (uintptr_t)(made.bytes + made.size),
                                   .index = &place,
                                   .count = 1};
}

static struct registers frame(void)
{
    struct registers r = {.known = (1u << DWARF_COUNT) - 1};
    for (unsigned i = 0; i < DWARF_COUNT; i++)
        r.value[i] = i == DWARF_RSP ? WORD(4) : OWN(i);
    r.value[DWARF_RBP] = WORD(6);
    for (unsigned i = 0; i < 12; i++)
        words[i] = SAVED(i);
    return r;
}

static enum cfi_result step(unsigned at, struct registers *r, uintptr_t *slot)
{
    struct extent stack = {.low = WORD(0), .high = WORD(12)};
    return cfi_step(&section, CODE + at, &scratch, r, &stack, slot);
}

/* ---- instructions ---------------------------------------------------------------------------------- */

#define LOST UINT64_MAX /* the register's value is not known */

struct expected {
    const char *what;
    unsigned reg; /* whose value in the caller is this */
    uint64_t value;
    unsigned length;
    uint8_t code[40];
};
#define BYTES(...)                    \
    sizeof((uint8_t[]){__VA_ARGS__}), \
    {                                 \
        __VA_ARGS__                   \
    }
enum { RAX = 0, RBX = 3, RBP = 6, RSP = 7, R12 = 12, R13 = 13, RA = 16 };

/* Of every program, one more instruction follows: r12 is at CFA - 24. */
static void assert_instruction(const struct expected *e, uint64_t cfa)
{
    uint8_t code[48];
    uintptr_t slot = 0;
    struct registers r = frame();
    memcpy(code, e->code, e->length);
    memcpy(code + e->length, "\x8c\x03", 2);
    describe(&usual, code, e->length + 2);
    enum cfi_result result = step(50, &r, &slot);
    bool known = registers_known(&r, e->reg);
    if (result != CFI_CALLER || known != (e->value != LOST) || (known && r.value[e->reg] != e->value))
        fail_msg("%s: %d, %llx instead of %llx", e->what, result, (unsigned long long)r.value[e->reg],
                 (unsigned long long)e->value);
    uint64_t saved = *(const uint64_t *)(uintptr_t)(cfa - 24);
    if (!registers_known(&r, R12) || r.value[R12] != saved ||
        r.value[RA] != *(const uint64_t *)(uintptr_t)(cfa - 8) || slot != cfa - 8)
        fail_msg("%s: what comes after it", e->what);
}

static void of_registers(void **unused)
{
    (void)unused;
    const struct expected all[] = {
        {"nothing", RBX, OWN(RBX), 0, {0}},
        {"the frame", RSP, WORD(5), 0, {0}},
        {"what calls may change", RAX, LOST, 0, {0}},
        {"nop", RBX, OWN(RBX), BYTES(0)},
        {"offset", RBX, SAVED(3), BYTES(0x83, 2)},
        {"offset_extended", RBX, SAVED(3), BYTES(0x05, 3, 2)},
        {"offset_extended, long numbers", RBX, SAVED(3), BYTES(0x05, 0x83, 0x00, 0x82, 0x00)},
        {"offset_extended of no register", RBX, OWN(RBX), BYTES(0x05, 17, 2)},
        {"offset_extended_sf", RBX, SAVED(6), BYTES(0x11, 3, 0x7f)},
        {"the CIE's", R13, SAVED(1), 0, {0}},
        {"restore", R13, SAVED(1), BYTES(0x08, 13, 0xcd)},
        {"restore_extended", R13, SAVED(1), BYTES(0x08, 13, 0x06, 13)},
        {"restore to none", RBX, OWN(RBX), BYTES(0x83, 2, 0xc3)},
        {"restore_extended to none", RBX, OWN(RBX), BYTES(0x83, 2, 0x06, 3)},
        {"restore of no register", RBX, OWN(RBX), BYTES(0xff, 0x06, 17)},
        {"undefined", RBX, LOST, BYTES(0x07, 3)},
        {"same_value", R13, OWN(R13), BYTES(0x08, 13)},
        {"register", RBX, OWN(RAX), BYTES(0x09, 3, 0)},
        {"register, of which none is there", RBX, LOST, BYTES(0x09, 3, 17)},
        {"register 2^32", RBX, LOST, BYTES(0x09, 3, 0x80, 0x80, 0x80, 0x80, 0x10)},
        {"register 2^63 + 1", RBX, LOST,
         BYTES(0x09, 3, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01)},
        {"expression", RBX, SAVED(6), BYTES(0x10, 3, 2, 0x23, 8)},
        {"val_offset", RBX, WORD(3), BYTES(0x14, 3, 2)},
        {"val_offset_sf", RBX, WORD(6), BYTES(0x15, 3, 0x7f)},
        {"val_expression", RBX, WORD(6), BYTES(0x16, 3, 2, 0x23, 8)},
        {"GNU_args_size", RBX, OWN(RBX), BYTES(0x2e, 0x85, 0x00)},
        {"remember_state", RBX, SAVED(3), BYTES(0x83, 2, 0x0a)},
        {"restore_state", RBX, OWN(RBX), BYTES(0x0a, 0x83, 2, 0x0b)},
        {"restore_state twice", RBX, SAVED(3), BYTES(0x83, 2, 0x0a, 0x83, 3, 0x0a, 0x83, 1, 0x0b, 0x0b)},
        {"eight states", RBX, OWN(RBX), BYTES(0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x83, 2, 0x0b)},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        assert_instruction(&all[i], WORD(5));
}

static void of_the_frame(void **unused)
{
    (void)unused;
    const struct expected all[] = {
        {"def_cfa", RSP, WORD(6), BYTES(0x0c, 7, 16)},
        {"def_cfa, rbp", RSP, WORD(9), BYTES(0x0c, 6, 24)},
        {"def_cfa_register", RSP, WORD(7), BYTES(0x0d, 6)},
        {"def_cfa_offset", RSP, WORD(6), BYTES(0x0e, 16)},
        {"def_cfa_offset, and then def_cfa_register", RSP, WORD(8), BYTES(0x0e, 16, 0x0d, 6)},
        {"def_cfa_expression", RSP, WORD(7), BYTES(0x0f, 2, 0x77, 24)},
        {"def_cfa_sf", RSP, WORD(6), BYTES(0x12, 7, 0x7e)},
        {"def_cfa_offset_sf", RSP, WORD(6), BYTES(0x13, 0x7e)},
        {"its own rsp", RSP, OWN(RAX), BYTES(0x09, 7, 0)},
        {"val_offset", RSP, WORD(3), BYTES(0x14, 7, 2)},
    };
    const unsigned cfa[] = {6, 9, 7, 6, 8, 7, 6, 6, 5, 5};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        assert_instruction(&all[i], WORD(cfa[i]));
    static const uint8_t in_memory[] = {0x0f, 3, 0x77, 8, 0x06};
    uintptr_t slot;
    struct registers r = frame();
    words[5] = WORD(11);
    describe(&usual, in_memory, sizeof in_memory);
    assert_int_equal(step(50, &r, &slot), CFI_CALLER);
    assert_int_equal(r.value[RSP], WORD(11));
    assert_int_equal(slot, WORD(10));
}

/* An instruction counts from its place in the code on. */
static void rows(void **unused)
{
    (void)unused;
    static const struct {
        unsigned length;
        uint8_t code[16];
    } all[] = {
        {BYTES(0x42, 0x83, 2)},
        {BYTES(0x02, 2, 0x83, 2)},
        {BYTES(0x03, 2, 0, 0x83, 2)},
        {BYTES(0x04, 2, 0, 0, 0, 0x83, 2)},
        {BYTES(0x41, 0x41, 0x83, 2)},
        {BYTES(0x01, 8, 0, 0x40, 0, 0, 0, 0, 0, 0x83, 2)},
        {BYTES(0x42, 0x83, 2, 0x7f, 0x83, 3)},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        for (unsigned at = 0; at < 16; at++) {
            uintptr_t slot;
            struct registers r = frame();
            describe(&usual, all[i].code, all[i].length);
            assert_int_equal(step(at, &r, &slot), CFI_CALLER);
            assert_int_equal(r.value[RBX], at < 8 ? OWN(RBX) : SAVED(3));
        }
}

static void assert_refused(const char *what, enum cfi_result expected, unsigned length, const uint8_t *code)
{
    uintptr_t slot;
    struct registers r = frame();
    r.known &= ~(1u << R13);
    describe(&usual, code, length);
    enum cfi_result result = step(50, &r, &slot);
    if (result != expected)
        fail_msg("%s: %d instead of %d", what, result, expected);
}

static void broken(void **unused)
{
    (void)unused;
    static const struct {
        const char *what;
        enum cfi_result result;
        unsigned length;
        uint8_t code[16];
    } all[] = {
        {"an instruction that is none", CFI_NOTHING, BYTES(0x3f, 0)},
        {"another one", CFI_NOTHING, BYTES(0x2f, 3, 2)},
        {"offset that ends", CFI_NOTHING, BYTES(0x83)},
        {"register that ends", CFI_NOTHING, BYTES(0x05)},
        {"a number that ends", CFI_NOTHING, BYTES(0x0e, 0x80)},
        {"an expression that ends", CFI_NOTHING, BYTES(0x10, 3, 3, 0x23, 8)},
        {"advance_loc4 that ends", CFI_NOTHING, BYTES(0x04, 1, 0, 0)},
        {"restore_state of none", CFI_NOTHING, BYTES(0x0b)},
        {"nine states", CFI_NOTHING, BYTES(0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a)},
        {"an offset to an expression", CFI_NOTHING, BYTES(0x0f, 2, 0x77, 24, 0x0e, 16)},
        {"an offset to an expression, signed", CFI_NOTHING, BYTES(0x0f, 2, 0x77, 24, 0x13, 0x7e)},
        {"a frame by no register", CFI_NOTHING, BYTES(0x0c, 17, 8)},
        {"a frame by a far register", CFI_NOTHING, BYTES(0x0c, 0x86, 0x02, 8)}, /* 262 */
        {"a frame by an unknown register", CFI_NEEDS, BYTES(0x0c, 13, 8)},
        {"a frame by an expression of one", CFI_NEEDS, BYTES(0x0f, 2, 0x7d, 0)},
        {"a frame by a broken expression", CFI_NOTHING, BYTES(0x0f, 1, 0x22)},
        {"the outermost", CFI_END, BYTES(0x07, 16)},
        {"the return address is where it was", CFI_NOTHING, BYTES(0x08, 16)},
        {"the return address is not on the stack", CFI_NOTHING, BYTES(0x90, 6)},
        {"the return address is in an unknown register", CFI_NEEDS, BYTES(0x09, 16, 13)},
        {"rsp is not known", CFI_NEEDS, BYTES(0x07, 7)},
        {"rsp is not on the stack", CFI_NOTHING, BYTES(0x87, 6)},
        {"rbx is not on the stack", CFI_CALLER, BYTES(0x83, 6)},
        {"rbx is in an unknown register", CFI_CALLER, BYTES(0x09, 3, 13)},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        assert_refused(all[i].what, all[i].result, all[i].length, all[i].code);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) /* not if they count for what comes later */
        if (all[i].result == CFI_NOTHING) {
            uint8_t code[20] = {0x7f};
            memcpy(code + 1, all[i].code, all[i].length);
            assert_refused(all[i].what, CFI_CALLER, all[i].length + 1, code);
        }
}

/* ---- how they are written -------------------------------------------------------------------------- */

static bool is_read(const struct cie *cie)
{
    static const uint8_t code[] = {0x83, 2};
    uintptr_t slot;
    struct registers r = frame();
    describe(cie, code, sizeof code);
    enum cfi_result result = step(50, &r, &slot);
    if (result == CFI_CALLER)
        assert_int_equal(r.value[RBX], SAVED(3));
    else
        assert_int_equal(result, CFI_NOTHING);
    return result == CFI_CALLER;
}

static void forms(void **unused)
{
    (void)unused;
    static const struct cie good[] = {
        {1, "", 0, {0}, 16, 0},
        {3, "", 0, {0}, 16, 0},
        {4, "", 0, {0}, 16, 0},
        {4, "zR", 1, {0}, 16, 0},
        {1, "zR", 1, {0x03}, 16, 0x03},
        {1, "zR", 1, {0x04}, 16, 0x04},
        {1, "zR", 1, {0x0b}, 16, 0x0b},
        {1, "zR", 1, {0x0c}, 16, 0x0c},
        {1, "zR", 1, {0x01}, 16, 0x01},
        {1, "zR", 1, {0x09}, 16, 0x09},
        {1, "zR", 1, {0x10}, 16, 0x10},
        {1, "zR", 1, {0x1c}, 16, 0x1c},
        {1, "zR", 3, {0, 1, 2}, 16, 0}, /* more than its letters need */
        {1, "z", 0, {0}, 16, 0},
        {1, "zRB", 1, {0}, 16, 0},
        {1, "zLR", 2, {0x1b, 0}, 16, 0},
        {1, "zPLR", 11, {0, 1, 2, 3, 4, 5, 6, 7, 8, 0x1b, 0x00}, 16, 0},
        {1, "zPR", 6, {0x1b, 1, 2, 3, 4, 0x00}, 16, 0},
        {1, "zPR", 4, {0x0a, 1, 2, 0x00}, 16, 0},
        {1, "zPR", 2, {0xff, 0x00}, 16, 0},
    };
    static const struct cie bad[] = {
        {0, "zR", 1, {0}, 16, 0},     {2, "zR", 1, {0}, 16, 0}, {5, "zR", 1, {0}, 16, 0},
        {1, "zR", 1, {0}, 15, 0},     {1, "zX", 1, {0}, 16, 0}, {1, "R", 0, {0}, 16, 0},
        {1, "zPR", 2, {0, 0}, 16, 0}, {1, "zR", 0, {0}, 16, 0}, {1, "eh", 0, {0}, 16, 0},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!is_read(&good[i]))
            fail_msg("%u %s %x is not read", good[i].version, good[i].augmentation, good[i].encoding);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (is_read(&bad[i]))
            fail_msg("%u %s is read", bad[i].version, bad[i].augmentation);
}

/* In a signal's frame registers are those of what was interrupted, all of them. */
static void frames_of_signals(void **unused)
{
    (void)unused;
    static const struct cie signal = {1, "zRS", 1, {0}, 16, 0};
    uintptr_t slot;
    struct registers r = frame();
    describe(&signal, made.bytes, 0);
    assert_int_equal(step(50, &r, &slot), CFI_CALLER);
    assert_true(registers_known(&r, RAX) && r.value[RAX] == OWN(RAX));
    assert_int_equal(cfi_rule(&section, CODE, &scratch), rule_special(SPECIAL_REGISTERS));
}

/* Nothing of one description is left for the next one. */
static void one_after_another(void **unused)
{
    (void)unused;
    uintptr_t slot;
    struct registers r = frame();
    describe(&usual, made.bytes, 0);
    assert_int_equal(step(50, &r, &slot), CFI_CALLER);
    assert_int_equal(r.value[R13], SAVED(1));
    for (uint8_t *at = made.bytes; at < made.bytes + made.size; at++)
        if (at[0] == 0x8d && at[1] == 4) { /* where r13 was saved, it is restored now: to nothing */
            at[0] = 0xcd;
            at[1] = 0;
        }
    r = frame();
    assert_int_equal(step(50, &r, &slot), CFI_CALLER);
    assert_int_equal(r.value[R13], OWN(R13));
}

/* The description that begins last before an address, if it reaches so far. */
static void descriptions(void **unused)
{
    (void)unused;
    uintptr_t slot;
    struct registers r = frame();
    describe(&usual, made.bytes, 0);
    const struct cfi_place places[] = {
        {CODE - 50, place.fde + 4}, {CODE, place.fde}, {CODE + 60, place.fde}, {CODE + 90, place.fde + 4}};
    section.index = places;
    for (section.count = 2; section.count <= 4; section.count++)
        for (unsigned at = 0; at < 60; at++)
            assert_int_equal((r = frame(), step(at, &r, &slot)), CFI_CALLER);
    section.count = 3;
    assert_int_equal((r = frame(), step(99, &r, &slot)), CFI_CALLER);
    assert_int_equal((r = frame(), step(100, &r, &slot)), CFI_NOTHING);
    assert_int_equal((r = frame(), step(-51u, &r, &slot)), CFI_NOTHING);
    section.count = 1;
    assert_int_equal((r = frame(), step(0, &r, &slot)), CFI_NOTHING);
    section.count = 0;
    assert_int_equal((r = frame(), step(0, &r, &slot)), CFI_NOTHING);
}

/* ---- rules ------------------------------------------------------------------------------------------ */

static void assert_rule(uint32_t expected, unsigned length, const uint8_t *code)
{
    describe(&usual, code, length);
    assert_int_equal(cfi_rule(&section, CODE + 50, &scratch), expected);
}
#define RULE(expected, ...) \
    assert_rule(expected, sizeof((uint8_t[]){__VA_ARGS__}), (const uint8_t[]){__VA_ARGS__})

static void rules(void **unused)
{
    (void)unused;
    const uint32_t special = rule_special(SPECIAL_REGISTERS);
    RULE(rule_make(RULE_SIMPLE, false, 1, 0), 0);
    RULE(rule_make(RULE_SIMPLE, false, 2, 2), 0x0e, 16, 0x86, 2);
    RULE(rule_make(RULE_SIMPLE, true, 2, 2), 0x0c, 6, 16, 0x86, 2);
    RULE(rule_make(RULE_SIMPLE, false, 1, 0), 0x83, 2); /* rbx does not matter */
    RULE(rule_make(RULE_END, false, 0, 0), 0x07, 16);
    RULE(special, 0x0e, 12);    /* not in words */
    RULE(special, 0x0c, 3, 16); /* from rbx */
    RULE(special, 0x90, 2);     /* the return address is elsewhere */
    RULE(special, 0x14, 16, 1); /* or not in memory */
    RULE(special, 0x87, 2);     /* rsp is saved */
    RULE(special, 0x07, 6);     /* rbp is lost */
    RULE(special, 0x14, 6, 2);
    RULE(special, 0x86, 0);          /* at the CFA: not below it */
    RULE(special, 0x11, 6, 0x7f);    /* above it */
    RULE(special, 0x10, 6, 1, 0x96); /* by an expression */
    RULE(rule_make(RULE_SIMPLE, false, RULE_CFA_MAX, 0), 0x0e, 0xf8, 0xff, 0x03); /* 8 * 8191 */
    RULE(special, 0x0e, 0x80, 0x80, 0x04);
    RULE(rule_make(RULE_SIMPLE, false, -RULE_CFA_MAX, 0), 0x13, 0xff, 0x3f);
    RULE(special, 0x13, 0x80, 0xc0, 0x00);
    RULE(rule_make(RULE_SIMPLE, false, 1, RULE_RBP_MAX), 0x86, 0xff, 0x7f);
    RULE(special, 0x86, 0x80, 0x80, 0x01);
    /* A function that aligns its stack: the CFA is at rbp - 8, and the caller's rbp at rbp. */
    RULE(rule_make(RULE_ALIGNED, true, -1, 0), 0x0f, 3, 0x76, 0x78, 0x06, 0x10, 6, 2, 0x76, 0);
    RULE(special, 0x0f, 3, 0x77, 0x78, 0x06, 0x10, 6, 2, 0x76, 0); /* by rsp */
    RULE(special, 0x0f, 2, 0x76, 0x78, 0x10, 6, 2, 0x76, 0);       /* not in memory */
    RULE(special, 0x0f, 4, 0x76, 0x78, 0x06, 0x96, 0x10, 6, 2, 0x76, 0);
    RULE(special, 0x0f, 3, 0x76, 0x7c, 0x06, 0x10, 6, 2, 0x76, 0); /* rbp - 4 */
    RULE(special, 0x0f, 3, 0x76, 0x78, 0x06, 0x10, 6, 2, 0x76, 8);
    RULE(special, 0x0f, 3, 0x76, 0x78, 0x06, 0x86, 2);
    describe(&usual, made.bytes, 0);
    assert_int_equal(cfi_rule(&section, CODE + CODE_SIZE, &scratch), rule_special(SPECIAL_UNKNOWN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_registers),
        cmocka_unit_test(of_the_frame),
        cmocka_unit_test(rows),
        cmocka_unit_test(broken),
        cmocka_unit_test(forms),
        cmocka_unit_test(frames_of_signals),
        cmocka_unit_test(one_after_another),
        cmocka_unit_test(descriptions),
        cmocka_unit_test(rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
