/* block_types.h - the type of what a block holds, taken from the name of the function that allocated it:
 * the template argument of an allocator or container in the standard library of C++ or Rust. It is
 * inferred from names only. */
#ifndef LIBTRACE_BLOCK_TYPES_H
#define LIBTRACE_BLOCK_TYPES_H

/* The element type that a library function, as a demangler writes it, allocates: "Shape" for
 * "std::allocator<Shape>::allocate(unsigned long)". Container nodes are unwrapped. malloc'ed; NULL = the
 * name does not say, or no memory. */
char *block_type(const char *function);

/* The type of blocks that begin with an object of a library's or the program's class, as a demangler writes it: "Circle"
 * for "Circle", and for the object in which std::make_shared<Circle>() puts one. malloc'ed, NULL = no memory. */
char *block_type_of_class(const char *class);

/* The end of the template argument that begins at p: the comma or bracket behind it; NULL = there is none. */
const char *block_type_argument_end(const char *p);

/* True if blocks of the type `part` that a library allocates for a type `whole` are that type's own: the
 * characters of a string. */
int block_type_is_part(const char *part, const char *whole);

#endif
