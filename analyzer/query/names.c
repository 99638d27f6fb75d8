/* names.c - shortens C++ and Rust names by their brackets, without parsing them; the page does the same
 * (html/src/units.js). */
#define _GNU_SOURCE
#include "names.h"
#include "text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6"

static int is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static int ends_with(const char *name, const char *end, const char *word)
{
    size_t length = strlen(word);

    return (size_t)(end - name) >= length && strncmp(end - length, word, length) == 0;
}

/* True if the contents of the bracket at p are left out: arguments of a template or of a function, but not
 * those of operators, "(anonymous namespace)" or empty ones. */
static int opens(const char *name, const char *p)
{
    if (p == name || ends_with(name, p, "operator") || ends_with(name, p, "operator<"))
        return 0;
    if (*p == '<')
        return is_word(p[-1]);
    return *p == '(' && p[1] != ')' && (is_word(p[-1]) || strchr(">)]}=+-*/%^&|~!,<", p[-1]) != NULL);
}

/* The bracket that closes the one at p; NULL = none. */
static const char *closing(const char *p)
{
    size_t angles = 0, rounds = 0;

    for (; *p != '\0'; p++) {
        rounds += *p == '(';
        angles += *p == '<' && rounds == 0;
        if (*p == ')' && rounds > 0)
            rounds--;
        else if (*p == '>' && angles > 0 && rounds == 0 && p[-1] != '-')
            angles--;
        else
            continue;
        if (angles == 0 && rounds == 0)
            return p;
    }
    return NULL;
}

/* Compilers copy functions for some of their calls, and name the copies ".constprop.0" and the like. Returns
 * where such a suffix begins that ends at end; NULL = there is none. */
static const char *copy_suffix(const char *name, const char *end)
{
    static const char *const words[] = {".constprop.", ".isra.", ".llvm.", ".lto_priv.", ".part."};
    const char *number = end;

    while (number > name && isdigit((unsigned char)number[-1]))
        number--;
    for (size_t i = 0; number < end && i < sizeof words / sizeof words[0]; i++)
        if (ends_with(name, number, words[i]) && number - strlen(words[i]) > name)
            return number - strlen(words[i]);
    return NULL;
}

/* The end of a name without such suffixes; demangled names have them as " [clone .constprop.0]". */
static const char *end_of_name(const char *name)
{
    const char *end = strstr(name, " [clone ");

    if (end == NULL)
        end = name + strlen(name);
    for (const char *suffix = end; suffix != NULL; suffix = copy_suffix(name, end))
        end = suffix;
    return end;
}

char *names_shorten(const char *name)
{
    char *copy = malloc(strlen(name) * 2 + 1), *out = copy; /* "<x>" becomes two bytes longer */

    for (const char *p = name, *last = end_of_name(name); p < last; p++) {
        int open = opens(name, p);
        const char *end = open ? closing(p) : NULL;

        if (open && end == NULL) { /* the name was cut off: leave the rest as it is */
            out = mempcpy(out, p, (size_t)(last - p));
            break;
        }
        *out++ = *p;
        if (!open)
            continue;
        out = stpcpy(out, ELLIPSIS);
        *out++ = *end;
        p = end;
    }
    *out = '\0';
    return copy;
}

/* What follows the next "::" or "." outside brackets; NULL = none. */
static const char *next_part(const char *name)
{
    for (const char *p = name; *p != '\0' && *p != '<' && *p != '('; p++) {
        if (p[0] == ':' && p[1] == ':')
            return p + 2;
        if (p[0] == '.' && p > name)
            return p + 1;
    }
    /* The name may go on behind a bracket; otherwise the bracket belongs to a return type. */
    const char *bracket = strpbrk(name, "<(");
    const char *end = bracket != NULL ? closing(bracket) : NULL;

    if (end == NULL)
        return NULL;
    return end[1] == ':' && end[2] == ':' ? end + 3 : next_part(end + 1);
}

char *names_cut(const char *name, size_t columns)
{
    char *copy = names_shorten(name);
    const char *part = copy;

    if (text_width(copy) <= columns)
        return copy;
    const char *end = copy + strlen(copy);

    for (const char *next; strstr(copy, "+0x") == NULL && (next = next_part(part)) != NULL; part = next)
        if ((size_t)(end - part) <= 4 * columns && text_width(part) + 1 <= columns)
            break;
    char *cut = NULL;

    if (part == copy)
        return text_cut(copy, columns, 0);
    if (text_width(part) + 1 <= columns) {
        cut = malloc(strlen(part) + sizeof ELLIPSIS);
        strcpy(stpcpy(cut, ELLIPSIS), part);
    } else {
        cut = text_cut(strdup(part), columns, 0);
    }
    free(copy);
    return cut;
}

/* ---- own names ----------------------------------------------------------------------------------- */

/* The own name of a function while its name is read from left to right. */
struct own_name {
    const char *part;  /* where the part between two "::" begins that is read */
    const char *found; /* the latest one that may be it, */
    size_t length;
    bool ended;  /* its brackets began */
    bool called; /* and those of arguments were there: what follows behind a space is "const" */
};

static bool is_bracket(char c)
{
    return c != '\0' && strchr("<([{", c) != NULL;
}

/* Behind the bracket that closes the one at p; end = none. */
static const char *behind_brackets(const char *p, const char *end)
{
    size_t depth = 0;

    do {
        depth += is_bracket(*p);
        depth -= strchr(">)]}", *p) != NULL && p[-1] != '-';
    } while (++p < end && depth > 0);
    return p;
}

/* The part ends here. "{closure#0}" and "<u8>" are no names: what is before them is. */
static void end_part(struct own_name *own, const char *p)
{
    if (!own->ended && p > own->part && !is_bracket(*own->part)) {
        own->found = own->part;
        own->length = (size_t)(p - own->part);
    }
    own->ended = true;
}

static const char *begin_part(struct own_name *own, const char *p)
{
    own->part = p;
    own->ended = false;
    return p;
}

/* True if "operator()" or the like is read here, the rest of whose name is no word. */
static bool is_operator(const struct own_name *own, const char *p)
{
    return p == own->part && strncmp(p, "operator", 8) == 0 && !is_word(p[8]);
}

const char *names_own(const char *name, size_t *length)
{
    const char *end = end_of_name(name), *p = name;
    struct own_name own = {.part = name, .found = name};

    while (p < end) {
        if (is_operator(&own, p)) {
            bool lambda = p - name > 3 && p[-3] == '}'; /* its operator() is part of the function around it */

            end_part(&own, lambda ? p : p + 8);
            break;
        }
        if (is_bracket(*p)) {
            own.called |= *p == '(' && p > own.part;
            end_part(&own, p);
            p = behind_brackets(p, end);
        } else if (p[0] == ':' && p[1] == ':') {
            end_part(&own, p);
            p = begin_part(&own, p + 2);
        } else if (*p != ' ') {
            p++;
        } else if (!own.called) {
            p = begin_part(&own, p + 1); /* what was before it is a template's return type */
        } else {
            break;
        }
    }
    if (p >= end)
        end_part(&own, end);
    *length = own.length;
    return own.found;
}
