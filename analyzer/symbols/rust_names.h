/* rust_names.h - names of Rust's functions with the types that they were compiled for. */
#ifndef LIBTRACE_SYMBOLS_RUST_NAMES_H
#define LIBTRACE_SYMBOLS_RUST_NAMES_H

#include <elfutils/libdw.h>

/* A type parameter, and what stands for it: text that is not terminated. */
struct rust_parameter {
    const char *name;
    const char *type;
    size_t length;
};

/* Puts types in the place of parameters that stand in brackets: "alloc::vec::Vec<T,A>::push" becomes
 * "alloc::vec::Vec<u32>::push". The standard library's own allocator is left out, as in names of the newer mangling. Returns
 * malloc'ed text; NULL = nothing was to be done, or no memory. */
char *rust_filled_name(const char *name, const struct rust_parameter *parameters, size_t count);

/* The name of a function of Rust, or of its inlined call, of which debug information knows a linkage name: that of the older
 * mangling (the usual one still in rustc 1.95) has only the names of the parameters, whose types debug information has. Returns
 * malloc'ed text; NULL = another mangling, no types known, or no memory. */
char *rust_name(Dwarf_Die *function, const char *linkage_name);

#endif
