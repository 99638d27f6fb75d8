/* program.h - finds the program that a command names, and whether a library can be preloaded into it. */
#ifndef LIBTRACE_RUN_PROGRAM_H
#define LIBTRACE_RUN_PROGRAM_H

#include <limits.h>

struct program {
    char path[PATH_MAX];     /* for execve */
    char decisive[PATH_MAX]; /* the file that matters: path itself, or the interpreter of a script */
    int shell;               /* 1: text without '#!', which execvp hands to /bin/sh */
};

enum program_kind {
    PROGRAM_FINE,     /* dynamically linked against glibc: can be traced */
    PROGRAM_UNKNOWN,  /* could not be read: try anyway */
    PROGRAM_STATIC,   /* has no dynamic linker that could load a library */
    PROGRAM_SECURE,   /* gains privileges: the dynamic linker ignores LD_PRELOAD with a path */
    PROGRAM_MACHINE,  /* of another architecture */
    PROGRAM_MUSL,     /* its dynamic linker is not glibc's, and would fail to start it */
    PROGRAM_NO_FORMAT /* neither ELF nor text: execve will report that */
};

/* Finds name as execvp would. Returns 0, or the errno of the failure: ENOENT, EACCES, EISDIR,
 * ENAMETOOLONG. */
int program_find(const char *name, struct program *program);

/* Reads the program's header, following '#!' lines; sets decisive and shell. */
enum program_kind program_inspect(struct program *program);

#endif
