/* split.h - units whose functions are in another file, in cases where libdw does not find them: in a package
 * of many (prog.dwp; libdw knows these from 0.191 on), or in the object file itself (-gsplit-dwarf=single). */
#ifndef LIBTRACE_SYMBOLS_SPLIT_H
#define LIBTRACE_SYMBOLS_SPLIT_H

#include <elfutils/libdw.h>

/* The files with such units, opened when they are needed. All zero is the initial state. */
struct split_files {
    const char *path; /* the program's file; a package is beside it */
    int package;      /* descriptor; -1 = none, 0 = not searched yet */
    Elf *package_elf;
};

/* A unit taken from one of these files, as a file of its own in memory. */
struct split_unit {
    Dwarf *handle; /* NULL = not found */
    Elf *elf;
    char *memory;
};

/* Finds the unit that a skeleton unit stands for; returns 0 if there is none, or it is no skeleton. unit:
 * must be all zero. */
int split_open(struct split_files *files, Dwarf_Die *skeleton, struct split_unit *unit);
void split_close(struct split_unit *unit);
void split_files_close(struct split_files *files);

#endif
