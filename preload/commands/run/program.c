/* program.c - finds out what kind of program a command is, see program.h. */
#include "program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SCRIPT_LEVELS 5 /* the kernel follows no more interpreters of interpreters */

static int runnable(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return errno;
    if (S_ISDIR(st.st_mode))
        return EISDIR;
    return access(path, X_OK) == 0 ? 0 : errno;
}

int program_find(const char *name, struct program *program)
{
    const char *path = getenv("PATH");
    int seen = ENOENT;

    memset(program, 0, sizeof *program);
    if (!*name)
        return ENOENT;
    if (strchr(name, '/')) {
        if ((size_t)snprintf(program->path, sizeof program->path, "%s", name) >= sizeof program->path)
            return ENAMETOOLONG;
        return runnable(name);
    }
    if (!path)
        path = "/bin:/usr/bin";
    for (const char *at = path, *end;; at = end + 1) {
        end = strchrnul(at, ':');
        int length = (int)(end - at);
        int n =
            snprintf(program->path, sizeof program->path, "%.*s%s%s", length, at, length ? "/" : "./", name);
        if (n > 0 && (size_t)n < sizeof program->path) {
            int error = runnable(program->path);
            if (error == 0)
                return 0;
            if (error != ENOENT && error != ENOTDIR) /* go on searching, but remember that one was found */
                seen = error;
        }
        if (!*end)
            return seen;
    }
}

/* True if the kernel starts it with AT_SECURE, so that the dynamic linker ignores LD_PRELOAD. */
static int secure(int fd)
{
    struct stat st;
    struct statvfs fs;

    if (fstat(fd, &st) != 0 || getuid() != geteuid() || getgid() != getegid())
        return 0;
    if (fstatvfs(fd, &fs) == 0 && fs.f_flag & ST_NOSUID)
        return 0;
    if (st.st_mode & S_ISUID && st.st_uid != getuid())
        return 1;
    if ((st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && st.st_gid != getgid())
        return 1;
    return getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

static enum program_kind inspect_elf(int fd, const char *head, size_t size)
{
    Elf64_Ehdr elf;
    Elf64_Phdr segment;
    char linker[PATH_MAX] = "";

    if (size < sizeof elf || head[EI_CLASS] != ELFCLASS64)
        return PROGRAM_MACHINE;
    memcpy(&elf, head, sizeof elf);
    if (elf.e_machine != EM_X86_64)
        return PROGRAM_MACHINE;
    for (unsigned i = 0; i < elf.e_phnum; i++) {
        if (pread(fd, &segment, sizeof segment, (off_t)(elf.e_phoff + (uint64_t)i * elf.e_phentsize)) !=
            (ssize_t)sizeof segment)
            return PROGRAM_UNKNOWN;
        if (segment.p_type != PT_INTERP)
            continue;
        size_t length = segment.p_filesz < sizeof linker ? segment.p_filesz : sizeof linker - 1;
        if (pread(fd, linker, length, (off_t)segment.p_offset) != (ssize_t)length)
            return PROGRAM_UNKNOWN;
        return strstr(linker, "musl") ? PROGRAM_MUSL : PROGRAM_FINE;
    }
    return PROGRAM_STATIC;
}

/* The dynamic loader itself has no interpreter, but is given a program to run: ld-linux-x86-64.so.2,
 * ld-2.31.so. */
static int is_loader(const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    return strncmp(base, "ld-linux", 8) == 0 || strncmp(base, "ld-2.", 5) == 0;
}

/* Writes the path of the program in a '#!' line; for "env NAME" that of NAME, found through PATH. */
static int interpreter(char *line, char path[PATH_MAX])
{
    char *save, *word;
    struct program found;

    line[strcspn(line, "\n")] = 0;
    word = strtok_r(line, " \t", &save);
    if (!word)
        return -1;
    const char *base = strrchr(word, '/');
    if (strcmp(base ? base + 1 : word, "env") == 0) {
        char *name;
        do /* options and assignments come before the name */
            name = strtok_r(NULL, " \t", &save);
        while (name && (*name == '-' || strchr(name, '=')));
        if (name && program_find(name, &found) == 0)
            word = found.path;
    }
    return (size_t)snprintf(path, PATH_MAX, "%s", word) < PATH_MAX ? 0 : -1;
}

static int is_text(const char *head, size_t size)
{
    size_t line = 0;

    while (line < size && head[line] != '\n')
        line++;
    return size && !memchr(head, 0, line);
}

enum program_kind program_inspect(struct program *program)
{
    char head[512];

    snprintf(program->decisive, sizeof program->decisive, "%s", program->path);
    for (int level = 0; level < SCRIPT_LEVELS; level++) {
        int fd = open(program->decisive, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return PROGRAM_UNKNOWN;
        ssize_t size = read(fd, head, sizeof head - 1);
        if (size < 0)
            size = 0;
        head[size] = 0;
        if (size >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0) {
            enum program_kind kind = inspect_elf(fd, head, (size_t)size);
            if (kind == PROGRAM_STATIC && is_loader(program->decisive))
                kind = PROGRAM_FINE;
            if (kind == PROGRAM_FINE && secure(fd))
                kind = PROGRAM_SECURE;
            close(fd);
            return kind;
        }
        close(fd);
        if (head[0] == '#' && head[1] == '!') {
            if (interpreter(head + 2, program->decisive) != 0)
                return PROGRAM_UNKNOWN;
        } else if (level == 0 && is_text(head, (size_t)size)) {
            program->shell = 1;
            strcpy(program->decisive, "/bin/sh");
        } else {
            return PROGRAM_NO_FORMAT;
        }
    }
    return PROGRAM_UNKNOWN;
}
