/* types.c - see types.h. */
#define _GNU_SOURCE
#include "types.h"
#include "arena.h"
#include "extent.h"
#include "guest_assert.h"
#include "interpreter.h"
#include "modules.h"
#include "notes.h"
#include "number_cache.h"
#include "sampler.h"
#include "stacks.h"
#include "system_call.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

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
#define DESCRIPTIONS_MOST 16  /* bits */
#define MADE_MOST 12          /* bits */
#define REJECTED_BITS 8
#define INCOMPLETE_BITS 8

static struct table numbers = {.bits = 10};      /* address -> number */
static struct table descriptions = {.bits = 10}; /* hash of a description -> number; it grows */
static struct table made = {.bits = 8};          /* address -> node of the stack that made it */
static struct known_type {
    struct types_entry entry;
    uint32_t module_size, name_size;
    const struct wire_note_object_type *note;
} * known; /* by number; NULL = none yet. Only touched as far as it is used. */

/* What turned out to be no type, by address: objects in raw blocks are looked at once only. */
static uintptr_t rejected[1u << REJECTED_BITS];

/* Types of the interpreter's own module that are not complete yet, by address: its memory stays, so that the flag which
 * says when they are can be read as it is. */
static uintptr_t incomplete[1u << INCOMPLETE_BITS];

/* ---- reading ------------------------------------------------------------------------------------------- */

/* How memory is read that may not be there. A seccomp filter that was there before us may kill for a system call that
 * programs seldom make: then, and where the kernel has no such call, the page is probed by one that all of them make. */
static enum { UNDECIDED, BY_KERNEL, BY_PROBING } reading;

static bool by_kernel(void *to, uintptr_t from, size_t size)
{
    struct iovec here = {to, size}, there = {(void *)from, size};
    long result = system_call(SYS_process_vm_readv, guest_pid(), (long)&here, 1, (long)&there, 1, 0);
    if (UNLIKELY(result == -ENOSYS || result == -EPERM))
        reading = BY_PROBING;
    return result == (long)size;
}

/* False if the memory is not there, or the kernel may not be asked. */
static bool copy(void *to, uintptr_t from, size_t size)
{
    if (guest_confined)
        return false;
    if (UNLIKELY(reading == UNDECIDED))
        reading = system_call(SYS_prctl, PR_GET_SECCOMP, 0, 0, 0, 0, 0) == 0 ? BY_KERNEL : BY_PROBING;
    if (reading == BY_KERNEL && by_kernel(to, from, size))
        return true;
    if (reading != BY_PROBING || !extent_readable_all(from, size))
        return false;
    memcpy(to, (const void *)from, size);
    return true;
}

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
        if (!copy(text + size, from + size, step))
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
    if (!copy(head, string, sizeof head) ||
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
    return copy(text, string + python.layout.string_data, length);
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
    if (!copy(&at, dict + DICT_KEYS, sizeof at) || !copy(head, at, sizeof head))
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
        if (!copy(pair, keys.entries + i * keys.entry + keys.key, sizeof pair))
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
static bool is_type(const char *type)
{
    char copied[TYPE_COPIED];
    uintptr_t meta = word_in(type, PYTHON_OBJECT_TYPE);
    for (unsigned i = 0; i < METATYPES; i++) {
        if (meta == (uintptr_t)python.type_type)
            return true;
        uint32_t number = table_get(&numbers, meta);
        if (number)
            return known[number].entry.meta;
        if (meta < 4096 || meta % 8 || !copy(copied, meta, sizeof copied) || !has_form_of_type(copied) ||
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
    if (copy(&qualified, address + python.layout.type_qualified_name, sizeof qualified) && qualified) {
        char name[TEXT_MOST];
        if (copy_string(name, qualified))
            memcpy(d->name, name, strlen(name) + 1);
    }
    if (!find_module(d->module, word_in(d->type, TYPE_DICT)))
        d->module[0] = '\0';
    return true;
}

/* *early: it is a type, but not complete yet, as some are while the interpreter starts. */
static bool read_description(struct description *d, uintptr_t address, bool *early)
{
    if (!copy(d->type, address, sizeof d->type) || !has_form_of_type(d->type) || !is_type(d->type))
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

/* stack: that made it; 0 = not known. Returns the new number; 0 = no room. */
static uint32_t add(const struct description *d, uint64_t hash, uint32_t stack)
{
    if (!known)
        known = guest_pages(TYPES_MOST * sizeof *known);
    if (!known || atomic_load(&process->types) + 1 >= TYPES_MOST)
        return 0;
    uint32_t number = atomic_fetch_add(&process->types, 1) + 1;
    uint32_t module = (uint32_t)strlen(d->module) + 1, name = (uint32_t)strlen(d->name) + 1;
    const struct wire_note_object_type *note =
        number < TYPES_MOST ? write_note(d, number, stack, module, name) : NULL;
    if (!note)
        return 0;
    known[number] = (struct known_type){entry_of(d, number), module, name, note};
    table_put_growing(&descriptions, hash, number, DESCRIPTIONS_MOST);
    return number;
}

static uint32_t describe(uintptr_t address, bool *early)
{
    struct description d;
    if (!read_description(&d, address, early))
        return 0;
    uint64_t hash = hash_of(&d);
    uint32_t number = table_get(&descriptions, hash);
    return number && is_noted(&d, &known[number]) ? number : add(&d, hash, table_get(&made, address));
}

static uintptr_t *rejected_place(uintptr_t address)
{
    return &rejected[address * 0x9e3779b97f4a7c15ull >> (64 - REJECTED_BITS)];
}

static uintptr_t *incomplete_place(uintptr_t address)
{
    return &incomplete[address * 0x9e3779b97f4a7c15ull >> (64 - INCOMPLETE_BITS)];
}

/* address: of what is a type, which was read. */
static void note_incomplete(uintptr_t address)
{
    struct module module;
    if (modules_find((uintptr_t)python.type_type, &module) && address >= module.start && address < module.end)
        *incomplete_place(address) = address;
}

bool types_incomplete(uintptr_t address)
{
    return address && *incomplete_place(address) == address &&
           !(word_in((const char *)address, python.layout.type_flags) & READY_FLAG);
}

static NOINLINE const struct types_entry *look(uintptr_t address)
{
    bool early = false;
    uint32_t number = describe(address, &early);
    if (!number) {
        if (early)
            note_incomplete(address);
        else if (!sampler_interval)
            *rejected_place(address) = address;
        return NULL;
    }
    if (!sampler_interval)
        table_put(&numbers, address, number);
    return &known[number].entry;
}

const struct types_entry *types_at(uintptr_t address)
{
    uint32_t number = table_get(&numbers, address);
    if (LIKELY(number))
        return &known[number].entry;
    return *rejected_place(address) == address || types_incomplete(address) ? NULL : look(address);
}

bool types_made(uintptr_t address, uint32_t stack)
{
    table_put_growing(&made, address, stack, MADE_MOST);
    if (*rejected_place(address) == address)
        *rejected_place(address) = 0;
    return table_drop(&numbers, address);
}

void types_forget(bool all)
{
    table_clear(&numbers);
    memset(rejected, 0, sizeof rejected);
    memset(incomplete, 0, sizeof incomplete);
    if (!all)
        return;
    table_clear(&descriptions);
    table_clear(&made);
    if (known)
        guest_unmap(known, TYPES_MOST * sizeof *known);
    known = NULL;
}
