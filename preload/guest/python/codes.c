/* codes.c - see codes.h. */
#include "codes.h"
#include "guest_assert.h"
#include "interpreter.h"
#include "number_cache.h"
#include "arena.h"
#include "notes.h"
#include "short_lock.h"
#include "stacks.h"

#include <string.h>

_Atomic uint64_t codes_generation = CODES_GENERATION;

static struct table numbers = {.most_bits = 14}; /* code object's address -> code number */
static struct table frames = {.most_bits = 15};  /* code number << 32 | instruction + 1 -> frame number */
/* Hash of a description -> code number. Up to a million entries, as what is forgotten would be described again. */
static struct table descriptions = {.most_bits = 18};

/* The address of each code number's note, to compare with. Only touched as far as it is used. */
#define NOTES_KEPT (1u << 20)
static struct wire_note_code **kept_notes;

/* For writing to them. */
static struct short_lock tables_lock;

/* ---- reading objects ------------------------------------------------------------------------ */

static inline uint64_t word_at(uintptr_t object, unsigned offset)
{
    return *(const uint64_t *)(object + offset);
}

static bool has_type(uintptr_t object, const void *type)
{
    return object && (const void *)word_at(object, PYTHON_OBJECT_TYPE) == type;
}

/* A file name may be an instance of a subclass of str; types say so by a flag. */
#define STRING_SUBCLASS (1ull << 28)

static bool is_string(uintptr_t object)
{
    if (!object)
        return false;
    uintptr_t type = word_at(object, PYTHON_OBJECT_TYPE);
    return (const void *)type == python.string_type ||
           word_at(type, python.layout.type_flags) & STRING_SUBCLASS;
}

/* The characters of a str, of 1, 2 or 4 bytes each. */
struct text {
    const void *data;
    uint64_t length;
    unsigned width;
};

/* The layout of the bits in `state` has not changed since 3.3. */
static bool read_text(uintptr_t string, struct text *text)
{
    if (!is_string(string))
        return false;
    uint32_t state = *(const uint32_t *)(string + PYTHON_STRING_STATE);
    bool compact = state >> 5 & 1, ascii = state >> 6 & 1;
    text->width = state >> 2 & 7;
    text->length = word_at(string, PYTHON_STRING_LENGTH);
    uintptr_t wide = string + python.layout.string_wide_data;
    text->data =
        !compact ? *(void *const *)wide : (const void *)(ascii ? string + python.layout.string_data : wide);
    return text->data && text->length < (1u << 20) &&
           (text->width == 1 || text->width == 2 || text->width == 4);
}

static uint32_t text_character(const struct text *text, uint64_t i)
{
    return text->width == 1   ? ((const uint8_t *)text->data)[i]
           : text->width == 2 ? ((const uint16_t *)text->data)[i]
                              : ((const uint32_t *)text->data)[i];
}

/* Encodes a character as UTF-8; returns the number of bytes. Bytes of a file name that are not UTF-8,
 * which Python keeps as surrogates, are restored. */
static unsigned encode(uint32_t c, char out[4])
{
    if (c < 0x80 || (c >= 0xdc80 && c <= 0xdcff)) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | (c >> 18 & 7));
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* Bytes of the text as UTF-8, including a NUL. */
static uint32_t text_size(const struct text *text)
{
    uint32_t size = 1;
    char bytes[4];
    for (uint64_t i = 0; i < text->length; i++)
        size += encode(text_character(text, i), bytes);
    return size;
}

static char *text_write(const struct text *text, char *at)
{
    for (uint64_t i = 0; i < text->length; i++)
        at += encode(text_character(text, i), at);
    *at++ = '\0';
    return at;
}

/* NULL if the bytes are another text, else what follows the text there. */
static const char *text_compare(const struct text *text, const char *at)
{
    for (uint64_t i = 0; i < text->length; i++) {
        char bytes[4];
        unsigned size = encode(text_character(text, i), bytes);
        if (memcmp(bytes, at, size) != 0)
            return NULL;
        at += size;
    }
    return *at == '\0' ? at + 1 : NULL;
}

/* ---- describing a code object ---------------------------------------------------------------- */

struct description {
    struct text file, name;
    uint32_t file_size, name_size;
    const uint8_t *lines;
    uint64_t lines_size;
    int32_t first_line;
};

/* False if this is not a code object, or its parts have unexpected types. */
static bool read_description(uintptr_t code, struct description *d)
{
    const struct python_layout *l = &python.layout;
    if (!has_type(code, python.code_type))
        return false;
    uintptr_t lines = word_at(code, l->code_lines);
    if (!read_text(word_at(code, l->code_file), &d->file) ||
        !read_text(word_at(code, l->code_name), &d->name) || !has_type(lines, python.bytes_type))
        return false;
    d->file_size = text_size(&d->file);
    d->name_size = text_size(&d->name);
    d->lines = (const uint8_t *)lines + PYTHON_BYTES_DATA;
    d->lines_size = word_at(lines, PYTHON_BYTES_SIZE);
    d->first_line = *(const int32_t *)(code + l->code_first_line);
    return d->lines_size < (1u << 24);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
    return hash ^ hash >> 29;
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, uint64_t size)
{
    const uint8_t *at = bytes;
    uint64_t word;
    for (; size >= sizeof word; at += sizeof word, size -= sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = mix(hash, word);
    }
    word = 0;
    memcpy(&word, at, size);
    return mix(hash, word ^ size << 56);
}

static uint64_t hash_description(const struct description *d)
{
    uint64_t hash = hash_bytes((uint64_t)(uint32_t)d->first_line, d->lines, d->lines_size);
    hash = hash_bytes(hash, d->file.data, d->file.length * d->file.width);
    hash = hash_bytes(hash, d->name.data, d->name.length * d->name.width);
    return hash ? hash : 1;
}

static bool same_description(const struct description *d, const struct wire_note_code *note)
{
    if (note->first_line != d->first_line || note->table_size != d->lines_size ||
        note->file_size != d->file_size || note->name_size != d->name_size)
        return false;
    const char *at = text_compare(&d->file, note->bytes);
    if (at)
        at = text_compare(&d->name, at);
    return at && memcmp(at, d->lines, d->lines_size) == 0;
}

static struct wire_note_code *note_of(uint32_t number)
{
    return kept_notes && number < NOTES_KEPT ? kept_notes[number] : NULL;
}

static void keep_note(uint32_t number, struct wire_note_code *note)
{
    if (!kept_notes)
        kept_notes = guest_pages(NOTES_KEPT * sizeof *kept_notes);
    if (kept_notes && number < NOTES_KEPT)
        kept_notes[number] = note;
}

/* Writes the note; returns the new number, 0 = the arena is full. */
static uint32_t write_note(const struct description *d)
{
    size_t size = sizeof(struct wire_note_code) + d->file_size + d->name_size + d->lines_size;
    struct wire_note_code *note = note_reserve(size);
    if (!note)
        return 0;
    note->number = atomic_fetch_add(&process->codes, 1) + 1;
    note->first_line = d->first_line;
    note->file_size = d->file_size;
    note->name_size = d->name_size;
    note->table_size = (uint32_t)d->lines_size;
    note->version = python.layout.version;
    char *at = text_write(&d->file, note->bytes);
    at = text_write(&d->name, at);
    guest_assert(at == note->bytes + d->file_size + d->name_size);
    memcpy(at, d->lines, d->lines_size);
    keep_note(note->number, note);
    uint32_t number = note->number;
    note_publish(note, WIRE_NOTE_CODE);
    return number;
}

/* Needs the lock. */
static uint32_t describe(uintptr_t code)
{
    struct description d;
    guest_assert(short_lock_held(&tables_lock));
    if (!read_description(code, &d))
        return 0;
    uint64_t hash = hash_description(&d);
    uint32_t number = table_get(&descriptions, hash);
    const struct wire_note_code *note = number ? note_of(number) : NULL;
    if (!note || !same_description(&d, note)) {
        number = write_note(&d);
        if (number)
            table_put(&descriptions, hash, number);
    }
    return number;
}

static NOINLINE uint32_t code_number_slow(uintptr_t code)
{
    if (!short_lock_take(&tables_lock))
        return 0;
    uint32_t number = table_get(&numbers, code);
    if (!number) {
        number = describe(code);
        if (number)
            table_put(&numbers, code, number);
    }
    short_lock_give_back(&tables_lock);
    return number;
}

/* ---- instructions ---------------------------------------------------------------------------- */

/* Bytes from the start of the bytecode; negative: not started. */
static int32_t instruction_offset(uintptr_t code, uint64_t raw)
{
    switch (python.layout.instruction) {
    case PYTHON_BYTES:
        return (int32_t)raw;
    case PYTHON_UNITS:
        return (int32_t)raw * 2;
    default:
        return (int32_t)(raw - code - python.layout.code_bytecode);
    }
}

static NOINLINE uint32_t frame_slow(uint64_t key, uint32_t number, int32_t offset)
{
    if (!short_lock_take(&tables_lock))
        return 0;
    uint32_t frame = table_get(&frames, key);
    if (!frame) {
        frame = stacks_frame(WIRE_FRAME_PYTHON, (uint64_t)(int64_t)offset, number);
        if (frame)
            table_put(&frames, key, frame);
    }
    short_lock_give_back(&tables_lock);
    return frame;
}

uint32_t codes_frame(uintptr_t code, uint64_t raw)
{
    uint32_t number = table_get(&numbers, code);
    if (UNLIKELY(!number)) {
        number = code_number_slow(code);
        if (!number)
            return 0;
    }
    int32_t offset = instruction_offset(code, raw);
    if (offset < 0)
        offset = -2;
    uint64_t key = (uint64_t)number << 32 | (uint32_t)(offset + 3);
    uint32_t frame = table_get(&frames, key);
    return LIKELY(frame) ? frame : frame_slow(key, number, offset);
}

/* ---- the end of code objects, of processes ----------------------------------------------------- */

NOINLINE void codes_died(uintptr_t code)
{
    /* What the table has forgotten may still be remembered elsewhere. */
    if (table_drop(&numbers, code) || table_forgets(&numbers))
        atomic_fetch_add(&codes_generation, CODES_GENERATION);
}

void codes_forked(void)
{
    short_lock_open(&tables_lock);
    table_clear(&numbers);
    table_clear(&frames);
    table_clear(&descriptions);
    if (kept_notes)
        guest_unmap(kept_notes, NOTES_KEPT * sizeof *kept_notes);
    kept_notes = NULL;
    atomic_fetch_add(&codes_generation, CODES_GENERATION);
}
