/* source_file.c - see source_file.h. */
#define _GNU_SOURCE
#include "source_file.h"
#include "text.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *source_wanted;

/* Suffixes of source files of compiled languages and of Python. Other files may hold anything: keys,
 * passwords, mail. */
static const char *const suffixes[] = {
    "c",   "h",   "cc",  "hh",  "cpp", "hpp", "cxx", "hxx",  "c++",   "h++", "inc", "inl",
    "ipp", "tcc", "tpp", "txx", "def", "m",   "mm",  "s",    "asm",   "y",   "l",   "yy",
    "ll",  "cu",  "cuh", "cl",  "py",  "pyx", "pxd", "pxi",  "pyw",   "rs",  "go",  "d",
    "di",  "zig", "nim", "cr",  "v",   "f",   "for", "f77",  "f90",   "f95", "f03", "f08",
    "adb", "ads", "pas", "pp",  "ml",  "mli", "hs",  "vala", "swift",
};

static int is_source(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path,
               *dot = strrchr(name, '.');

    if (dot == NULL || dot == name || *name == '.')
        return 0;
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        if (strcasecmp(dot + 1, suffixes[i]) == 0)
            return 1;
    return 0;
}

/* The part of path that follows directory; NULL if it is not below it. */
static const char *below(const char *directory, const char *path)
{
    size_t size = strlen(directory);

    if (strcmp(directory, "/") == 0)
        return path[0] == '/' && path[1] != '\0' ? path + 1 : NULL;
    return strncmp(path, directory, size) == 0 && path[size] == '/' ? path + size + 1 : NULL;
}

/* Opens a file below a directory, where no part of either path is a symbolic link, nor can become one
 * meanwhile.
 */
static int open_below(const char *directory, const char *rest)
{
    int at = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    char name[256];

    while (at >= 0) {
        size_t size = strcspn(rest, "/");
        int last = rest[size] == '\0';

        if (size == 0 || size >= sizeof name)
            break;
        memcpy(name, rest, size);
        name[size] = '\0';
        int flags = last ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH | O_DIRECTORY;
        int next = strcmp(name, "..") == 0 ? -1 : openat(at, name, flags | O_NOFOLLOW | O_CLOEXEC);

        close(at);
        if (last)
            return next;
        at = next;
        rest += size + 1;
    }
    if (at >= 0)
        close(at);
    return -1;
}

/* Opens the file only if it lies below the directory after all links have been followed. */
static int open_in_tree(const char *directory, const char *path, int *hidden)
{
    char *tree = realpath(directory, NULL), *real = realpath(path, NULL);
    const char *rest = tree != NULL && real != NULL ? below(tree, real) : NULL;
    int fd = -1;

    *hidden = real != NULL;
    if (rest != NULL && is_source(real)) {
        fd = open_below(tree, rest);
        *hidden = 0;
    }
    free(tree);
    free(real);
    return fd;
}

/* Opens the same file in `directory`, if it was below the directory that the run was started in. */
static int open_moved(const char *directory, const struct run *run, const char *path, int *hidden)
{
    const char *rest = *run->root == '/' ? below(run->root, path) : NULL;
    int fd = -1, ignored;

    if (rest != NULL) {
        char *moved = text_make("%s/%s", directory, rest);

        fd = open_in_tree(directory, moved, &ignored);
        free(moved);
    }
    *hidden &= fd < 0;
    return fd;
}

int source_open(const struct run *run, const char *path, int *hidden)
{
    const char *wanted = source_wanted != NULL ? source_wanted : "";

    *hidden = 0;
    if (strcmp(wanted, "any") == 0 || (*wanted == '\0' && run->ours))
        return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*wanted != '\0') {
        int fd = open_in_tree(wanted, path, hidden);

        return fd >= 0 ? fd : open_moved(wanted, run, path, hidden);
    }
    char *here = getcwd(NULL, 0);
    int fd = here != NULL && strcmp(here, "/") != 0 ? open_in_tree(here, path, hidden) : -1;

    *hidden |= here != NULL && strcmp(here, "/") == 0;
    free(here);
    return fd;
}
