/* dwarf_units.c - lines, functions and inlined calls from DWARF.
 *
 * Walking a unit's tree of DIEs for every address is what makes addr2line slow. Here the tree is walked once,
 * when the first address in the unit is looked up. What is kept is a record for each function and inlined call
 * that has code, and a flat map from addresses to these records. Names and call sites are read from their DIEs
 * when they are shown for the first time.
 *
 * Files may be corrupt or malicious: the walk visits no more DIEs than the unit has bytes, and goes only
 * forward among siblings.
 */
#include "dwarf_units.h"
#include "address_room.h"
#include "constructors.h"
#include "dies.h"
#include "file_pages.h"
#include "intervals.h"
#include "line_table.h"
#include "rust_names.h"
#include "split.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>
#include <elfutils/libdw.h>

enum {
    DEPTH_MAX = 512,       /* of nested DIEs; real ones stay below 100 */
    RANGES_MAX = 16 << 20, /* of a unit */
    UNITS = 16,            /* opened, after which the file's pages are given up */
    CALL = 0xe8,           /* the instruction for a direct call, */
    CALL_SIZE = 5,         /* which is followed by the distance */
};

#define NO_FUNCTION UINT32_MAX

/* A function that has code, or an inlined call of one. */
struct function {
    Dwarf_Off die;         /* its offset in the file that holds the unit's DIEs */
    const char *name;      /* interned; valid once is_named */
    const char *call_file; /* of an inlined call, interned; valid once is_placed */
    uint64_t
        symbol_at; /* an address whose symbol may be a better name, see dwarf_resolve(); valid with name */
    uint32_t call_line;
    uint32_t parent; /* for an inlined call: the function or call around it; else NO_FUNCTION */
    uint8_t is_named, is_placed;
};

struct unit {
    Dwarf_Die skeleton;      /* the unit in the main file: its ranges and lines */
    Dwarf_Die die;           /* the unit with the functions: in a .dwo file, or the same as skeleton */
    struct split_unit split; /* where die is from, if libdw did not find it itself */
    int is_mangled;          /* the language has mangled names */
    int is_rust;
    struct function *functions; /* in file order: a parent comes before its children */
    uint32_t function_count, function_capacity;
    struct intervals by_address; /* ids are indices into functions */
    struct line_table lines;
    struct line_table split_lines; /* for a .dwo file: only its file names, for call sites */
};

/* Where a unit is: of thousands in a large file, few are ever looked at. */
struct unit_place {
    Dwarf_Off die;     /* of its first DIE in the main file */
    struct unit *unit; /* NULL = it was not looked at yet */
};

struct dwarf {
    Dwarf *handle; /* owned by the image */
    const struct image *image;
    struct strings *strings;
    uint64_t bias; /* an address in the file minus that in the (perhaps separate) debug file */
    struct split_files split_files;
    struct unit_place *units;
    size_t unit_count, unit_capacity;
    unsigned opened;             /* units */
    struct intervals by_address; /* ids are indices into units; addresses of the debug file */
};

/* The walk through a unit. One entry for each level of the tree, the unit itself at 0. */
struct walk {
    struct dwarf *dwarf;
    struct unit *unit;
    size_t range_count;
    struct {
        Dwarf_Die die;
        uint32_t function; /* the record of this DIE, or of the nearest DIE around it that has one */
    } levels[DEPTH_MAX];
};

static void free_unit(struct unit *unit)
{
    if (!unit)
        return;
    free(unit->functions);
    intervals_free(&unit->by_address);
    lines_free(&unit->lines);
    lines_free(&unit->split_lines);
    split_close(&unit->split);
    free(unit);
}

void dwarf_free(struct dwarf *dwarf)
{
    if (!dwarf)
        return;
    for (size_t i = 0; i < dwarf->unit_count; i++)
        free_unit(dwarf->units[i].unit);
    free(dwarf->units);
    split_files_close(&dwarf->split_files);
    intervals_free(&dwarf->by_address);
    free(dwarf);
}

/* Adds all ranges of a DIE that are code. Returns how many; -1 = out of memory. */
static int add_ranges(const struct dwarf *dwarf, Dwarf_Die *die, struct intervals *to, uint32_t id,
                      size_t max)
{
    Dwarf_Addr base, low, high;
    ptrdiff_t at = 0;
    int added = 0;
    while ((size_t)added < max && (at = dwarf_ranges(die, at, &base, &low, &high)) > 0) {
        if (low >= high || !image_is_text(dwarf->image, low + dwarf->bias))
            continue;
        if (intervals_add(to, (struct interval){low, high, id, 0}) != 0)
            return -1;
        added++;
    }
    return added;
}

/* Strict DWARF 2 has no ranges for units in several pieces; but the functions have theirs. */
static int add_ranges_of_functions(const struct dwarf *dwarf, Dwarf_Die *unit, struct intervals *to,
                                   uint32_t id)
{
    Dwarf_Die die;
    int sum = 0, added = 0;
    for (int more = dwarf_child(unit, &die) == 0; more && sum < RANGES_MAX; more = die_next(&die)) {
        if (dwarf_tag(&die) != DW_TAG_subprogram)
            continue;
        added = add_ranges(dwarf, &die, to, id, (size_t)(RANGES_MAX - sum));
        if (added < 0)
            return -1;
        sum += added;
    }
    return sum;
}

static int add_unit(struct dwarf *dwarf, Dwarf_Die *skeleton)
{
    uint32_t id = (uint32_t)dwarf->unit_count;
    int added = add_ranges(dwarf, skeleton, &dwarf->by_address, id, RANGES_MAX);
    if (added == 0 && dwarf_tag(skeleton) == DW_TAG_compile_unit && !dwarf_hasattr(skeleton, DW_AT_low_pc) &&
        !dwarf_hasattr(skeleton, DW_AT_ranges))
        added = add_ranges_of_functions(dwarf, skeleton, &dwarf->by_address, id);
    if (added <= 0)
        return added;
    if (dwarf->unit_count == dwarf->unit_capacity) {
        size_t capacity = dwarf->unit_capacity ? dwarf->unit_capacity * 2 : 64;
        struct unit_place *units = realloc(dwarf->units, capacity * sizeof *units);
        if (!units)
            return -1;
        dwarf->units = units;
        dwarf->unit_capacity = capacity;
    }
    dwarf->units[dwarf->unit_count++] = (struct unit_place){.die = dwarf_dieoffset(skeleton)};
    return 0;
}

static int add_units_of(struct dwarf *dwarf, Dwarf *handle)
{
    Dwarf_CU *cu = NULL;
    Dwarf_Die die;
    while (dwarf_get_units(handle, cu, &cu, NULL, NULL, &die, NULL) == 0)
        if (dwarf_tag(&die) != DW_TAG_type_unit && add_unit(dwarf, &die) != 0)
            return -1;
    return 0;
}

/* libdw keeps the abbreviations of every unit that it was asked for, 1.4 MiB for the C library's: so it is asked
 * by a handle that is closed again. */
static int add_units(struct dwarf *dwarf)
{
    Dwarf *once = dwarf_begin_elf(dwarf_getelf(dwarf->handle), DWARF_C_READ, NULL);
    int failed = once ? add_units_of(dwarf, once) : 0;
    dwarf_end(once);
    if (!failed && dwarf->unit_count == 0)
        failed = add_units_of(dwarf, dwarf->handle);
    return failed ? -1 : intervals_finish(&dwarf->by_address);
}

struct dwarf *dwarf_read(const struct image *image, struct strings *strings)
{
    Dwarf_Addr bias;
    Dwarf *handle = dwfl_module_getdwarf(image->module, &bias);
    struct dwarf *dwarf = handle && address_room_for(dwarf_getelf(handle)) ? calloc(1, sizeof *dwarf) : NULL;
    if (!dwarf)
        return NULL;
    dwarf->handle = handle;
    dwarf->image = image;
    dwarf->strings = strings;
    dwarf->bias = bias - image->bias;
    dwarf->split_files.path = image->path;
    int failed = add_units(dwarf);
    file_pages_let_go(image, dwarf_getelf(handle));
    if (failed || dwarf->unit_count == 0) {
        dwarf_free(dwarf);
        return NULL;
    }
    return dwarf;
}

/* False for languages whose linkage names are the plain names. */
static int has_mangled_names(int language)
{
    switch (language) {
    case DW_LANG_C89:
    case DW_LANG_C:
    case DW_LANG_C99:
    case DW_LANG_C11:
    case DW_LANG_UPC:
    case DW_LANG_Ada83:
    case DW_LANG_Ada95:
    case DW_LANG_Cobol74:
    case DW_LANG_Cobol85:
    case DW_LANG_Fortran77:
    case DW_LANG_Pascal83:
    case DW_LANG_PLI:
    case DW_LANG_Mips_Assembler:
        return 0;
    default:
        return 1;
    }
}

static size_t unit_bytes(Dwarf_Die *die)
{
    Dwarf_Off start = dwarf_dieoffset(die) - dwarf_cuoffset(die), next;
    size_t header;
    if (dwarf_nextcu(dwarf_cu_getdwarf(die->cu), start, &next, &header, NULL, NULL, NULL) != 0 ||
        next < start)
        return 0;
    return next - start;
}

static int may_hold_functions(int tag)
{
    switch (tag) {
    case DW_TAG_enumeration_type:
    case DW_TAG_subroutine_type:
    case DW_TAG_array_type:
    case DW_TAG_call_site:
    case DW_TAG_GNU_call_site:
        return 0;
    default:
        return 1;
    }
}

/* Adds a function; returns its record's index, -1 = out of memory. */
static int add_function(struct unit *unit, Dwarf_Die *die, uint32_t parent)
{
    if (unit->function_count == unit->function_capacity) {
        uint32_t capacity = unit->function_capacity ? unit->function_capacity * 2 : 64;
        struct function *functions = realloc(unit->functions, capacity * sizeof *functions);
        if (!functions)
            return -1;
        unit->functions = functions;
        unit->function_capacity = capacity;
    }
    unit->functions[unit->function_count++] =
        (struct function){.die = dwarf_dieoffset(die), .parent = parent};
    return 0;
}

/* Looks at the DIE at this level; -1 = out of memory. */
static int visit(struct walk *walk, int level)
{
    Dwarf_Die *die = &walk->levels[level].die;
    uint32_t around = walk->levels[level - 1].function;
    int tag = dwarf_tag(die);
    walk->levels[level].function = around;
    if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine && tag != DW_TAG_entry_point)
        return 0;

    struct unit *unit = walk->unit;
    uint32_t id = unit->function_count;
    int added = add_ranges(walk->dwarf, die, &unit->by_address, id, RANGES_MAX - walk->range_count);
    if (added < 0)
        return -1;
    walk->range_count += (size_t)added;
    if (added == 0) {
        /* An abstract function, or one without code: what is inlined in it is not inlined in the function
         * around it. */
        if (tag != DW_TAG_inlined_subroutine)
            walk->levels[level].function = NO_FUNCTION;
        return 0;
    }
    walk->levels[level].function = id;
    return add_function(unit, die, tag == DW_TAG_inlined_subroutine ? around : NO_FUNCTION);
}

static int walk_unit(struct walk *walk)
{
    size_t budget = unit_bytes(&walk->unit->die);
    int level = 1;
    walk->levels[0].die = walk->unit->die;
    walk->levels[0].function = NO_FUNCTION;
    if (dwarf_child(&walk->levels[0].die, &walk->levels[1].die) != 0)
        return 0;
    for (; budget > 0; budget--) {
        Dwarf_Die *die = &walk->levels[level].die;
        if (visit(walk, level) != 0)
            return -1;
        if (level + 1 < DEPTH_MAX && may_hold_functions(dwarf_tag(die)) &&
            dwarf_child(die, &walk->levels[level + 1].die) == 0) {
            level++;
            continue;
        }
        while (level > 0 && !die_next(&walk->levels[level].die))
            level--;
        if (level == 0)
            break;
    }
    return 0;
}

static void read_lines(struct dwarf *dwarf, struct unit *unit)
{
    Dwarf_Attribute attribute;
    Dwarf_Word offset;
    const char *compiled_in = NULL;
    if (dwarf_attr(&unit->skeleton, DW_AT_comp_dir, &attribute))
        compiled_in = dwarf_formstring(&attribute);
    if (dwarf_attr(&unit->skeleton, DW_AT_stmt_list, &attribute) && dwarf_formudata(&attribute, &offset) == 0)
        lines_read(&unit->lines, dwarf_getelf(dwarf->handle), 0, offset, compiled_in, dwarf->image,
                   dwarf->bias);
    Dwarf *split = dwarf_cu_getdwarf(unit->die.cu);
    if (split != dwarf->handle)
        lines_read(&unit->split_lines, dwarf_getelf(split), !unit->split.handle, 0, compiled_in, dwarf->image,
                   dwarf->bias);
}

/* Looks for the unit with the functions where libdw did not find it. */
static void find_split(struct dwarf *dwarf, struct unit *unit)
{
    Dwarf_CU *cu = NULL;
    Dwarf_Die die;
    if (unit->die.addr != unit->skeleton.addr ||
        !split_open(&dwarf->split_files, &unit->skeleton, &unit->split))
        return;
    if (dwarf_get_units(unit->split.handle, cu, &cu, NULL, NULL, &die, NULL) == 0)
        unit->die = die;
    else
        split_close(&unit->split);
}

/* Without memory, the unit is treated as one without functions. */
static void read_unit(struct dwarf *dwarf, struct unit *unit)
{
    find_split(dwarf, unit);
    int language = dwarf_srclang(&unit->die);
    unit->is_mangled = has_mangled_names(language);
    unit->is_rust = language == DW_LANG_Rust;
    struct walk *walk = malloc(sizeof *walk);
    if (walk) {
        walk->dwarf = dwarf;
        walk->unit = unit;
        walk->range_count = 0;
        if (walk_unit(walk) != 0 || intervals_finish(&unit->by_address) != 0) {
            intervals_free(&unit->by_address);
            unit->function_count = 0;
        }
        free(walk);
    }
    read_lines(dwarf, unit);
}

/* NULL = out of memory. */
static struct unit *open_unit(struct dwarf *dwarf, Dwarf_Off offset)
{
    struct unit *unit = calloc(1, sizeof *unit);
    Dwarf_Die split = {0};
    if (!unit || !dwarf_offdie(dwarf->handle, offset, &unit->skeleton)) {
        free(unit);
        return NULL;
    }
    dwarf_cu_info(unit->skeleton.cu, NULL, NULL, NULL, &split, NULL, NULL, NULL);
    unit->die = split.cu ? split : unit->skeleton;
    read_unit(dwarf, unit);
    if (++dwarf->opened % UNITS == 0)
        file_pages_let_go(dwarf->image, dwarf_getelf(dwarf->handle));
    return unit;
}

static Dwarf_Die *function_die(struct unit *unit, const struct function *function, Dwarf_Die *die)
{
    return dwarf_offdie(dwarf_cu_getdwarf(unit->die.cu), function->die, die);
}

static const char *demangled(struct strings *strings, const char *name, Dwarf_Die *rust)
{
    char *text = rust ? rust_name(rust, name) : NULL;
    if (!text)
        text = symbols_demangle(name);
    const char *shown = strings_intern(strings, text ? text : name);
    free(text);
    return shown;
}

/* The function's entry, not a cold part that was moved elsewhere (whose symbol is main.cold). */
static uint64_t first_address(const struct dwarf *dwarf, Dwarf_Die *die)
{
    Dwarf_Addr base, low, high;
    return dwarf_ranges(die, 0, &base, &low, &high) > 0 ? low + dwarf->bias : DWARF_NO_SYMBOL;
}

static void name_function(struct dwarf *dwarf, struct unit *unit, struct function *function)
{
    Dwarf_Die die;
    Dwarf_Attribute attribute;
    function->is_named = 1;
    function->symbol_at = DWARF_NO_SYMBOL;
    if (!function_die(unit, function, &die))
        return;
    const char *name = NULL;
    if (dwarf_attr_integrate(&die, DW_AT_linkage_name, &attribute) ||
        dwarf_attr_integrate(&die, DW_AT_MIPS_linkage_name, &attribute))
        name = dwarf_formstring(&attribute);
    if (!name) {
        name = dwarf_diename(&die);
        if (unit->is_mangled || !name)
            function->symbol_at = first_address(dwarf, &die);
    }
    function->name = name ? demangled(dwarf->strings, name, unit->is_rust ? &die : NULL) : NULL;
}

static struct line_table *call_files(struct unit *unit)
{
    return unit->split_lines.file_count ? &unit->split_lines : &unit->lines;
}

static void place_call(struct dwarf *dwarf, struct unit *unit, struct function *function)
{
    Dwarf_Die die;
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    function->is_placed = 1;
    if (!function_die(unit, function, &die))
        return;
    if (dwarf_attr(&die, DW_AT_call_line, &attribute) && dwarf_formudata(&attribute, &value) == 0)
        function->call_line = value <= UINT32_MAX ? (uint32_t)value : 0;
    if (dwarf_attr(&die, DW_AT_call_file, &attribute) && dwarf_formudata(&attribute, &value) == 0)
        function->call_file = lines_path(call_files(unit), dwarf->strings, value);
}

static void place_innermost(struct dwarf *dwarf, struct unit *unit, uint64_t address,
                            struct symbols_frame *frame)
{
    const struct line_row *row = lines_find(&unit->lines, address);
    if (!row)
        return;
    frame->file = lines_path(&unit->lines, dwarf->strings, row->file);
    frame->line = row->line;
}

/* The unit at an address of the debug file, or NULL. */
static struct unit *find_unit(struct dwarf *dwarf, uint64_t address)
{
    uint32_t id = intervals_find(&dwarf->by_address, address);
    if (id == INTERVAL_NONE)
        return NULL;
    struct unit_place *place = &dwarf->units[id];
    if (!place->unit)
        place->unit = open_unit(dwarf, place->die);
    return place->unit;
}

size_t dwarf_resolve(struct dwarf *dwarf, uint64_t address, struct symbols_frame *frames, size_t max,
                     uint64_t *symbol_at)
{
    *symbol_at = address;
    address -= dwarf->bias;
    struct unit *unit = find_unit(dwarf, address);
    if (!unit)
        return 0;

    frames[0] = (struct symbols_frame){0};
    place_innermost(dwarf, unit, address, &frames[0]);
    uint32_t id = intervals_find(&unit->by_address, address);
    for (size_t count = 1; id != INTERVAL_NONE; count++) {
        struct function *function = &unit->functions[id];
        if (!function->is_named)
            name_function(dwarf, unit, function);
        frames[count - 1].function = function->name;
        id = function->parent;
        if (id == NO_FUNCTION) {
            *symbol_at = function->symbol_at;
            return count;
        }
        if (count == max) {
            *symbol_at = DWARF_NO_SYMBOL;
            return count;
        }
        if (!function->is_placed)
            place_call(dwarf, unit, function);
        frames[count] = (struct symbols_frame){NULL, function->call_file, function->call_line};
    }
    return 1;
}

/* A function's code. */
struct own_code {
    struct new_code code;
    struct dwarf *dwarf;
    const struct unit *unit;
    uint32_t function;
};

static int is_own_code(const struct new_code *code, uint64_t address)
{
    const struct own_code *own = (const struct own_code *)code;
    return intervals_find(&own->unit->by_address, address) == own->function;
}

static int read_code(const struct new_code *code, uint64_t address, void *to, size_t size)
{
    const struct dwarf *dwarf = ((const struct own_code *)code)->dwarf;
    return image_code(dwarf->image, address + dwarf->bias, to, size);
}

/* The function at which the direct call before a return address of x86-64 code ends. */
static int called_function(const struct new_code *code, uint64_t back, Dwarf_Die *die)
{
    struct dwarf *dwarf = ((const struct own_code *)code)->dwarf;
    unsigned char call[CALL_SIZE];
    int32_t distance;
    if (!read_code(code, back - CALL_SIZE, call, CALL_SIZE) || call[0] != CALL)
        return 0;
    memcpy(&distance, call + 1, sizeof distance);
    uint64_t address = back + (uint64_t)(int64_t)distance;
    struct unit *unit = find_unit(dwarf, address);
    uint32_t id = unit ? intervals_find(&unit->by_address, address) : INTERVAL_NONE;
    while (id != INTERVAL_NONE &&
           unit->functions[id].parent != NO_FUNCTION) /* what is inlined at its start */
        id = unit->functions[id].parent;
    return id != INTERVAL_NONE && function_die(unit, &unit->functions[id], die) &&
           first_address(dwarf, die) == address + dwarf->bias;
}

const char *dwarf_made(struct dwarf *dwarf, uint64_t address, uint64_t size)
{
    address -= dwarf->bias;
    struct unit *unit = find_unit(dwarf, address);
    uint32_t id = unit ? intervals_find(&unit->by_address, address) : INTERVAL_NONE, outermost = id;
    const struct line_row *row = id != INTERVAL_NONE ? lines_find(&unit->lines, address) : NULL;
    Dwarf_Die function, around;
    if (!row || !row->line)
        return NULL;
    while (unit->functions[outermost].parent != NO_FUNCTION)
        outermost = unit->functions[outermost].parent;
    if (!function_die(unit, &unit->functions[id], &function) ||
        !function_die(unit, &unit->functions[outermost], &around))
        return NULL;
    const struct own_code own = {{is_own_code, read_code, called_function}, dwarf, unit, id};
    const struct new_call call = {.lines = &unit->lines,
                                  .call_files = call_files(unit),
                                  .strings = dwarf->strings,
                                  .file = lines_path(&unit->lines, dwarf->strings, row->file),
                                  .line = row->line,
                                  .size = size,
                                  .back = address + 1,
                                  .code = &own.code};
    return call.file ? constructors_find(&function, &around, &call) : NULL;
}
