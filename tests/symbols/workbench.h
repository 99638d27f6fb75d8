/* workbench.h - what the tests of analyzer/symbols share: a folder to compile programs in, and their code. */
#ifndef LIBTRACE_TESTS_WORKBENCH_H
#define LIBTRACE_TESTS_WORKBENCH_H

#include <fcntl.h>
#include <gelf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char bench[64]; /* the folder; absolute */

static int bench_open(void **state)
{
    (void)state;
    strcpy(bench, "/tmp/libtrace-symbols-XXXXXX");
    return mkdtemp(bench) ? 0 : -1;
}

/* Runs a shell command in the folder; 0 = it succeeded. $P stands for the folder of the programs' sources. */
__attribute__((format(printf, 1, 2))) static int bench_run(const char *format, ...)
{
    char command[2048], line[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    snprintf(line, sizeof line, "cd '%s' && P='%s' && { %s; } >>log 2>&1", bench, SYMBOLS_PROGRAMS, command);
    return system(line);
}

static int bench_close(void **state)
{
    (void)state;
    return getenv("KEEP") ? 0 : bench_run("rm -rf '%s'", bench);
}

static __attribute__((unused)) int bench_has(const char *tool)
{
    return bench_run("command -v %s", tool) == 0;
}

/* A path in the folder; one of four buffers. */
static const char *bench_path(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", bench, name);
    return path;
}

/* The section's addresses; 0 if there is none. */
static __attribute__((unused)) int bench_section(const char *name, const char *section, uint64_t *low,
                                                 uint64_t *high)
{
    int fd = open(bench_path(name), O_RDONLY | O_CLOEXEC), found = 0;
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    Elf_Scn *scn = NULL;
    size_t names;
    while (elf && elf_getshdrstrndx(elf, &names) == 0 && !found && (scn = elf_nextscn(elf, scn)) != NULL) {
        GElf_Shdr header;
        if (gelf_getshdr(scn, &header) && strcmp(elf_strptr(elf, names, header.sh_name), section) == 0) {
            *low = header.sh_addr;
            *high = header.sh_addr + header.sh_size;
            found = 1;
        }
    }
    elf_end(elf);
    close(fd);
    return found;
}

/* The next symbol of a type of the symbol table, from 0; 0: no more. */
static int bench_next_of_type(Elf *elf, int type, int *at, const char **name, GElf_Sym *symbol)
{
    Elf_Scn *scn = NULL;
    while ((scn = elf_nextscn(elf, scn)) != NULL) {
        GElf_Shdr header;
        if (!gelf_getshdr(scn, &header) || header.sh_type != SHT_SYMTAB)
            continue;
        Elf_Data *data = elf_getdata(scn, NULL);
        while (gelf_getsym(data, (*at)++, symbol))
            if (GELF_ST_TYPE(symbol->st_info) == type && symbol->st_shndx != SHN_UNDEF) {
                *name = elf_strptr(elf, header.sh_link, symbol->st_name);
                return 1;
            }
    }
    return 0;
}

static int bench_next_symbol(Elf *elf, int *at, const char **name, GElf_Sym *symbol)
{
    return bench_next_of_type(elf, STT_FUNC, at, name, symbol);
}

/* The address of a symbol of a type; 0 if there is none of this name. */
static uint64_t bench_symbol_of_type(const char *name, int type, const char *wanted)
{
    int fd = open(bench_path(name), O_RDONLY | O_CLOEXEC), at = 0;
    uint64_t address = 0;
    const char *found;
    GElf_Sym symbol;
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    while (!address && bench_next_of_type(elf, type, &at, &found, &symbol))
        if (strcmp(found, wanted) == 0)
            address = symbol.st_value;
    elf_end(elf);
    close(fd);
    return address;
}

static __attribute__((unused)) uint64_t bench_symbol(const char *name, const char *function)
{
    return bench_symbol_of_type(name, STT_FUNC, function);
}

/* The same for data. */
static __attribute__((unused)) uint64_t bench_object(const char *name, const char *object)
{
    return bench_symbol_of_type(name, STT_OBJECT, object);
}

/* Whether a function's symbol covers the address. */
static __attribute__((unused)) int bench_is_function(const char *name, uint64_t address)
{
    int fd = open(bench_path(name), O_RDONLY | O_CLOEXEC), at = 0, covered = 0;
    const char *found;
    GElf_Sym symbol;
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    while (!covered && bench_next_symbol(elf, &at, &found, &symbol))
        covered = address >= symbol.st_value && address - symbol.st_value < symbol.st_size;
    elf_end(elf);
    close(fd);
    return covered;
}

#endif
