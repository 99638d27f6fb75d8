/* library_code.c - which frames belong to an allocator or to a standard library rather than to the program. */
#include "symbols.h"

#include <string.h>

/* Allocators' entry points, by exact name. Those that the C library has under several names are compared
 * without leading underscores and "libc_". */
static const char *const c_functions[] = {
    "aligned_alloc",
    "calloc",
    "cfree",
    "free",
    "free_aligned_sized",
    "free_sized",
    "malloc",
    "mallocx",
    "memalign",
    "posix_memalign",
    "pvalloc",
    "realloc",
    "reallocarray",
    "reallocf",
    "valloc",
    "int_malloc",
    "int_realloc",
    "int_free",
    "int_memalign",
    "malloc_hook_ini",
    "rust_alloc",
    "rust_realloc",
    "rust_dealloc",
    "rust_alloc_zeroed",
    "rdl_alloc",
    "rdl_realloc",
    "rdl_dealloc",
    "rdl_alloc_zeroed",
    "rg_alloc",
    "rg_realloc",
    "rg_dealloc",
    "rg_alloc_zeroed",
    "cxa_allocate_exception",
    "cxa_allocate_dependent_exception",
};

/* Prefixes of demangled names. */
static const char *const allocator_prefixes[] = {
    "operator new",
    "operator delete",
    "std::allocator<",
    "std::allocator_traits<",
    "std::__new_allocator<",
    "std::__allocate_at_least",
    "std::__allocate_guarded",
    "std::__libcpp_allocate",
    "std::__libcpp_operator_new",
    "std::__1::allocator<",
    "std::__1::allocator_traits<",
    "std::__1::__libcpp_allocate",
    "std::__1::__libcpp_operator_new",
    "std::__1::__allocate_at_least",
    "std::pmr::",
    "__gnu_cxx::new_allocator<",
    "__gnu_cxx::__alloc_traits<",
    "__gnu_cxx::malloc_allocator<",
    "__gnu_cxx::__mt_alloc<",
    "__gnu_cxx::__pool_alloc<",
    "__gnu_cxx::bitmap_allocator<",
    "alloc::alloc::",
    "<alloc::alloc::Global",
    "alloc::raw_vec::",
    "std::alloc::",
    "<std::alloc::System",
};

/* Whole standard libraries; only used if the file is not known, as programs may add to std. */
static const char *const library_prefixes[] = {
    "std::", "__gnu_cxx::", "__cxxabiv1::", "alloc::", "core::", "<alloc::", "<core::", "<std::",
};

/* Parts of the paths of the C++ libraries' headers and sources: gcc's, clang's, and those of
 * distributions' builds. */
static const char *const library_paths[] = {
    "/include/c++/", "/libstdc++-v3/", "/libsupc++/", "/libcxx/include/", "/libcxx/src/", "/libcxxabi/src/",
};

/* Folders of glibc's sources. */
static const char *const glibc_folders[] = {
    "argp",   "csu",   "dirent",  "elf",     "gconv",    "gmon",   "grp",    "iconv",        "inet",
    "intl",   "io",    "libio",   "locale",  "login",    "malloc", "misc",   "nptl",         "nscd",
    "nss",    "posix", "pwd",     "resolv",  "rt",       "shadow", "socket", "stdio-common", "stdlib",
    "string", "time",  "sysdeps", "termios", "timezone", "wcsmbs",
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static int starts_with_any(const char *text, const char *const *prefixes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0)
            return 1;
    return 0;
}

/* The qualified name in a demangled function, as function templates begin with their return type: what
 * follows the last space outside all brackets, before the parameters. */
static const char *qualified_name(const char *function)
{
    const char *name = function;
    int depth = 0;
    for (const char *c = function; *c; c++) {
        if (strncmp(c, "operator", 8) == 0 && depth == 0)
            return name;
        if (*c == '(' && depth == 0 && c > name)
            return name;
        if (*c == '<' || *c == '(' || *c == '[' || *c == '{')
            depth++;
        else if ((*c == '>' || *c == ')' || *c == ']' || *c == '}') && depth > 0)
            depth--;
        else if (*c == ' ' && depth == 0 && c[1] != '[')
            name = c + 1;
    }
    return name;
}

static int is_allocator(const char *function)
{
    const char *plain = function + strspn(function, "_");
    if (strncmp(plain, "libc_", 5) == 0)
        plain += 5;
    for (size_t i = 0; i < COUNT(c_functions); i++)
        if (strcmp(plain, c_functions[i]) == 0)
            return 1;
    return starts_with_any(function, allocator_prefixes, COUNT(allocator_prefixes)) ||
           starts_with_any(qualified_name(function), allocator_prefixes, COUNT(allocator_prefixes));
}

/* Rust's library: /rustc/COMMIT/library/... as built by Rust, /usr/src/rustc-VERSION/library/... as built
 * by Debian, .../rustlib/src/rust/library/... if its sources are installed; /rust/deps/... is what the
 * library itself depends on. Crates in ~/.cargo are the program's own choice. */
static int is_rust_library(const char *file)
{
    if (strncmp(file, "/rust/deps/", 11) == 0 || strstr(file, "/rustlib/src/rust/library/"))
        return 1;
    const char *rustc = strstr(file, "/rustc");
    return rustc && (rustc[6] == '/' || rustc[6] == '-') && strstr(rustc, "/library/");
}

/* strdup, fopen and the like allocate for their caller, but have lines where glibc's debug symbols are
 * installed (valgrind needs them). Debian's say "./string/./string/strdup.c" or "./dirent/../sysdeps/...":
 * the build directory is relative, which it is in nobody's own build. Other distributions' say
 * "/usr/src/debug/glibc-2.38-1/string/strdup.c". */
static int is_glibc(const char *file)
{
    const char *glibc = strstr(file, "/glibc-");
    if (glibc && glibc[7] >= '0' && glibc[7] <= '9')
        return 1;
    if (strncmp(file, "./", 2) != 0)
        return 0;
    size_t length = strcspn(file + 2, "/");
    if (strncmp(file + 2 + length, "/./", 3) != 0 && strncmp(file + 2 + length, "/../", 4) != 0)
        return 0;
    for (size_t i = 0; i < COUNT(glibc_folders); i++)
        if (strlen(glibc_folders[i]) == length && memcmp(file + 2, glibc_folders[i], length) == 0)
            return 1;
    return 0;
}

static int is_library_file(const char *file)
{
    for (size_t i = 0; i < COUNT(library_paths); i++)
        if (strstr(file, library_paths[i]))
            return 1;
    return is_rust_library(file) || is_glibc(file);
}

int symbols_is_library_code(const struct symbols_frame *frame)
{
    if (frame->function && is_allocator(frame->function))
        return 1;
    if (frame->file)
        return is_library_file(frame->file);
    return frame->function &&
           starts_with_any(qualified_name(frame->function), library_prefixes, COUNT(library_prefixes));
}
