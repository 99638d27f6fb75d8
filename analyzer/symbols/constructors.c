/* constructors.c - see constructors.h.
 *
 * A compiler gives the calls of one new-expression one line: that of operator new, and that of the constructor, inlined or
 * not. The line may have more than that, so the constructor's object must have the block's size, and be seen to be what
 * operator new has returned: where the constructor begins, "this" is in RAX, or in a register that RAX was copied to. Two
 * classes that are left are none. A class that consists of one member is taken for it if only the member has a constructor.
 *
 * clang 22 and later says of a call of operator new what it is for (DW_AT_LLVM_alloc_type, an extension of DWARF that is proposed
 * for version 6), also where no constructor is called.
 */
#include "constructors.h"
#include "dies.h"
#include "symbols.h"
#include "type_names.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

enum {
    REFERENCES_MAX = 8,    /* from one DIE to the next */
    BLOCKS_MAX = 64,       /* of lexical blocks in each other */
    CHILDREN_MAX = 100000, /* that are looked at; files may be corrupt */
    CODE_MOST = 96,        /* bytes that are looked at */
    CALL = 0xe8,           /* instructions of x86-64 */
    INDIRECT = 0xff,
    CALL_SIZE = 5,
    ALLOC_TYPE = 0x3e0e, /* DW_AT_LLVM_alloc_type */
    RAX = 0,             /* numbers of registers in DWARF */
    RDI = 5,
};

struct search {
    const struct new_call *call;
    const char *told;  /* by the call of operator new itself, interned; NULL = it does not say so */
    const char *class; /* interned; NULL = none so far */
    int is_ambiguous;
    unsigned left; /* of CHILDREN_MAX */
};

/* ---- names --------------------------------------------------------------------------------------- */

/* The last "::" outside all brackets, and the one before it or the start. */
static const char *last_scope(const char *text, const char **before)
{
    const char *last = NULL;
    int depth = 0;
    *before = text;
    for (const char *c = text; *c; c++)
        if (strchr("<([{", *c))
            depth++;
        else if (strchr(">)]}", *c))
            depth--;
        else if (depth == 0 && c[0] == ':' && c[1] == ':') {
            *before = last ? last + 2 : text;
            last = c++;
        }
    return last;
}

/* "app::Part<3>" for "app::Part<3>::Part(int)"; NULL = that is no constructor. */
static const char *class_of(struct strings *strings, const char *linkage_name)
{
    const char *before, *found = NULL;
    char *text = symbols_demangle(linkage_name);
    const char *last = text ? last_scope(text, &before) : NULL;
    if (last) {
        size_t length = strcspn(last + 2, "<([");
        if (length > 0 && strncmp(before, last + 2, length) == 0 && strchr("<[:", before[length]))
            found = strings_intern_bytes(strings, text, (size_t)(last - text));
    }
    free(text);
    return found;
}

static const char *linkage_name(Dwarf_Die *function)
{
    Dwarf_Attribute attribute;
    if (dwarf_attr_integrate(function, DW_AT_linkage_name, &attribute) ||
        dwarf_attr_integrate(function, DW_AT_MIPS_linkage_name, &attribute))
        return dwarf_formstring(&attribute);
    return NULL;
}

/* ---- the object ---------------------------------------------------------------------------------- */

/* A function's parameter "this". */
static int find_this(Dwarf_Die *function, Dwarf_Die *parameter)
{
    Dwarf_Attribute attribute;
    if (dwarf_child(function, parameter) != 0)
        return 0;
    for (int i = 0; i < CHILDREN_MAX; i++) {
        const char *name = dwarf_tag(parameter) == DW_TAG_formal_parameter &&
                                   dwarf_attr_integrate(parameter, DW_AT_name, &attribute)
                               ? dwarf_formstring(&attribute)
                               : NULL;
        if (name && strcmp(name, "this") == 0)
            return 1;
        if (!die_next(parameter))
            return 0;
    }
    return 0;
}

/* What "this" points to; 0 if that is no complete class. */
static int find_class(Dwarf_Die *function, Dwarf_Die *class)
{
    Dwarf_Die at = *function, next, this;
    Dwarf_Attribute attribute;
    for (int steps = 0; !find_this(&at, &this); at = next)
        if (++steps == REFERENCES_MAX ||
            (!die_refers(&at, DW_AT_abstract_origin, &next) && !die_refers(&at, DW_AT_specification, &next)))
            return 0;
    if (!dwarf_attr_integrate(&this, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, class))
        return 0;
    for (int steps = 0; steps < REFERENCES_MAX; steps++) { /* const, a pointer, the class */
        int tag = dwarf_tag(class);
        if (tag == DW_TAG_class_type || tag == DW_TAG_structure_type)
            return dwarf_bytesize(class) > 0;
        if (!die_refers(class, DW_AT_type, &next))
            return 0;
        *class = next;
    }
    return 0;
}

/* The register that an expression names, in DWARF's numbers; -1 = it is something else. */
static int register_of(const Dwarf_Op *expression, size_t length)
{
    if (length == 1 && expression->atom >= DW_OP_reg0 && expression->atom <= DW_OP_reg15)
        return expression->atom - DW_OP_reg0;
    if (length >= 1 && expression->atom >= DW_OP_breg0 && expression->atom <= DW_OP_breg15 &&
        expression->number == 0 && (length == 1 || expression[1].atom == DW_OP_stack_value))
        return expression->atom - DW_OP_breg0;
    return -1;
}

/* True if these bytes may be a call. */
static int may_call(const struct new_call *call, const unsigned char *code, size_t left, uint64_t address)
{
    char byte;
    int32_t distance;
    if (code[0] == INDIRECT) /* of such instructions those with a 2 there are calls */
        return left < 2 || (code[1] >> 3 & 7) == 2;
    if (code[0] != CALL || left < CALL_SIZE)
        return code[0] == CALL;
    memcpy(&distance, code + 1, sizeof distance);
    return call->code->read(call->code, address + CALL_SIZE + (uint64_t)(int64_t)distance, &byte, 1);
}

/* True if what operator new has returned is still in RAX at an address, or was copied from there to that register, before
 * anything else was called. Bytes that only look like a call are taken for one. */
static int is_from_new(const struct new_call *call, int number, uint64_t address)
{
    static const unsigned char encoded[] = {0, 2, 1, 3, 6, 7, 5, 4}; /* DWARF has another order */
    unsigned char code[CODE_MOST];
    size_t size = address - call->back < CODE_MOST ? address - call->back : CODE_MOST;
    if (number < 0 || address < call->back || (number == RAX && size == CODE_MOST))
        return 0;
    if (size > 0 && !call->code->read(call->code, call->back, code, size))
        return 0;
    unsigned in_byte = number < 8 ? encoded[number] : (unsigned)number - 8;
    for (size_t i = 0; i < size && !may_call(call, code + i, size - i, call->back + i); i++)
        if (number == RAX ? i + 1 == size
                          : i + 2 < size && code[i] == (number < 8 ? 0x48 : 0x49) && code[i + 1] == 0x89 &&
                                code[i + 2] == (0xc0 | in_byte)) /* mov %rax,register */
            return 1;
    return number == RAX && size == 0;
}

/* The first address of a DIE's code from an address on; UINT64_MAX = none. */
static uint64_t first_code(Dwarf_Die *die, uint64_t from)
{
    Dwarf_Addr base, low, high;
    ptrdiff_t at = 0;
    uint64_t first = UINT64_MAX;
    while ((at = dwarf_ranges(die, at, &base, &low, &high)) > 0)
        if (low >= from && low < first && low < high)
            first = low;
    return first;
}

/* True if the object of an inlined constructor is the block. */
static int makes_inlined(const struct new_call *call, Dwarf_Die *inlined)
{
    Dwarf_Die this;
    Dwarf_Attribute location;
    Dwarf_Addr base, low, high;
    Dwarf_Op *expression;
    size_t length;
    ptrdiff_t at = 0;
    if (!find_this(inlined, &this) || !dwarf_attr(&this, DW_AT_location, &location))
        return 0;
    while ((at = dwarf_getlocations(&location, at, &base, &low, &high, &expression, &length)) > 0) {
        uint64_t from = low ? low : first_code(inlined, call->back); /* the same place everywhere */
        if (is_from_new(call, register_of(expression, length), from))
            return 1;
    }
    return 0;
}

/* The same for a call, whose first parameter the object is. */
static int makes_by_call(const struct new_call *call, Dwarf_Die *site, uint64_t back)
{
    Dwarf_Die child;
    Dwarf_Attribute attribute;
    Dwarf_Op *expression;
    size_t length;
    if (is_from_new(call, RDI, back - CALL_SIZE))
        return 1;
    int more = dwarf_child(site, &child) == 0;
    for (int i = 0; more && i < CHILDREN_MAX; i++) {
        if (dwarf_attr(&child, DW_AT_location, &attribute) &&
            dwarf_getlocation(&attribute, &expression, &length) == 0 &&
            register_of(expression, length) == RDI &&
            (dwarf_attr(&child, DW_AT_call_value, &attribute) ||
             dwarf_attr(&child, DW_AT_GNU_call_site_value, &attribute)) &&
            dwarf_getlocation(&attribute, &expression, &length) == 0)
            return is_from_new(call, register_of(expression, length), back - CALL_SIZE);
        more = die_next(&child);
    }
    return 0;
}

/* ---- the search ---------------------------------------------------------------------------------- */

/* The class of a constructor; "" = it has no name that could be shown; NULL = it is another function. */
static const char *constructed(struct strings *strings, Dwarf_Die *function, Dwarf_Die *class)
{
    Dwarf_Attribute attribute;
    const char *linked = linkage_name(function);
    if (linked)
        return class_of(strings, linked);
    const char *name =
        dwarf_attr_integrate(function, DW_AT_name, &attribute) ? dwarf_formstring(&attribute) : NULL;
    const char *class_name = dwarf_diename(class);
    if (!name || !class_name || strncmp(name, class_name, strcspn(class_name, "<")) != 0)
        return NULL;
    return strings_intern(strings, "");
}

static void add_candidate(struct search *search, Dwarf_Die *function, Dwarf_Die *type)
{
    if ((uint64_t)dwarf_bytesize(type) != search->call->size)
        return;
    const char *class = constructed(search->call->strings, function, type);
    if (!class || class == search->class)
        return;
    search->is_ambiguous |= search->class != NULL || !*class;
    search->class = class;
}

static int unsigned_value(Dwarf_Die *die, unsigned name, Dwarf_Word *value)
{
    Dwarf_Attribute attribute;
    return dwarf_attr(die, name, &attribute) && dwarf_formudata(&attribute, value) == 0;
}

static void look_at_inlined(struct search *search, Dwarf_Die *die)
{
    const struct new_call *call = search->call;
    Dwarf_Die constructor, type;
    Dwarf_Word line, file;
    if (unsigned_value(die, DW_AT_call_line, &line) && line == call->line &&
        unsigned_value(die, DW_AT_call_file, &file) &&
        lines_path(call->call_files, call->strings, file) == call->file &&
        die_refers(die, DW_AT_abstract_origin, &constructor) && find_class(&constructor, &type) &&
        makes_inlined(call, die))
        add_candidate(search, &constructor, &type);
}

static void look_at_call(struct search *search, Dwarf_Die *die)
{
    const struct new_call *call = search->call;
    Dwarf_Die function, type;
    Dwarf_Attribute attribute;
    Dwarf_Addr back;
    if ((!dwarf_attr(die, DW_AT_call_return_pc, &attribute) && !dwarf_attr(die, DW_AT_low_pc, &attribute)) ||
        dwarf_formaddr(&attribute, &back) != 0)
        return;
    if (back == call->back && die_refers(die, ALLOC_TYPE, &type))
        search->told = type_name(call->strings, &type);
    if (!call->code->is_inside(call->code, back - 1))
        return;
    const struct line_row *row = lines_find(call->lines, back - 1);
    if (!row || row->line != call->line || lines_path(call->lines, call->strings, row->file) != call->file ||
        !makes_by_call(call, die, back))
        return;
    /* gcc does not say which constructor is called, and clang not always what it makes. */
    int known =
        die_refers(die, DW_AT_call_origin, &function) || die_refers(die, DW_AT_abstract_origin, &function);
    if ((known && find_class(&function, &type)) ||
        (call->code->called(call->code, back, &function) && find_class(&function, &type)))
        add_candidate(search, &function, &type);
}

/* Looks at what is called in a function, but not at what is inlined in it. */
static void look_below(struct search *search, Dwarf_Die *around, int only_calls, int depth)
{
    Dwarf_Die die;
    int more = dwarf_child(around, &die) == 0;
    for (; more && search->left > 0; search->left--) {
        switch (dwarf_tag(&die)) {
        case DW_TAG_inlined_subroutine:
            if (!only_calls)
                look_at_inlined(search, &die);
            break;
        case DW_TAG_call_site:
        case DW_TAG_GNU_call_site:
            look_at_call(search, &die);
            break;
        case DW_TAG_lexical_block:
            if (depth < BLOCKS_MAX)
                look_below(search, &die, only_calls, depth + 1);
            break;
        default:
            break;
        }
        more = die_next(&die);
    }
}

const char *constructors_find(Dwarf_Die *function, Dwarf_Die *outermost, const struct new_call *call)
{
    struct search search = {.call = call, .left = CHILDREN_MAX};
    look_below(&search, function, 0, 0);
    if (outermost->addr != function->addr) /* where clang has all calls */
        look_below(&search, outermost, 1, 0);
    return search.told ? search.told : search.is_ambiguous ? NULL : search.class;
}
