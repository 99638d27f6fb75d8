/* type_names.c - see type_names.h. */
#include "type_names.h"
#include "dies.h"
#include "symbols.h"

#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    AROUND_MOST = 64,     /* namespaces, classes and functions around a type */
    REFERENCES_MOST = 32, /* typedefs, pointers, const */
    NAME_MOST = 4096,
    SIBLINGS_MOST = 10000000, /* files may be corrupt */
};

struct name {
    char text[NAME_MOST];
    size_t length;
    int is_cut; /* it does not fit, or has no name */
};

static void append(struct name *name, const char *text)
{
    size_t length = strlen(text);
    if (length >= sizeof name->text - name->length) {
        name->is_cut = 1;
        return;
    }
    memcpy(name->text + name->length, text, length + 1);
    name->length += length;
}

/* A DIE lies in the last of siblings that begins before it. Returns how many are around it, outermost first; -1 = it is not found. */
static int find_around(Dwarf_Die *type, Dwarf_Die around[AROUND_MOST])
{
    Dwarf_Die at, next;
    Dwarf_Off wanted = dwarf_dieoffset(type);
    int depth = 0, left = SIBLINGS_MOST;
    if (!dwarf_diecu(type, &at, NULL, NULL))
        return -1;
    while (depth < AROUND_MOST && dwarf_child(&at, &next) == 0) {
        do
            at = next;
        while (dwarf_dieoffset(&at) != wanted && die_next(&next) && dwarf_dieoffset(&next) <= wanted &&
               --left > 0);
        if (dwarf_dieoffset(&at) == wanted)
            return depth;
        around[depth++] = at;
    }
    return -1;
}

static void append_around(struct name *name, Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    const char *text = dwarf_diename(die);
    char *function = NULL;
    switch (dwarf_tag(die)) {
    case DW_TAG_lexical_block:
        return;
    case DW_TAG_subprogram:
        if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute))
            text = function = symbols_demangle(dwarf_formstring(&attribute));
        break;
    case DW_TAG_namespace:
        if (!text)
            text = "(anonymous namespace)";
        break;
    default:
        break;
    }
    if (text) {
        append(name, text);
        append(name, "::");
    }
    name->is_cut |= !text;
    free(function);
}

static void append_type(struct name *name, Dwarf_Die *type, int references)
{
    Dwarf_Die around[AROUND_MOST], to;
    int tag = dwarf_tag(type), count, is_void = !die_refers(type, DW_AT_type, &to);
    switch (references > 0 ? tag : 0) {
    case DW_TAG_typedef:
    case DW_TAG_const_type:
    case DW_TAG_volatile_type:
    case DW_TAG_pointer_type:
        if (is_void)
            append(name, "void");
        else
            append_type(name, &to, references - 1);
        append(name, tag == DW_TAG_pointer_type    ? "*"
                     : tag == DW_TAG_const_type    ? " const"
                     : tag == DW_TAG_volatile_type ? " volatile"
                                                   : "");
        return;
    case DW_TAG_base_type:
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
    case DW_TAG_enumeration_type:
        count = dwarf_diename(type) ? find_around(type, around) : -1;
        name->is_cut |= count < 0;
        for (int i = 0; i < count; i++)
            append_around(name, &around[i]);
        if (count >= 0)
            append(name, dwarf_diename(type));
        return;
    default:
        name->is_cut = 1;
    }
}

const char *type_name(struct strings *strings, Dwarf_Die *type)
{
    struct name name = {.length = 0};
    append_type(&name, type, REFERENCES_MOST);
    return name.is_cut || !name.length ? NULL : strings_intern(strings, name.text);
}
