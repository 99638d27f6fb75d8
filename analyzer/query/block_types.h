/* block_types.h - what a block holds, as far as the function says that asked for it: the template's argument of an
 * allocator or container of C++'s library, or of Rust's. That is inferred from names, never more. */
#ifndef LIBTRACE_QUERY_BLOCK_TYPES_H
#define LIBTRACE_QUERY_BLOCK_TYPES_H

/* The type of the elements that a library's function, as a demangler writes it, allocates: "Shape" of
 * "std::allocator<Shape>::allocate(unsigned long)". What a node of a container is wrapped in is taken off. malloc'ed;
 * NULL = the name does not say, or no memory. */
char *block_type(const char *function);

/* "std::string" or "String" if the type is that of characters, and the function one of a class of strings; else NULL.
 * For the frames between the one that says the type and the program. */
const char *block_type_of_string(const char *type, const char *function);

#endif
