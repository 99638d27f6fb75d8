/* split.h - units whose functions are in a file of their own, where libdw does not find them: in a package of
 * many (prog.dwp; libdw knows them from 0.191 on), or in the object file itself (-gsplit-dwarf=single).
 */
#ifndef LIBTRACE_SYMBOLS_SPLIT_H
#define LIBTRACE_SYMBOLS_SPLIT_H

#include <elfutils/libdw.h>

/* Files that such units are in, opened as they are needed. All zero at first. */
struct split_files {
    const char *path; /* of the program's file; its package is beside it */
    int package;      /* descriptor; -1: there is none, 0: not looked for yet */
    Elf *package_elf;
};

/* A unit that was taken out of one: as a file of its own, in memory. */
struct split_unit {
    Dwarf *handle; /* NULL: not there */
    Elf *elf;
    char *memory;
};

/* Finds what a skeleton unit stands for; 0: it is nowhere, or stands for itself. unit: all zero before. */
int split_open(struct split_files *files, Dwarf_Die *skeleton, struct split_unit *unit);
void split_close(struct split_unit *unit);
void split_files_close(struct split_files *files);

#endif
