/* vtables.c - see vtables.h. */
#define _GNU_SOURCE
#include "vtables.h"
#include "file_pages.h"
#include "sorted.h"
#include "symbols.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VTABLE "_ZTV"
#define CONSTRUCTION "_ZTC"
#define PREFIX_SIZE 4
#define STRETCH 8192 /* symbols, after which the pages of the file that they are in are given up */
#define HEAD_SIZE 16 /* offset to top, type information */

static int is_vtable(const GElf_Sym *symbol, const char *name)
{
    return name && symbol->st_shndx != SHN_UNDEF && symbol->st_size > HEAD_SIZE &&
           (strncmp(name, VTABLE, PREFIX_SIZE) == 0 || strncmp(name, CONSTRUCTION, PREFIX_SIZE) == 0);
}

static int compare(const void *a, const void *b)
{
    const struct vtable *x = a, *y = b;
    if (x->low != y->low)
        return x->low < y->low ? -1 : 1;
    return strcmp(x->name, y->name);
}

int vtables_read(struct vtables *table, const struct image *image)
{
    int total = dwfl_module_getsymtab(image->module);
    for (int i = 1; i < total; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        const char *name = dwfl_module_getsym_info(image->module, i, &symbol, &address, NULL, NULL, NULL);
        if (i % STRETCH == 0)
            file_pages_let_go_symbols(image, total);
        if (!is_vtable(&symbol, name))
            continue;
        if ((table->count & (table->count - 1)) == 0) {
            struct vtable *more = realloc(table->all, (table->count * 2 + 1) * sizeof *more);
            if (!more) {
                vtables_free(table);
                return -1;
            }
            table->all = more;
        }
        address -= image->bias;
        table->all[table->count++] = (struct vtable){name, address, address + symbol.st_size};
    }
    if (table->count > 0)
        qsort(table->all, table->count, sizeof *table->all, compare);
    file_pages_let_go_symbols(image, total);
    return 0;
}

void vtables_free(struct vtables *table)
{
    free(table->all);
    memset(table, 0, sizeof *table);
}

/* What a name stands for, behind the words that a demangler begins with. */
static const char *shown(struct strings *strings, const char *mangled, const char *words)
{
    char *text = symbols_demangle(mangled);
    size_t length = strlen(words);
    const char *found =
        text && strncmp(text, words, length) == 0 ? strings_intern(strings, text + length) : NULL;
    free(text);
    return found;
}

const char *vtables_find(const struct vtables *table, struct strings *strings, uint64_t address)
{
    size_t count = SORTED_UP_TO(table->all, table->count, low, address);
    const struct vtable *found = count > 0 ? &table->all[count - 1] : NULL;
    /* A class without virtual functions, but with a virtual base, has a vtable that ends behind its head. */
    if (found && address - found->low < HEAD_SIZE && count > 1 && address == table->all[count - 2].high)
        found--;
    if (!found || address - found->low < HEAD_SIZE || address > found->high)
        return NULL;
    if (strncmp(found->name, CONSTRUCTION, PREFIX_SIZE) == 0)
        return "";
    const char *plain = strings_intern_bytes(strings, found->name, strcspn(found->name, "@"));
    return plain ? shown(strings, plain, "vtable for ") : NULL;
}

/* A star before the name says that another module may have another type of this name. */
const char *vtables_type(struct strings *strings, const char *name)
{
    char *mangled;
    if (asprintf(&mangled, "_ZTI%s", name + (*name == '*')) < 0)
        return NULL;
    const char *found = shown(strings, mangled, "typeinfo for ");
    free(mangled);
    return found;
}
