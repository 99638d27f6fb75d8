/* symtab.c - function names from symbol tables. */
#include "symtab.h"
#include "symbols.h"

#include <stdlib.h>
#include <string.h>

/* Ranks of intervals: a symbol with a size is better than one that only has a start. */
enum { RANK_SIZED, RANK_UNSIZED };

void symtab_free(struct symtab *table)
{
    free(table->all);
    intervals_free(&table->by_address);
    memset(table, 0, sizeof *table);
}

static int is_function(const GElf_Sym *symbol, const char *name)
{
    if (!name || !*name || symbol->st_shndx == SHN_UNDEF)
        return 0;
    switch (GELF_ST_TYPE(symbol->st_info)) {
    case STT_FUNC:
    case STT_GNU_IFUNC:
        return 1;
    case STT_NOTYPE: /* labels in hand-written assembly; $x and .L are markers, not functions */
        return name[0] != '$' && name[0] != '.';
    default:
        return 0;
    }
}

static uint64_t section_end(const struct image *image, uint64_t address)
{
    for (size_t i = 0; i < image->text_count; i++)
        if (address >= image->text[i].low && address < image->text[i].high)
            return image->text[i].high;
    return address;
}

/* Among aliases (malloc, __libc_malloc, __malloc), the best has the fewest underscores, then the fewest
 * letters. */
static size_t ugliness(const char *name)
{
    return strspn(name, "_") * 256 + strlen(name);
}

static int compare(const void *a, const void *b)
{
    const struct symbol *x = a, *y = b;
    if (x->low != y->low)
        return x->low < y->low ? -1 : 1;
    size_t ugly_x = ugliness(x->name), ugly_y = ugliness(y->name);
    if (ugly_x != ugly_y)
        return ugly_x > ugly_y ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int index_symbols(struct symtab *table)
{
    qsort(table->all, table->count, sizeof *table->all, compare);
    uint64_t next = UINT64_MAX; /* address of the first symbol with a higher address */
    for (size_t i = table->count; i-- > 0;) {
        const struct symbol *symbol = &table->all[i];
        if (i + 1 < table->count && table->all[i + 1].low != symbol->low)
            next = table->all[i + 1].low;
        struct interval range = {symbol->low, symbol->low + symbol->size, (uint32_t)i, RANK_SIZED};
        if (symbol->size == 0) {
            range.high = next < symbol->limit ? next : symbol->limit;
            range.rank = RANK_UNSIZED;
        }
        if (intervals_add(&table->by_address, range) != 0)
            return -1;
    }
    return intervals_finish(&table->by_address);
}

int symtab_read(struct symtab *table, const struct image *image)
{
    int total = dwfl_module_getsymtab(image->module);
    if (total <= 0)
        return 0;
    table->all = malloc((size_t)total * sizeof *table->all);
    if (!table->all)
        return -1;
    for (int i = 1; i < total; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        const char *name = dwfl_module_getsym_info(image->module, i, &symbol, &address, NULL, NULL, NULL);
        address -= image->bias;
        if (!name || !is_function(&symbol, name) || !image_is_text(image, address))
            continue;
        table->all[table->count++] =
            (struct symbol){name, NULL, address, symbol.st_size, section_end(image, address)};
    }
    if (index_symbols(table) != 0) {
        symtab_free(table);
        return -1;
    }
    return 0;
}

/* The name without its symbol version (name@VERSION, name@@VERSION). */
static const char *shown_name(struct strings *strings, const char *name)
{
    const char *plain = strings_intern_bytes(strings, name, strcspn(name, "@"));
    char *demangled = symbols_demangle(plain);
    if (!demangled)
        return plain;
    const char *shown = strings_intern(strings, demangled);
    free(demangled);
    return shown;
}

const char *symtab_find(struct symtab *table, struct strings *strings, uint64_t address)
{
    uint32_t id = intervals_find(&table->by_address, address);
    if (id == INTERVAL_NONE)
        return NULL;
    struct symbol *symbol = &table->all[id];
    if (!symbol->shown)
        symbol->shown = shown_name(strings, symbol->name);
    return symbol->shown;
}
