/* python_source.c - see python_source.h. */
#define _GNU_SOURCE
#include "python_source.h"

#include <ctype.h>
#include <string.h>

/* A part of the text: from its first character to behind its last one. */
struct part {
    const char *from, *to;
};

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* ---- lines --------------------------------------------------------------------------------------- */

static const char *end_of_line(const char *p, const char *end)
{
    const char *stop = memchr(p, '\n', (size_t)(end - p));

    return stop != NULL ? stop : end;
}

static const char *next_line(const char *p, const char *end)
{
    const char *stop = end_of_line(p, end);

    return stop < end ? stop + 1 : end;
}

/* Columns before the first character of a line; -1 for an empty line, or one with a comment alone. */
static int indent_of(const char *p, const char *end)
{
    const char *stop = end_of_line(p, end);
    int indent = 0;

    for (; p < stop && (*p == ' ' || *p == '\t'); p++)
        indent += *p == '\t' ? 8 : 1;
    return p == stop || *p == '#' || *p == '\r' ? -1 : indent;
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

static bool begins(const char *p, const char *end, const char *with)
{
    size_t n = strlen(with);

    return (size_t)(end - p) >= n && memcmp(p, with, n) == 0;
}

static bool contains(struct part part, const char *what)
{
    return memmem(part.from, (size_t)(part.to - part.from), what, strlen(what)) != NULL;
}

/* ---- names --------------------------------------------------------------------------------------- */

/* True behind a # on its line that is in no string. */
static bool is_comment(struct part part, const char *at)
{
    const char *p = at;
    char quote = 0;

    while (p > part.from && p[-1] != '\n')
        p--;
    for (; p < at; p++) {
        if (quote == 0 && *p == '#')
            return true;
        if (quote == 0 && (*p == '"' || *p == '\''))
            quote = *p;
        else if (*p == quote)
            quote = 0;
    }
    return false;
}

/* The next place in the part where the name is a word, and no attribute. NULL = none. */
static const char *next_use(struct part part, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = part.from; (p = memmem(p, (size_t)(part.to - p), name, n)) != NULL; p++) {
        bool word =
            (p == part.from || (!is_word(p[-1]) && p[-1] != '.')) && (p + n == part.to || !is_word(p[n]));

        if (word && !is_comment(part, p))
            return p;
    }
    return NULL;
}

/* The end of an expression in brackets, which begins with one; NULL = it is not closed. Brackets in strings are not
 * counted, and a string of several lines ends the search. */
static const char *end_of_brackets(const char *p, const char *end)
{
    int depth = 0;

    for (char quote = 0; p < end; p++) {
        if (quote != 0) {
            if (*p == '\n')
                return NULL;
            if (*p == '\\')
                p++;
            else if (*p == quote)
                quote = 0;
        } else if (*p == '"' || *p == '\'') {
            quote = *p;
        } else if (*p == '#') {
            p = end_of_line(p, end);
        } else if (*p != '\0' && strchr("([{", *p) != NULL) {
            depth++;
        } else if (*p != '\0' && strchr(")]}", *p) != NULL && --depth == 0) {
            return p + 1;
        }
    }
    return NULL;
}

static bool ends_there(const char *p, const char *end)
{
    p = skip_space(p, end);
    return p == end || *p == '\n' || *p == '\r' || *p == '#';
}

/* Reads "name = [...]" or "name = list(...)"; value: its right side. */
static bool read_binding(const char *p, const char *end, struct python_walk *walk, struct part *value)
{
    size_t n = 0;

    p = skip_space(p, end);
    while (p + n < end && is_word(p[n]))
        n++;
    if (n == 0 || n >= sizeof walk->name || isdigit((unsigned char)*p))
        return false;
    memcpy(walk->name, p, n);
    walk->name[n] = '\0';
    p = skip_space(p + n, end);
    if (!begins(p, end, "=") || begins(p, end, "=="))
        return false;
    p = skip_space(p + 1, end);
    value->from = p;
    bool list = begins(p, end, "list(");

    if (!list && !begins(p, end, "["))
        return false;
    value->to = end_of_brackets(list ? p + 4 : p, end);
    return value->to != NULL && ends_there(value->to, end) && (list || contains(*value, " for ")) &&
           next_use(*value, walk->name) == NULL;
}

/* ---- where the name counts ----------------------------------------------------------------------- */

/* The function that the line is in: from behind its def to the first line that is indented no more than that. For a
 * module, all of it; so are functions with names that are declared elsewhere (global, nonlocal). */
static struct part scope_of(struct part text, const char *line, int indent)
{
    struct part scope = text;
    const char *def = NULL;
    int of_def = 0;

    for (const char *p = text.from; p < line; p = next_line(p, text.to)) {
        int there = indent_of(p, text.to);
        const char *word = skip_space(p, text.to);

        if (there >= 0 && def != NULL && there <= of_def)
            def = NULL;
        if (there >= 0 && there < indent &&
            (begins(word, text.to, "def ") || begins(word, text.to, "async def "))) {
            def = p;
            of_def = there;
        }
    }
    if (def == NULL)
        return scope;
    scope.from = next_line(def, text.to);
    for (const char *p = next_line(line, text.to); p < text.to; p = next_line(p, text.to))
        if (indent_of(p, text.to) >= 0 && indent_of(p, text.to) <= of_def) {
            scope.to = p;
            break;
        }
    return scope;
}

static const char *start_of_line(struct part text, const char *p)
{
    while (p > text.from && p[-1] != '\n')
        p--;
    return p;
}

/* ---- what the loop does -------------------------------------------------------------------------- */

/* Statements that may keep something longer than the loop's step. */
static bool may_keep(struct part line)
{
    static const char *const keeping[] = {
        ".append(", ".add(",  ".extend(",     ".insert(", ".update(",    ".put(",
        "yield",    "return", ".setdefault(", "lambda",   "global ",     "nonlocal ",
        "= [",      "+= [",   ":=",           "async ",   ".appendleft("};

    for (size_t i = 0; i < sizeof keeping / sizeof keeping[0]; i++)
        if (contains(line, keeping[i]))
            return true;
    /* An assignment to an item or an attribute. */
    for (const char *p = line.from; (p = memchr(p, '=', (size_t)(line.to - p))) != NULL; p++) {
        const char *left = p;

        if (p + 1 < line.to && p[1] == '=') {
            p++;
            continue;
        }
        if (p > line.from && strchr("!<>", p[-1]) != NULL)
            continue;
        while (left > line.from && strchr(" +-*/|&", left[-1]) != NULL)
            left--;
        const char *target = left;

        while (target > line.from && (is_word(target[-1]) || target[-1] == '.'))
            target--;
        if ((left > line.from && left[-1] == ']') || memchr(target, '.', (size_t)(left - target)) != NULL)
            return true;
    }
    return false;
}

/* True if the line uses the name only in part (x.a, x["a"]), or in a sum or a condition. */
static bool uses_parts(struct part line, const char *name)
{
    const char *first = skip_space(line.from, line.to), *word = first;

    while (word < line.to && is_word(*word))
        word++;
    word = skip_space(word, line.to);
    bool sum = begins(word, line.to, "+=") || begins(word, line.to, "-=") || begins(first, line.to, "if ") ||
               begins(first, line.to, "elif ") || begins(first, line.to, "print(");

    for (struct part rest = line; (first = next_use(rest, name)) != NULL; rest.from = first + 1) {
        const char *after = first + strlen(name);

        if (after < line.to && (*after == '.' || *after == '['))
            continue;
        if (!sum || (first > line.from && strchr("[({", first[-1]) != NULL &&
                     !begins(skip_space(line.from, line.to), line.to, "print(")))
            return false;
    }
    return true;
}

/* The names between "for" and "in", one after the other; false = none is left. */
static bool next_variable(const char **p, const char *end, char *name, size_t size)
{
    size_t n = 0;

    while (*p < end && !is_word(**p))
        ++*p;
    while (*p + n < end && is_word((*p)[n]))
        n++;
    if (n == 0 || n >= size)
        return false;
    memcpy(name, *p, n);
    name[n] = '\0';
    *p += n;
    return strcmp(name, "in") != 0;
}

/* The words of Python's that mean nothing by themselves in an expression. */
static bool is_common(const char *name)
{
    static const char *const common[] = {"for",  "in",    "if",   "else",  "not",    "and",      "or",
                                         "is",   "None",  "True", "False", "int",    "str",      "float",
                                         "len",  "dict",  "list", "tuple", "set",    "round",    "abs",
                                         "min",  "max",   "sum",  "zip",   "sorted", "range",    "bytes",
                                         "bool", "print", "repr", "map",   "iter",   "enumerate"};

    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++)
        if (strcmp(common[i], name) == 0)
            return true;
    return false;
}

/* True if the name is bound by a "for name in" of the expression itself. */
static bool is_bound(struct part value, const char *name)
{
    for (const char *p = value.from; (p = memmem(p, (size_t)(value.to - p), "for ", 4)) != NULL; p++) {
        char bound[64];

        for (const char *at = p + 4; next_variable(&at, value.to, bound, sizeof bound);)
            if (strcmp(bound, name) == 0)
                return true;
    }
    return false;
}

/* Behind a string that begins there. */
static const char *end_of_string(const char *p, const char *end)
{
    for (char quote = *p++; p < end && *p != quote; p++)
        if (*p == '\\' && p + 1 < end)
            p++;
    return p < end ? p + 1 : end;
}

/* True if the body uses a name that the list is made from: a generator would see what the body does to that. */
static bool uses_source(struct part body, struct part value)
{
    char name[64];

    for (const char *p = value.from; p < value.to;) {
        size_t n = 0;

        if ((*p == '"' || *p == '\'') && (p == value.from || (p[-1] != 'f' && p[-1] != 'F'))) {
            p = end_of_string(p, value.to);
            continue;
        }
        while (p + n < value.to && is_word(p[n]))
            n++;
        if (n > 0 && n < sizeof name && !isdigit((unsigned char)*p) && (p == value.from || p[-1] != '.')) {
            memcpy(name, p, n);
            name[n] = '\0';
            if (!is_common(name) && !is_bound(value, name) && next_use(body, name) != NULL)
                return true;
        }
        p += n > 0 ? n : 1;
    }
    return false;
}

/* From behind the loop's line to the first one that is indented no more. */
static struct part body_of(const char *loop, int indent, struct part scope)
{
    struct part body = {next_line(loop, scope.to), scope.to};

    for (const char *p = body.from; p < scope.to; p = next_line(p, scope.to))
        if (indent_of(p, scope.to) >= 0 && indent_of(p, scope.to) <= indent) {
            body.to = p;
            break;
        }
    return body;
}

static bool loop_keeps_nothing(const char *loop, int indent, struct part scope)
{
    const char *variables = skip_space(loop, scope.to) + 4, *stop = end_of_line(loop, scope.to);
    char name[64];

    while (next_variable(&variables, stop, name, sizeof name))
        for (const char *p = next_line(loop, scope.to); p < scope.to; p = next_line(p, scope.to)) {
            const struct part line = {p, end_of_line(p, scope.to)};
            int there = indent_of(p, scope.to);

            if (there < 0)
                continue;
            if (there <= indent) { /* behind the loop the last one is still bound to its name */
                if (next_use((struct part){p, scope.to}, name) != NULL)
                    return false;
                break;
            }
            if (may_keep(line) || !uses_parts(line, name))
                return false;
        }
    return true;
}

/* True for "sum(... for x in name)" and the like, and "sum(name)". */
static bool is_consumed(struct part line, const char *use, const char *name)
{
    static const char *const calls[] = {"sum(", "any(", "all("};
    const char *after = use + strlen(name);

    if (after >= line.to || *after != ')' || may_keep(line) || contains(line, "["))
        return false;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        const char *call = memmem(line.from, (size_t)(use - line.from), calls[i], strlen(calls[i]));

        if (call == NULL || (call > line.from && (is_word(call[-1]) || call[-1] == '.')))
            continue;
        const struct part between = {call + strlen(calls[i]), use};

        if (between.from == use || (use - between.from > 4 && memcmp(use - 4, " in ", 4) == 0 &&
                                    memchr(between.from, '(', (size_t)(use - between.from)) == NULL))
            return true;
    }
    return false;
}

static const char *nth_line(struct part text, int64_t line)
{
    const char *at = text.from;

    for (int64_t i = 1; i < line && at < text.to; i++)
        at = next_line(at, text.to);
    return at;
}

bool python_walked_once(const char *text, size_t size, int64_t line, struct python_walk *walk)
{
    const struct part all = {text, text + size};
    const char *at = nth_line(all, line);
    struct part value;

    int indent = at < all.to ? indent_of(at, all.to) : -1;

    if (indent < 0 || !read_binding(at, all.to, walk, &value))
        return false;
    const struct part scope = scope_of(all, at, indent), before = {scope.from, at},
                      after = {value.to, scope.to};

    if (value.to > scope.to) /* a line of it is indented less than its function */
        return false;
    const char *use = next_use(after, walk->name);

    if (next_use(before, walk->name) != NULL || use == NULL ||
        next_use((struct part){use + 1, scope.to}, walk->name) != NULL)
        return false;
    const char *loop = start_of_line(all, use), *word = skip_space(loop, all.to),
               *behind = use + strlen(walk->name);
    const struct part loop_line = {loop, end_of_line(loop, all.to)};

    walk->line = line;
    for (const char *p = at; p < loop; p = next_line(p, all.to))
        walk->line++;
    if (indent_of(loop, all.to) != indent)
        return false;
    for (const char *p = next_line(value.to, all.to); p < loop; p = next_line(p, all.to))
        if (indent_of(p, all.to) >= 0 && indent_of(p, all.to) < indent)
            return false; /* another block */
    if (begins(word, all.to, "for "))
        return use - word > 4 && memcmp(use - 4, " in ", 4) == 0 && begins(behind, all.to, ":") &&
               ends_there(behind + 1, all.to) && loop_keeps_nothing(loop, indent, scope) &&
               !uses_source(body_of(loop, indent, scope), value);
    return is_consumed(loop_line, use, walk->name);
}

/* True if what is left of the "=" stands right of it, too. */
static bool is_used_right(struct part target, struct part value)
{
    size_t n = (size_t)(target.to - target.from);

    for (const char *p = value.from; n > 0 && (p = memmem(p, (size_t)(value.to - p), target.from, n)) != NULL;
         p++)
        if ((p == value.from || (!is_word(p[-1]) && p[-1] != '.')) && (p + n == value.to || !is_word(p[n])))
            return true;
    return false;
}

bool python_extends(const char *text, size_t size, int64_t line)
{
    const struct part all = {text, text + size};
    const char *from = nth_line(all, line), *end = end_of_line(from, all.to);
    struct part target = {skip_space(from, end), NULL};

    for (const char *p = target.from; p < end && *p != '#'; p++) {
        if (*p == '"' || *p == '\'') {
            p = end_of_string(p, end) - 1;
        } else if ((*p == ':' || *p == ';') && p + 1 < end &&
                   p[1] == ' ') { /* a statement behind "for x in y:" */
            target.from = skip_space(p + 1, end);
        } else if (p > from && *p == '=' && strchr("=!<>:", p[-1]) == NULL && (p + 1 == end || p[1] != '=')) {
            target.to = p;
            while (target.to > target.from && strchr(" \t+", target.to[-1]) != NULL)
                target.to--;
            return p[-1] == '+' || is_used_right(target, (struct part){p + 1, end});
        }
    }
    return false;
}

/* ---- classes ------------------------------------------------------------------------------------- */

#define BASES_DEEP 4 /* classes that a class inherits from, and so on */

/* The line that the class begins in, from its indentation on; NULL = it is not in this text. */
static const char *find_class(struct part text, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = text.from; p < text.to; p = next_line(p, text.to)) {
        const char *word = skip_space(p, text.to);

        if (!begins(word, text.to, "class "))
            continue;
        word = skip_space(word + 6, text.to);
        if (begins(word, text.to, name) && (word + n == text.to || !is_word(word[n])))
            return p;
    }
    return NULL;
}

static bool class_needs_dict(struct part text, const char *name, int deep)
{
    static const char *const needing[] = {"cached_property", "setattr(", "delattr("};
    const char *line = find_class(text, name);

    if (line == NULL)
        return false;
    const struct part body = body_of(line, indent_of(line, text.to), text);

    for (size_t i = 0; i < sizeof needing / sizeof needing[0]; i++)
        if (contains(body, needing[i]))
            return true;
    const char *bases = memchr(line, '(', (size_t)(end_of_line(line, text.to) - line)),
               *end = bases != NULL ? end_of_brackets(bases, text.to) : NULL;
    char base[64];

    while (end != NULL && deep < BASES_DEEP && next_variable(&bases, end, base, sizeof base))
        if (strcmp(base, name) != 0 && class_needs_dict(text, base, deep + 1))
            return true;
    return false;
}

bool python_needs_dict(const char *text, size_t size, const char *name)
{
    const struct part all = {text, text + size};

    return find_class(all, name) != NULL &&
           (contains(all, "__dict__") || contains(all, "vars(") || class_needs_dict(all, name, 0));
}
