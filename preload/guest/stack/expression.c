/* expression.c - see expression.h. */
#include "expression.h"
#include "bytes.h"

#define STACK 16u /* values; glibc's and the linker's expressions need 3 */
#define STEPS 256 /* operations; limited, as an expression may jump backwards */

struct state {
    struct bytes code;
    const uint8_t *start;
    uint64_t value[STACK];
    unsigned count;
    enum expression_result result; /* EXPRESSION_VALUE unless something went wrong */
};

static void push(struct state *s, uint64_t value)
{
    if (s->count == STACK)
        s->result = EXPRESSION_NOTHING;
    else
        s->value[s->count++] = value;
}

static uint64_t pop(struct state *s)
{
    if (s->count == 0) {
        s->result = EXPRESSION_NOTHING;
        return 0;
    }
    return s->value[--s->count];
}

/* The value at this depth of the stack, 0 = the topmost. */
static uint64_t pick(struct state *s, uint64_t below)
{
    if (below >= s->count) {
        s->result = EXPRESSION_NOTHING;
        return 0;
    }
    return s->value[s->count - 1 - below];
}

static void push_register(struct state *s, const struct registers *r, uint64_t number, int64_t offset)
{
    if (number >= DWARF_COUNT)
        s->result = EXPRESSION_NOTHING;
    else if (!registers_known(r, (unsigned)number))
        s->result = EXPRESSION_NEEDS;
    else
        push(s, r->value[number] + (uint64_t)offset);
}

static void dereference(struct state *s, struct extent *stack, unsigned size)
{
    uint64_t address = pop(s), value = 0;
    if (size == 0 || size > 8 || !extent_holds(stack, address))
        s->result = EXPRESSION_NOTHING;
    else
        memcpy(&value, (const void *)(uintptr_t)address, size);
    push(s, value);
}

static void jump(struct state *s, bool really)
{
    int64_t distance = bytes_signed(&s->code, 2);
    if (!really)
        return;
    if (distance < s->start - s->code.at || distance > s->code.end - s->code.at)
        s->result = EXPRESSION_NOTHING;
    else
        s->code.at += distance;
}

/* Operations on the two topmost values; false if the operation is none of them. */
static bool binary(struct state *s, uint8_t operation)
{
    if (!((operation >= 0x1a && operation <= 0x1e && operation != 0x1b) ||
          (operation >= 0x21 && operation <= 0x27 && operation != 0x23) ||
          (operation >= 0x29 && operation <= 0x2e)))
        return false;
    uint64_t b = pop(s), a = pop(s);
    switch (operation) {
    case 0x1a: /* and */
        push(s, a & b);
        break;
    case 0x1c: /* minus */
        push(s, a - b);
        break;
    case 0x1d: /* mod */
        push(s, b ? a % b : 0);
        break;
    case 0x1e: /* mul */
        push(s, a * b);
        break;
    case 0x21: /* or */
        push(s, a | b);
        break;
    case 0x22: /* plus */
        push(s, a + b);
        break;
    case 0x24: /* shl */
        push(s, b < 64 ? a << b : 0);
        break;
    case 0x25: /* shr */
        push(s, b < 64 ? a >> b : 0);
        break;
    case 0x26: /* shra */
        push(s, (uint64_t)((int64_t)a >> (b < 64 ? b : 63)));
        break;
    case 0x27: /* xor */
        push(s, a ^ b);
        break;
    case 0x29: /* eq */
        push(s, a == b);
        break;
    case 0x2a: /* ge */
        push(s, (int64_t)a >= (int64_t)b);
        break;
    case 0x2b: /* gt */
        push(s, (int64_t)a > (int64_t)b);
        break;
    case 0x2c: /* le */
        push(s, (int64_t)a <= (int64_t)b);
        break;
    case 0x2d: /* lt */
        push(s, (int64_t)a < (int64_t)b);
        break;
    case 0x2e: /* ne */
        push(s, a != b);
        break;
    }
    return true;
}

/* Operations that bring a constant, or move values about; false if it is none. */
static bool simple(struct state *s, uint8_t operation)
{
    uint64_t a, b, c;
    if (operation >= 0x30 && operation <= 0x4f) { /* lit0 ... lit31 */
        push(s, operation - 0x30u);
        return true;
    }
    if (operation >= 0x08 && operation <= 0x0f) { /* const1u, const1s ... const8s */
        unsigned size = 1u << (operation - 0x08) / 2;
        push(s, operation & 1 ? (uint64_t)bytes_signed(&s->code, size) : bytes_unsigned(&s->code, size));
        return true;
    }
    switch (operation) {
    case 0x03: /* addr */
        push(s, bytes_unsigned(&s->code, 8));
        return true;
    case 0x10: /* constu */
        push(s, bytes_uleb(&s->code));
        return true;
    case 0x11: /* consts */
        push(s, (uint64_t)bytes_sleb(&s->code));
        return true;
    case 0x12: /* dup */
        push(s, pick(s, 0));
        return true;
    case 0x13: /* drop */
        pop(s);
        return true;
    case 0x14: /* over */
        push(s, pick(s, 1));
        return true;
    case 0x15: /* pick */
        push(s, pick(s, bytes_unsigned(&s->code, 1)));
        return true;
    case 0x16: /* swap */
        b = pop(s), a = pop(s);
        push(s, b);
        push(s, a);
        return true;
    case 0x17: /* rot */
        c = pop(s), b = pop(s), a = pop(s);
        push(s, c);
        push(s, a);
        push(s, b);
        return true;
    case 0x19: /* abs */
        a = pop(s);
        push(s, (int64_t)a < 0 ? 0 - a : a);
        return true;
    case 0x1f: /* neg */
        push(s, 0 - pop(s));
        return true;
    case 0x20: /* not */
        push(s, ~pop(s));
        return true;
    case 0x23: /* plus_uconst */
        push(s, pop(s) + bytes_uleb(&s->code));
        return true;
    case 0x96: /* nop */
        return true;
    default:
        return false;
    }
}

static void run_one(struct state *s, const struct registers *r, struct extent *stack)
{
    uint8_t operation = (uint8_t)bytes_unsigned(&s->code, 1);
    if (operation >= 0x70 && operation <= 0x8f) /* breg0 ... breg31 */
        push_register(s, r, operation - 0x70u, bytes_sleb(&s->code));
    else if (operation == 0x92) { /* bregx */
        uint64_t number = bytes_uleb(&s->code);
        push_register(s, r, number, bytes_sleb(&s->code));
    } else if (operation == 0x06) /* deref */
        dereference(s, stack, 8);
    else if (operation == 0x94) /* deref_size */
        dereference(s, stack, (unsigned)bytes_unsigned(&s->code, 1));
    else if (operation == 0x2f) /* skip */
        jump(s, true);
    else if (operation == 0x28) /* bra */
        jump(s, pop(s) != 0);
    else if (!binary(s, operation) && !simple(s, operation))
        s->result = EXPRESSION_NOTHING;
}

enum expression_result expression_run(uintptr_t address, uintptr_t end, const struct registers *r,
                                      struct extent *stack, const uint64_t *first, uint64_t *value)
{
    struct bytes all = {(const uint8_t *)address, (const uint8_t *)end, false};
    uint64_t size = bytes_uleb(&all);
    struct state s = {.code = bytes_part(&all, size), .result = EXPRESSION_VALUE};
    s.start = s.code.at;
    if (all.short_of)
        return EXPRESSION_NOTHING;
    if (first)
        push(&s, *first);
    for (int step = 0; s.code.at < s.code.end && s.result == EXPRESSION_VALUE; step++) {
        if (step == STEPS)
            return EXPRESSION_NOTHING;
        run_one(&s, r, stack);
    }
    if (s.code.short_of)
        return EXPRESSION_NOTHING;
    if (s.result == EXPRESSION_VALUE) /* else what is missing would be a value, where it is a register */
        *value = pop(&s);
    return s.result;
}
