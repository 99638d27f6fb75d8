/* symtab.c - function names from symbol tables. */
#include "symtab.h"
#include "file_pages.h"
#include "symbols.h"

#include <stdlib.h>
#include <string.h>

/* Ranks of intervals: a symbol with a size is better than one that only has a start. */
enum { RANK_SIZED, RANK_UNSIZED };

/* After so many the pages of the file that they are in are given up. The kernel maps 16 pages for each name. */
enum { STRETCH = 8192 /* symbols */, NAMES = 32 /* that were looked at, here and there */ };

void symtab_free(struct symtab *table)
{
    free(table->names);
    free(table->shown);
    free(table->aliases);
    intervals_free(&table->by_address);
    memset(table, 0, sizeof *table);
}

/* Looks at few names: those of a large program are megabytes. */
static int is_function(const GElf_Sym *symbol, const char *name)
{
    if (!name || symbol->st_shndx == SHN_UNDEF || (symbol->st_name == 0 && !*name))
        return 0;
    switch (GELF_ST_TYPE(symbol->st_info)) {
    case STT_FUNC:
    case STT_GNU_IFUNC:
        return 1;
    case STT_NOTYPE: /* labels in hand-written assembly; $x and .L are markers, not functions */
        return *name && name[0] != '$' && name[0] != '.';
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

static int is_nicer(const char *name, const char *than)
{
    size_t ugly = ugliness(name), ugly_than = ugliness(than);
    return ugly != ugly_than ? ugly < ugly_than : strcmp(name, than) > 0;
}

static int bit(const uint8_t *bits, size_t index)
{
    return bits[index / 8] >> index % 8 & 1;
}

static void set_bit(uint8_t *bits, size_t index)
{
    bits[index / 8] |= (uint8_t)(1u << index % 8);
}

/* Adds all symbols, those without a size as empty ranges; ids are in the table's order. */
static int read_all(struct symtab *table, struct interval *all, int total, const struct image *image)
{
    for (int i = 1; i < total; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        const char *name = dwfl_module_getsym_info(image->module, i, &symbol, &address, NULL, NULL, NULL);
        address -= image->bias;
        if (i % STRETCH == 0)
            file_pages_let_go_symbols(image, total);
        if (!name || !is_function(&symbol, name) || !image_is_text(image, address))
            continue;
        all[table->count] = (struct interval){address, address + symbol.st_size, (uint32_t)table->count,
                                              symbol.st_size ? RANK_SIZED : RANK_UNSIZED};
        table->names[table->count++] = name;
    }
    file_pages_let_go_symbols(image, total);
    return table->count > 0;
}

static int compare_equal_lows(const void *a, const void *b)
{
    const struct interval *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->high < y->high ? -1 : x->high > y->high;
}

/* By address; those of the same code follow each other. */
static void sort(struct interval *all, size_t count)
{
    intervals_sort(all, count);
    for (size_t from = 0, end; from < count; from = end) {
        for (end = from + 1; end < count && all[end].low == all[from].low;)
            end++;
        if (end - from > 1)
            qsort(all + from, end - from, sizeof *all, compare_equal_lows);
    }
}

/* Numbers the sorted ranges, and puts the names in the same order. */
static int sort_names(struct symtab *table, struct interval *all)
{
    const char **sorted = malloc(table->count * sizeof *sorted);
    if (!sorted)
        return -1;
    for (size_t i = 0; i < table->count; i++) {
        sorted[i] = table->names[all[i].id];
        all[i].id = (uint32_t)i;
    }
    free(table->names);
    table->names = sorted;
    return 0;
}

/* Ranges of symbols without a size end at the next symbol with a higher address. */
static void find_ends(struct intervals *ranges, const struct image *image)
{
    uint64_t next = UINT64_MAX,
             after = UINT64_MAX; /* the lows of the last range and of the first higher one */
    for (size_t i = ranges->count; i-- > 0;) {
        struct interval *range = &ranges->all[i];
        if (range->low != next) {
            after = next;
            next = range->low;
        }
        if (range->rank == RANK_UNSIZED) {
            uint64_t limit = section_end(image, range->low);
            range->high = after < limit ? after : limit;
        }
    }
}

static void find_aliases(struct symtab *table, const struct interval *all)
{
    for (size_t i = 1; i < table->count; i++)
        if (all[i].low == all[i - 1].low && all[i].high == all[i - 1].high && all[i].rank == all[i - 1].rank)
            set_bit(table->aliases, i);
}

static void leave_out_empty(struct intervals *ranges)
{
    size_t count = 0;
    for (size_t i = 0; i < ranges->count; i++)
        if (ranges->all[i].low < ranges->all[i].high)
            ranges->all[count++] = ranges->all[i];
    ranges->count = count;
}

/* Of all symbols, numbered in the table's order so far. */
static int index_symbols(struct symtab *table, const struct image *image)
{
    struct intervals *ranges = &table->by_address;
    ranges->count = table->count;
    sort(ranges->all, ranges->count);
    table->shown = calloc((table->count + 7) / 8, 1);
    table->aliases = calloc((table->count + 7) / 8, 1);
    if (!table->shown || !table->aliases || sort_names(table, ranges->all) != 0)
        return -1;
    find_ends(ranges, image);
    find_aliases(table, ranges->all);
    leave_out_empty(ranges);
    return intervals_finish(ranges);
}

int symtab_read(struct symtab *table, const struct image *image)
{
    int total = dwfl_module_getsymtab(image->module);
    struct intervals *ranges = &table->by_address;
    if (total <= 0)
        return 0;
    table->image = image;
    table->total = total;
    table->names = malloc((size_t)total * sizeof *table->names);
    if (!table->names || intervals_reserve(ranges, (size_t)total) != 0) {
        symtab_free(table);
        return -1;
    }
    if (!read_all(table, ranges->all, total, image)) {
        symtab_free(table);
        return 0;
    }
    if (index_symbols(table, image) != 0) {
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

/* Of the aliases of which this is the last. */
static const char *best_name(const struct symtab *table, size_t last)
{
    const char *best = table->names[last];
    for (size_t i = last; bit(table->aliases, i); i--) {
        const char *name = table->names[i - 1];
        if (*name && (!*best || is_nicer(name, best)))
            best = name;
    }
    return best;
}

const char *symtab_find(struct symtab *table, struct strings *strings, uint64_t address)
{
    uint32_t id = intervals_find(&table->by_address, address);
    if (id == INTERVAL_NONE)
        return NULL;
    if (!bit(table->shown, id)) {
        const char *best = best_name(table, id);
        const char *shown = *best ? shown_name(strings, best) : NULL;
        if (!shown)
            return NULL;
        table->names[id] = shown;
        set_bit(table->shown, id);
        if (++table->touched % NAMES == 0)
            file_pages_let_go_symbols(table->image, table->total);
    }
    return table->names[id];
}
