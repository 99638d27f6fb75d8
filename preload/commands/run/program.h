/* program.h - finds the program that a command names, and tells whether a library can be preloaded into it.
 */
#ifndef LIBTRACE_RUN_PROGRAM_H
#define LIBTRACE_RUN_PROGRAM_H

#include <limits.h>

struct program {
    char path[PATH_MAX];     /* what execve gets */
    char decisive[PATH_MAX]; /* the file that decides: path itself, or the interpreter of a script */
    int shell;               /* 1: text without '#!', which execvp hands to /bin/sh */
};

enum program_kind {
    PROGRAM_FINE,     /* dynamically linked against glibc: can be traced */
    PROGRAM_UNKNOWN,  /* could not be read, so it was not looked at: try */
    PROGRAM_STATIC,   /* has no dynamic linker that would load a library */
    PROGRAM_SECURE,   /* gains privileges: the dynamic linker ignores LD_PRELOAD with a path */
    PROGRAM_MACHINE,  /* of another architecture */
    PROGRAM_MUSL,     /* its dynamic linker is not glibc's and would refuse to start it */
    PROGRAM_NO_FORMAT /* neither ELF nor text: execve will say what it thinks of it */
};

/* Looks name up as execvp would. Returns 0, or the errno of the failure: ENOENT, EACCES, EISDIR,
 * ENAMETOOLONG. */
int program_find(const char *name, struct program *program);

/* Reads the program's header, following '#!' lines; fills in decisive and shell. */
enum program_kind program_inspect(struct program *program);

#endif
