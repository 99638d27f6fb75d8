/* folder.h - a folder of this process for databases and other files, in memory where there is room. */
#ifndef LIBTRACE_FUZZ_FOLDER_H
#define LIBTRACE_FUZZ_FOLDER_H

#include <stddef.h>

#define FOLDER_PATH 128

/* The path of a file in it, in a buffer of FOLDER_PATH. */
char *folder_path(const char *name, char *path);

/* Removes all files from it. */
void folder_clear(void);

/* Writes a file in it. */
void folder_write(const char *name, const void *bytes, size_t size);

/* The whole content of a file in it, malloc'ed, with a NUL behind it; NULL = there is none. */
char *folder_read(const char *name, size_t *size);

#endif
