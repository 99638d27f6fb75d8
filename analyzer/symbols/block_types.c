/* block_types.c - see block_types.h. */
#define _GNU_SOURCE
#include "block_types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Classes and functions of libraries, up to the bracket before their template arguments, and the index of
 * the argument that is the type of what they allocate. */
static const struct owner {
    const char *begin;
    unsigned argument;
} owners[] = {
    {"std::__new_allocator<", 0},
    {"std::allocator<", 0},
    {"std::allocator_traits<std::allocator<", 0},
    {"std::__allocate_guarded<std::allocator<", 0},
    {"__gnu_cxx::new_allocator<", 0},
    {"__gnu_cxx::__alloc_traits<std::allocator<", 0},
    {"std::make_unique<", 0},
    {"std::vector<", 0},
    {"std::_Vector_base<", 0},
    {"std::deque<", 0},
    {"std::_Deque_base<", 0},
    {"std::list<", 0},
    {"std::_List_base<", 0},
    {"std::_Rb_tree<", 1},
    {"std::_Hashtable<", 1},
    {"std::basic_string<", 0},
    {"std::_Function_base::_Base_manager<", 0},
};

/* The same of Rust, where "<" may stand before a type and its function, and the argument is the first. */
static const char *const rust_owners[] = {
    "alloc::raw_vec::RawVec<",
    "alloc::vec::Vec<",
    "alloc::boxed::Box<",
    "alloc::boxed::box_new::<",
    "alloc::rc::Rc<",
    "alloc::sync::Arc<",
    "alloc::collections::vec_deque::VecDeque<",
    "hashbrown::raw::RawTable<",
};

/* Types in which containers wrap an element. */
static const char *const nodes[] = {
    "std::_Rb_tree_node<",        "std::_List_node<",
    "std::_Fwd_list_node<",       "std::__detail::_Hash_node<",
    "std::__tree_node<",          "std::__list_node<",
    "std::__hash_node<",          "std::_Sp_counted_ptr_inplace<",
    "std::__shared_ptr_emplace<", "alloc::rc::RcInner<",
    "alloc::rc::RcBox<",          "alloc::sync::ArcInner<",
};

/* Parts of names that only tell versions of a library apart. */
static const char *const versions[] = {"std::__cxx11::", "std::__1::"};

#define STRING "std::basic_string<char, std::char_traits<char>, std::allocator<char> >"

/* ---- texts ----------------------------------------------------------------------------------- */

static int begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Replaces each occurrence by another text, which must not be longer. */
static void replace(char *text, const char *what, const char *by)
{
    for (char *at = text; (at = strstr(at, what)) != NULL; at += strlen(by)) {
        memcpy(at, by, strlen(by));
        memmove(at + strlen(by), at + strlen(what), strlen(at + strlen(what)) + 1);
    }
}

/* Removes what tells versions apart, and gives strings their well-known name. */
static char *plain(const char *text)
{
    char *copy = strdup(text);

    for (size_t i = 0; copy != NULL && i < COUNT(versions); i++)
        replace(copy, versions[i], "std::");
    if (copy != NULL)
        replace(copy, STRING, "std::string");
    return copy;
}

/* "->" and "=>" are not brackets. */
const char *block_type_argument_end(const char *p)
{
    int depth = 0;

    for (; *p != '\0'; p++) {
        if ((p[0] == '-' || p[0] == '=') && p[1] == '>') {
            p++;
            continue;
        }
        if (depth == 0 && (*p == ',' || *p == '>'))
            return p;
        if (strchr("<([{", *p) != NULL)
            depth++;
        else if (strchr(">)]}", *p) != NULL)
            depth--;
    }
    return NULL;
}

/* Returns the argument with that index, where the first one begins at p; malloc'ed, NULL = there is none. */
static char *argument(const char *p, unsigned number)
{
    const char *end = block_type_argument_end(p);

    for (; number > 0 && end != NULL && *end == ','; number--) {
        p = end + 1 + strspn(end + 1, " ");
        end = block_type_argument_end(p);
    }
    if (number > 0 || end == NULL)
        return NULL;
    while (end > p && end[-1] == ' ')
        end--;
    return end > p ? strndup(p, (size_t)(end - p)) : NULL;
}

/* Unwraps the element type from a container's node; frees the text it was given. */
static char *unwrapped(char *type)
{
    for (size_t i = 0; type != NULL && i < COUNT(nodes); i++)
        if (begins(type, nodes[i])) {
            char *inner = argument(type + strlen(nodes[i]), 0);

            free(type);
            return inner;
        }
    return type;
}

/* ---- functions ------------------------------------------------------------------------------- */

/* Where a function's name may begin: at the start, or, because a template function's name is preceded by
 * its return type, after a space outside all brackets. NULL = no more places. */
static const char *next_name(const char *p)
{
    int depth = 0;

    for (; *p != '\0'; p++)
        if (strchr("<([{", *p) != NULL)
            depth++;
        else if (strchr(">)]}", *p) != NULL)
            depth--;
        else if (*p == ' ' && depth == 0)
            return p + 1;
    return NULL;
}

/* 1 if the function's name begins with one of the texts. */
static int is_of(const char *function, const char *const *with, size_t count)
{
    for (const char *name = function; name != NULL; name = next_name(name))
        for (size_t i = 0; i < count; i++)
            if (begins(name, with[i]))
                return 1;
    return 0;
}

static const char *const string_classes[] = {"std::string::", "std::basic_string<char,"};
static const char *const rust_strings[] = {
    "<alloc::string::String",  "alloc::string::String::", "alloc::fmt::format",
    "<str as alloc::string::", "<str as alloc::borrow::", "alloc::str::<impl alloc::borrow::ToOwned for str>",
};

int block_type_is_part(const char *part, const char *whole)
{
    return (strcmp(part, "char") == 0 && strcmp(whole, "std::string") == 0) ||
           (strcmp(part, "u8") == 0 && strcmp(whole, "String") == 0);
}

char *block_type_of_class(const char *class)
{
    return unwrapped(plain(class));
}

/* True for a type parameter by its name, "T" or "T2": names of Rust's older mangling have nothing else, unless debug
 * information fills in the types. */
static int is_parameter(const char *type)
{
    return type[0] >= 'A' && type[0] <= 'Z' && type[1 + strspn(type + 1, "0123456789")] == '\0';
}

/* malloc'ed; NULL = this is none of the functions that tell. */
static char *rust_type(const char *function)
{
    const char *name = function + (*function == '<');

    for (size_t i = 0; i < COUNT(rust_owners); i++)
        if (begins(name, rust_owners[i])) {
            char *type = unwrapped(argument(name + strlen(rust_owners[i]), 0));

            if (type == NULL || !is_parameter(type))
                return type;
            free(type);
            return NULL;
        }
    return NULL;
}

char *block_type(const char *function)
{
    char *text = plain(function), *type = NULL;

    if (text != NULL && is_of(text, string_classes, COUNT(string_classes)))
        type = strdup("std::string");
    else if (text != NULL && is_of(text, rust_strings, COUNT(rust_strings)))
        type = strdup("String");
    else if (text != NULL)
        type = rust_type(text);
    for (const char *name = text; name != NULL && type == NULL; name = next_name(name))
        for (size_t i = 0; type == NULL && i < COUNT(owners); i++)
            if (begins(name, owners[i].begin))
                type = unwrapped(argument(name + strlen(owners[i].begin), owners[i].argument));
    free(text);
    return type;
}
