/* rust_names.c - see rust_names.h.
 *
 * rustc describes a type parameter by its name and a reference to the type, whose own name lacks its modules. But the
 * function's name has them: "push<app::Shape, alloc::alloc::Global>", the parameters in order, and constants among them. So
 * the types are taken from there, if as many as the function has parameters, and each ends as the type's own name does.
 */
#define _GNU_SOURCE
#include "rust_names.h"
#include "block_types.h"
#include "dies.h"
#include "symbols.h"

#include <ctype.h>
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

enum {
    REFERENCES_MAX = 4,   /* from an inlined call to the function's declaration */
    CHILDREN_MAX = 1000,  /* that are looked at */
    PARAMETERS_MAX = 16,  /* of a function and the type that it belongs to */
    NAME_MAX_SIZE = 65536 /* of a name that is made */
};

#define ALLOCATOR "alloc::alloc::Global"

/* ---- text ---------------------------------------------------------------------------------------- */

struct output {
    char *text;
    size_t length, capacity;
};

static int append(struct output *out, const char *text, size_t length)
{
    if (length >= NAME_MAX_SIZE - out->length)
        return 0;
    if (out->length + length >= out->capacity) {
        size_t capacity = 2 * (out->length + length) + 64;
        char *more = realloc(out->text, capacity);
        if (!more)
            return 0;
        out->text = more;
        out->capacity = capacity;
    }
    memcpy(out->text + out->length, text, length);
    out->length += length;
    out->text[out->length] = '\0';
    return 1;
}

static size_t word_length(const char *text)
{
    size_t length = 0;
    while (isalnum((unsigned char)text[length]) || text[length] == '_')
        length++;
    return length;
}

static const struct rust_parameter *find(const struct rust_parameter *parameters, size_t count,
                                         const char *word, size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(parameters[i].name) == length && memcmp(parameters[i].name, word, length) == 0)
            return &parameters[i];
    return NULL;
}

static int is_allocator(const struct rust_parameter *parameter)
{
    return parameter->length == strlen(ALLOCATOR) &&
           memcmp(parameter->type, ALLOCATOR, parameter->length) == 0;
}

/* Appends a type, without the allocators of the types in it. */
static int append_type(struct output *out, const struct rust_parameter *parameter)
{
    static const char more[] = ", " ALLOCATOR;
    const char *at = parameter->type, *end = at + parameter->length;
    for (const char *found; (found = memmem(at, (size_t)(end - at), more, strlen(more)));
         at = found + strlen(more))
        if (!append(out, at, (size_t)(found - at)))
            return 0;
    return append(out, at, (size_t)(end - at));
}

char *rust_filled_name(const char *name, const struct rust_parameter *parameters, size_t count)
{
    struct output out = {0};
    int depth = 0, filled = 0, fits = 1;
    for (const char *c = name; *c && fits;) {
        size_t length = word_length(c);
        const struct rust_parameter *parameter =
            depth > 0 && length > 0 && c > name && c[-1] != ':' ? find(parameters, count, c, length) : NULL;
        if (parameter && is_allocator(parameter) && c[-1] == ',') {
            out.text[--out.length] = '\0';
        } else if (parameter) {
            fits = (c[-1] != ',' || append(&out, " ", 1)) && append_type(&out, parameter);
        } else {
            if (*c == '>' && c > name && (c[-1] == '-' || c[-1] == '='))
                depth++;
            depth += strchr("<[(", *c) ? 1 : strchr(">])", *c) ? -1 : 0;
            fits = append(&out, c, length ? length : 1);
        }
        filled |= parameter != NULL;
        c += length ? length : 1;
    }
    if (fits && filled)
        return out.text;
    free(out.text);
    return NULL;
}

/* ---- debug information --------------------------------------------------------------------------- */

static int is_constant(const char *argument)
{
    return isdigit((unsigned char)*argument) || *argument == '-' || *argument == '\'' ||
           strncmp(argument, "{CONST", 6) == 0 || strncmp(argument, "true", 4) == 0 ||
           strncmp(argument, "false", 5) == 0;
}

/* Finds the next type among the arguments in a function's name; at: behind the one before. 0 = there is none. */
static int next_type(const char **at, struct rust_parameter *parameter)
{
    for (;;) {
        const char *begin = *at + strspn(*at, ", "), *end = block_type_argument_end(begin);
        if (!end || end == begin)
            return 0;
        *at = end;
        if (is_constant(begin))
            continue;
        parameter->type = begin;
        parameter->length = (size_t)(end - begin);
        return 1;
    }
}

static int ends_with(const struct rust_parameter *parameter, const char *text)
{
    size_t length = strlen(text);
    return length <= parameter->length &&
           memcmp(parameter->type + parameter->length - length, text, length) == 0;
}

/* Reads the parameters of a function whose name with arguments is known. Returns how many; 0 = none, or they do not fit the
 * name. */
static size_t read_parameters(Dwarf_Die *function, const char *name, struct rust_parameter *parameters)
{
    Dwarf_Die child, type;
    size_t count = 0;
    const char *arguments = strchr(name, '<');
    if (!arguments++ || dwarf_child(function, &child) != 0)
        return 0;
    for (int left = CHILDREN_MAX, more = 1; more && left > 0; left--, more = die_next(&child)) {
        if (dwarf_tag(&child) != DW_TAG_template_type_parameter)
            continue;
        if (count == PARAMETERS_MAX)
            return 0;
        struct rust_parameter *parameter = &parameters[count++];
        parameter->name = dwarf_diename(&child);
        const char *own = die_refers(&child, DW_AT_type, &type) ? dwarf_diename(&type) : NULL;
        if (!parameter->name || !next_type(&arguments, parameter) || !own || !ends_with(parameter, own))
            return 0;
    }
    struct rust_parameter another;
    return next_type(&arguments, &another) ? 0 : count;
}

char *rust_name(Dwarf_Die *function, const char *linkage_name)
{
    struct rust_parameter parameters[PARAMETERS_MAX];
    const char *name = dwarf_diename(function);
    Dwarf_Die at = *function, next;
    size_t count = 0;
    if (!name || strncmp(linkage_name, "_ZN", 3) != 0)
        return NULL;
    for (int steps = 0; steps < REFERENCES_MAX && !(count = read_parameters(&at, name, parameters));
         steps++, at = next)
        if (!die_refers(&at, DW_AT_abstract_origin, &next) && !die_refers(&at, DW_AT_specification, &next))
            break;
    char *text = count ? symbols_demangle(linkage_name) : NULL;
    char *filled = text ? rust_filled_name(text, parameters, count) : NULL;
    free(text);
    return filled;
}
