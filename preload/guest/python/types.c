/* types.c - see types.h. */
#include "types.h"
#include "arena.h"
#include "guest_assert.h"
#include "interpreter.h"
#include "modules.h"
#include "notes.h"
#include "safe_read.h"
#include "sampler.h"
#include "short_lock.h"
#include "stacks.h"

#include <string.h>

/* ---- the layout of objects, the same since 3.8 ---------------------------------------------------------- */

#define TYPE_NAME 24
#define TYPE_BASIC_SIZE 32
#define TYPE_ITEM_SIZE 40
#define TYPE_DICT 264
#define TYPE_DICT_OFFSET 288
#define TYPE_COPIED 296
#define TYPE_KEYS 8 /* behind the qualified name of a class */

#define HEAP_FLAG (1ull << 9)
#define READY_FLAG (1ull << 12)
#define TUPLE_FLAG (1ull << 26)
#define BYTES_FLAG (1ull << 27)
#define STRING_FLAG (1ull << 28)
#define TYPE_FLAG (1ull << 31)

#define METATYPES 8 /* a type's type, its type and so on: more are not looked at */

/* ---- what is known ------------------------------------------------------------------------------------- */

#define TYPES_MOST (1u << 16) /* numbers; types beyond are not described */

/* What was described, by any GIL's holder. Of what has a number the rest may be read without the lock. */
static struct short_lock describing;
static struct table descriptions = {.most_bits = 16}; /* hash of a description -> number */
static struct known_type {
    struct types_entry entry;
    uint32_t module_size, name_size;
    const struct wire_note_object_type *note;
} * _Atomic known; /* by number; NULL = none yet. Only touched as far as it is used. */

void types_prepare(struct types_known *of)
{
    of->numbers.most_bits = 10;
    of->made.most_bits = 12;
}

static const struct types_entry *entry_at(uint32_t number)
{
    return &atomic_load_explicit(&known, memory_order_acquire)[number].entry;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static uint64_t word_in(const char *object, size_t offset)
{
    uint64_t word;
    memcpy(&word, object + offset, sizeof word);
    return word;
}

#define TEXT_MOST 512u

/* A NUL-terminated text; longer ones are cut. */
static bool copy_text(char text[TEXT_MOST], uintptr_t from)
{
    const size_t piece = 64;
    for (size_t size = 0, step; size < TEXT_MOST; size += step) {
        step = piece - (from + size) % piece;
        if (step > TEXT_MOST - size)
            step = TEXT_MOST - size;
        if (!safe_read(text + size, from + size, step))
            return false;
        for (size_t i = size; i < size + step; i++)
            if (text[i] == '\0')
                return true;
    }
    text[TEXT_MOST - 1] = '\0';
    return true;
}

/* A str, as UTF-8 if it is ASCII or kept as that: classes have been named before, which makes Python keep it. */
static bool copy_string(char text[TEXT_MOST], uintptr_t string)
{
    char head[64];
    if (!safe_read(head, string, sizeof head) ||
        word_in(head, PYTHON_OBJECT_TYPE) != (uint64_t)(uintptr_t)python.string_type)
        return false;
    uint32_t state = (uint32_t)word_in(head, PYTHON_STRING_STATE);
    uint64_t length = word_in(head, PYTHON_STRING_LENGTH);
    bool ascii = (state >> 5 & 3) == 3;
    if (!ascii ||
        length >= TEXT_MOST) /* of others the UTF-8 follows the length and state, if it was asked for */
        return !ascii && (state >> 5 & 1) &&
               copy_text(text, word_in(head, python.layout.string_data + sizeof(uint64_t)));
    text[length] = '\0';
    return safe_read(text, string + python.layout.string_data, length);
}

/* ---- a class's module: an entry of its dict ------------------------------------------------------------- */

#define DICT_KEYS 32
#define KEYS_LOOKED 16 /* the module is among the first names in a class's dict */

struct keys {
    uintptr_t entries;
    uint64_t count;
    size_t entry, key; /* bytes of an entry; where the key is in it: the value follows it */
};

static bool read_keys(struct keys *keys, uintptr_t dict)
{
    uintptr_t at;
    char head[40];
    if (!safe_read(&at, dict + DICT_KEYS, sizeof at) || !safe_read(head, at, sizeof head))
        return false;
    if (python.layout.version < PYTHON_VERSION(3, 11)) {
        uint64_t size = word_in(head, 8);
        unsigned index = size <= 0xff ? 1 : size <= 0xffff ? 2 : 4;
        *keys = (struct keys){at + 40 + size * index, word_in(head, 32), 24, 8};
        return size >= 8 && size < 1u << 20;
    }
    unsigned index_bits = (unsigned char)head[9];
    bool general = head[10] == 0;
    *keys = (struct keys){at + 32 + ((uintptr_t)1 << (index_bits & 31)), word_in(head, 24), general ? 24 : 16,
                          general ? 8 : 0};
    return index_bits < 24 && head[10] <= 1;
}

static bool find_module(char module[TEXT_MOST], uintptr_t dict)
{
    struct keys keys;
    if (!read_keys(&keys, dict))
        return false;
    for (uint64_t i = 0; i < keys.count && i < KEYS_LOOKED; i++) {
        uintptr_t pair[2]; /* key, value */
        if (!safe_read(pair, keys.entries + i * keys.entry + keys.key, sizeof pair))
            return false;
        if (pair[0] && copy_string(module, pair[0]) && strcmp(module, "__module__") == 0)
            return copy_string(module, pair[1]);
    }
    return false;
}

/* ---- a type -------------------------------------------------------------------------------------------- */

struct description {
    char type[TYPE_COPIED];
    char module[TEXT_MOST], name[TEXT_MOST];
};

static bool has_form_of_type(const char *type)
{
    int64_t basic = (int64_t)word_in(type, TYPE_BASIC_SIZE), item = (int64_t)word_in(type, TYPE_ITEM_SIZE);
    return basic >= 16 && basic < 1 << 30 && item >= 0 && item < 1 << 30 && word_in(type, TYPE_NAME);
}

/* True if its type, and so on, is `type`. */
static bool is_type(const struct types_known *of, const char *type)
{
    char copied[TYPE_COPIED];
    uintptr_t meta = word_in(type, PYTHON_OBJECT_TYPE);
    for (unsigned i = 0; i < METATYPES; i++) {
        if (meta == (uintptr_t)python.type_type)
            return true;
        uint32_t number = table_get(&of->numbers, meta);
        if (number)
            return entry_at(number)->meta;
        if (meta < 4096 || meta % 8 || !safe_read(copied, meta, sizeof copied) || !has_form_of_type(copied) ||
            !(word_in(copied, python.layout.type_flags) & TYPE_FLAG))
            return false;
        meta = word_in(copied, PYTHON_OBJECT_TYPE);
    }
    return false;
}

/* The names: static types, and those that C code makes, have their module in one with their name. */
static bool read_names(struct description *d, uintptr_t address)
{
    uintptr_t qualified;
    d->module[0] = '\0';
    if (!copy_text(d->name, word_in(d->type, TYPE_NAME)))
        return false;
    if (!(word_in(d->type, python.layout.type_flags) & HEAP_FLAG) || strchr(d->name, '.'))
        return true;
    if (safe_read(&qualified, address + python.layout.type_qualified_name, sizeof qualified) && qualified) {
        char name[TEXT_MOST];
        if (copy_string(name, qualified))
            memcpy(d->name, name, strlen(name) + 1);
    }
    if (!find_module(d->module, word_in(d->type, TYPE_DICT)))
        d->module[0] = '\0';
    return true;
}

/* *early: it is a type, but not complete yet, as some are while the interpreter starts. */
static bool read_description(const struct types_known *of, struct description *d, uintptr_t address,
                             bool *early)
{
    if (!safe_read(d->type, address, sizeof d->type) || !has_form_of_type(d->type) || !is_type(of, d->type))
        return false;
    *early = !(word_in(d->type, python.layout.type_flags) & READY_FLAG);
    return !*early && read_names(d, address);
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
    return (hash ^ 0xff) * 0x100000001b3ull;
}

static uint64_t hash_of(const struct description *d)
{
    uint64_t hash = hash_text(hash_text(0xcbf29ce484222325ull, d->module), d->name);
    hash = (hash ^ word_in(d->type, TYPE_BASIC_SIZE)) * 0x9e3779b97f4a7c15ull;
    return hash ? hash : 1;
}

/* Flags that are set while a type lives, such as that its version is valid, do not make it another one. */
#define LASTING_FLAGS \
    (TYPES_MANAGED | HEAP_FLAG | TYPES_GC | TUPLE_FLAG | BYTES_FLAG | STRING_FLAG | TYPE_FLAG)

static uint64_t lasting_flags(const struct description *d)
{
    return word_in(d->type, python.layout.type_flags) & LASTING_FLAGS;
}

static bool is_noted(const struct description *d, const struct known_type *type)
{
    const struct wire_note_object_type *note = type->note;
    if (type->module_size != strlen(d->module) + 1 || type->name_size != strlen(d->name) + 1)
        return false;
    return (note->flags & LASTING_FLAGS) == lasting_flags(d) &&
           note->basic_size == (int64_t)word_in(d->type, TYPE_BASIC_SIZE) &&
           note->item_size == (int64_t)word_in(d->type, TYPE_ITEM_SIZE) &&
           memcmp(note->text, d->module, type->module_size) == 0 &&
           memcmp(note->text + type->module_size, d->name, type->name_size) == 0;
}

static struct wire_note_object_type *write_note(const struct description *d, uint32_t number, uint32_t stack,
                                                uint32_t module, uint32_t name)
{
    struct wire_note_object_type *note = note_reserve(sizeof *note + module + name);
    if (!note)
        return NULL;
    note->number = number;
    note->flags = word_in(d->type, python.layout.type_flags);
    note->heap = (note->flags & HEAP_FLAG) != 0;
    note->basic_size = (int64_t)word_in(d->type, TYPE_BASIC_SIZE);
    note->item_size = (int64_t)word_in(d->type, TYPE_ITEM_SIZE);
    note->dict_offset = (int64_t)word_in(d->type, TYPE_DICT_OFFSET);
    note->headers = types_headers(note->flags);
    note->made = stack;
    note->version = python.layout.version;
    note->keys = note->heap ? python.layout.type_qualified_name + TYPE_KEYS : 0;
    note->module_size = module;
    note->name_size = name;
    memcpy(note->text, d->module, module);
    memcpy(note->text + module, d->name, name);
    note_publish(note, WIRE_NOTE_TYPE);
    return note;
}

static struct types_entry entry_of(const struct description *d, uint32_t number)
{
    uint64_t flags = lasting_flags(d);
    uint32_t headers = types_headers(flags);
    /* A str with its characters behind its head is smaller than its type says. */
    uint64_t least = flags & STRING_FLAG ? python.layout.string_data : word_in(d->type, TYPE_BASIC_SIZE);
    return (struct types_entry){stacks_frame(WIRE_FRAME_TYPE, 0, number), headers + PYTHON_OBJECT_TYPE,
                                headers + least, (flags & TYPE_FLAG) != 0,
                                (flags & (STRING_FLAG | BYTES_FLAG | TUPLE_FLAG)) != 0};
}

/* Needs the lock. stack: that made it; 0 = not known. Returns the new number; 0 = no room. */
static uint32_t add(const struct description *d, uint64_t hash, uint32_t stack)
{
    struct known_type *all = atomic_load(&known);
    guest_assert(short_lock_held(&describing));
    if (!all)
        atomic_store(&known, all = guest_pages(TYPES_MOST * sizeof *all));
    if (!all || atomic_load(&process->types) + 1 >= TYPES_MOST)
        return 0;
    uint32_t number = atomic_fetch_add(&process->types, 1) + 1;
    uint32_t module = (uint32_t)strlen(d->module) + 1, name = (uint32_t)strlen(d->name) + 1;
    const struct wire_note_object_type *note =
        number < TYPES_MOST ? write_note(d, number, stack, module, name) : NULL;
    if (!note)
        return 0;
    all[number] = (struct known_type){entry_of(d, number), module, name, note};
    table_put(&descriptions, hash, number);
    return number;
}

/* *later: it is to be asked again, see read_description(), or as others are describing theirs. */
static uint32_t describe(const struct types_known *of, uintptr_t address, bool *later)
{
    struct description d;
    if (!read_description(of, &d, address, later))
        return 0;
    *later = !short_lock_take(&describing);
    if (*later)
        return 0;
    uint64_t hash = hash_of(&d);
    uint32_t number = table_get(&descriptions, hash);
    if (!number || !is_noted(&d, &atomic_load(&known)[number]))
        number = add(&d, hash, table_get(&of->made, address));
    short_lock_give_back(&describing);
    return number;
}

static uintptr_t *rejected_place(struct types_known *of, uintptr_t address)
{
    return &of->rejected[address * 0x9e3779b97f4a7c15ull >> (64 - TYPES_REJECTED_BITS)];
}

static uintptr_t *incomplete_place(struct types_known *of, uintptr_t address)
{
    return &of->incomplete[address * 0x9e3779b97f4a7c15ull >> (64 - TYPES_INCOMPLETE_BITS)];
}

/* True of the interpreter's own static types: their memory stays what it is. */
static bool is_interpreters(uintptr_t address)
{
    struct module module;
    return modules_find((uintptr_t)python.type_type, &module) && address >= module.start &&
           address < module.end;
}

/* address: of what is a type, which was read. */
static void note_incomplete(struct types_known *of, uintptr_t address)
{
    if (is_interpreters(address))
        *incomplete_place(of, address) = address;
}

bool types_incomplete(struct types_known *of, uintptr_t address)
{
    return address && *incomplete_place(of, address) == address &&
           !(word_in((const char *)address, python.layout.type_flags) & READY_FLAG);
}

static NOINLINE const struct types_entry *look(struct types_known *of, uintptr_t address)
{
    bool later = false;
    uint32_t number = describe(of, address, &later);
    if (!number) {
        if (later)
            note_incomplete(of, address);
        else if (!sampler_interval)
            *rejected_place(of, address) = address;
        return NULL;
    }
    if (!sampler_interval || is_interpreters(address))
        table_put(&of->numbers, address, number);
    return entry_at(number);
}

const struct types_entry *types_at(struct types_known *of, uintptr_t address)
{
    uint32_t number = table_get(&of->numbers, address);
    if (LIKELY(number))
        return entry_at(number);
    return *rejected_place(of, address) == address || types_incomplete(of, address) ? NULL
                                                                                    : look(of, address);
}

bool types_made(struct types_known *of, uintptr_t address, uint32_t stack)
{
    table_put(&of->made, address, stack);
    if (*rejected_place(of, address) == address)
        *rejected_place(of, address) = 0;
    return table_drop(&of->numbers, address);
}

void types_forget(struct types_known *of, bool made)
{
    table_clear(&of->numbers);
    memset(of->rejected, 0, sizeof of->rejected);
    memset(of->incomplete, 0, sizeof of->incomplete);
    if (made)
        table_clear(&of->made);
}

void types_undescribe(void)
{
    short_lock_open(&describing);
    table_clear(&descriptions);
    struct known_type *all = atomic_exchange(&known, NULL);
    if (all)
        guest_unmap(all, TYPES_MOST * sizeof *all);
}
