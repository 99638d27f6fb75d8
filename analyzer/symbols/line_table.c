/* line_table.c - a unit's line table (DWARF 2 to 5, chapter "Line Number Information").
 *
 * Every read goes through a cursor that knows its end, and every step of a line program consumes at least one
 * byte, so that a malicious table can neither lead outside its section nor into an endless loop.
 */
#include "line_table.h"
#include "sections.h"
#include "sorted.h"

#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_ROOM = 4096, FORMATS_MAX = 255 };

/* After a read past the end, is_bad is set and all reads return 0. */
struct cursor {
    const unsigned char *at, *end;
    int is_bad;
};

struct line_header {
    unsigned version;
    unsigned offset_size; /* 4 or 8 */
    unsigned minimum_advance;
    int line_base;
    unsigned line_range;
    unsigned opcode_base;
    const unsigned char *opcode_lengths; /* of opcodes 1 to opcode_base - 1 */
    struct section text, line_text;      /* .debug_str and .debug_line_str: NUL-terminated texts */
};

/* The registers of the line number machine that are needed here, and the sequence being built. */
struct machine {
    uint64_t address;
    uint64_t line;
    uint64_t file;
    size_t first_row; /* index of the sequence's first row */
    int has_failed;   /* out of memory */
};

static uint64_t read_fixed(struct cursor *c, unsigned size)
{
    uint64_t value = 0;
    if (c->is_bad || (size_t)(c->end - c->at) < size) {
        c->is_bad = 1;
        return 0;
    }
    memcpy(&value, c->at, size); /* little-endian, like this machine */
    c->at += size;
    return value;
}

static uint64_t read_unsigned(struct cursor *c)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint64_t byte = read_fixed(c, 1);
        if (shift < 64)
            value |= (byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
}

static int64_t read_signed(struct cursor *c)
{
    uint64_t value = 0;
    for (unsigned shift = 0;;) {
        uint64_t byte = read_fixed(c, 1);
        if (shift < 64)
            value |= (byte & 0x7f) << shift;
        shift += 7;
        if (byte & 0x80)
            continue;
        if ((byte & 0x40) && shift < 64)
            value |= ~UINT64_C(0) << shift;
        return (int64_t)value;
    }
}

static void skip(struct cursor *c, uint64_t size)
{
    if (c->is_bad || size > (size_t)(c->end - c->at))
        c->is_bad = 1;
    else
        c->at += size;
}

static const char *read_string(struct cursor *c)
{
    const unsigned char *nul = c->is_bad ? NULL : memchr(c->at, 0, (size_t)(c->end - c->at));
    const char *text = (const char *)c->at;
    if (!nul) {
        c->is_bad = 1;
        return NULL;
    }
    c->at = nul + 1;
    return text;
}

static const char *string_at(const struct section *section, uint64_t offset)
{
    if (offset >= section->size || !memchr(section->text + offset, 0, section->size - offset))
        return NULL;
    return section->text + offset;
}

static int add_directory(struct line_table *table, const char *name)
{
    const char **directories =
        realloc(table->directories, (table->directory_count + 1) * sizeof *table->directories);
    if (!directories)
        return -1;
    table->directories = directories;
    table->directories[table->directory_count++] = name;
    return 0;
}

static int add_file(struct line_table *table, const char *name, uint64_t directory)
{
    struct line_file *files = realloc(table->files, (table->file_count + 1) * sizeof *files);
    if (!files)
        return -1;
    table->files = files;
    table->files[table->file_count++] = (struct line_file){name, NULL, directory};
    return 0;
}

/* Versions 2 to 4: index 0 is not in the file. Each list ends with an empty name. */
static int read_old_names(struct line_table *table, struct cursor *c)
{
    const char *name;
    if (add_directory(table, NULL) != 0 || add_file(table, NULL, 0) != 0)
        return -1;
    while ((name = read_string(c)) != NULL && *name)
        if (add_directory(table, name) != 0)
            return -1;
    while ((name = read_string(c)) != NULL && *name) {
        uint64_t directory = read_unsigned(c);
        read_unsigned(c); /* modification time */
        read_unsigned(c); /* size */
        if (add_file(table, name, directory) != 0)
            return -1;
    }
    return c->is_bad ? -1 : 0;
}

/* Reads a field of version 5. Sets *text for forms that are strings, *value for those that are numbers. */
static void read_field(struct cursor *c, const struct line_header *header, uint64_t form, const char **text,
                       uint64_t *value)
{
    switch (form) {
    case DW_FORM_string:
        *text = read_string(c);
        break;
    case DW_FORM_line_strp:
        *text = string_at(&header->line_text, read_fixed(c, header->offset_size));
        break;
    case DW_FORM_strp:
        *text = string_at(&header->text, read_fixed(c, header->offset_size));
        break;
    case DW_FORM_udata:
        *value = read_unsigned(c);
        break;
    case DW_FORM_data1:
        *value = read_fixed(c, 1);
        break;
    case DW_FORM_data2:
        *value = read_fixed(c, 2);
        break;
    case DW_FORM_data4:
        *value = read_fixed(c, 4);
        break;
    case DW_FORM_data8:
        *value = read_fixed(c, 8);
        break;
    case DW_FORM_data16: /* a checksum */
        skip(c, 16);
        break;
    case DW_FORM_block:
        skip(c, read_unsigned(c));
        break;
    default:
        c->is_bad = 1;
    }
}

/* Version 5: the list begins with a description of its entries' fields. */
static int read_names(struct line_table *table, struct cursor *c, const struct line_header *header,
                      int is_files)
{
    struct {
        uint64_t content, form;
    } formats[FORMATS_MAX];
    unsigned format_count = (unsigned)read_fixed(c, 1);
    for (unsigned i = 0; i < format_count; i++) {
        formats[i].content = read_unsigned(c);
        formats[i].form = read_unsigned(c);
    }
    uint64_t count = read_unsigned(c);
    if (format_count == 0 && count > 0)
        return -1; /* entries of zero bytes: there could be 2^64 of them */
    for (uint64_t n = 0; n < count && !c->is_bad; n++) {
        const char *name = NULL;
        uint64_t directory = 0;
        for (unsigned i = 0; i < format_count; i++) {
            const char *text = NULL;
            uint64_t value = 0;
            read_field(c, header, formats[i].form, &text, &value);
            if (formats[i].content == DW_LNCT_path)
                name = text;
            else if (formats[i].content == DW_LNCT_directory_index)
                directory = value;
        }
        if (!c->is_bad && (is_files ? add_file(table, name, directory) : add_directory(table, name)) != 0)
            return -1;
    }
    return c->is_bad ? -1 : 0;
}

/* Reads the header; then c is at the line program, and ends where that ends. */
static int read_header(struct line_table *table, struct cursor *c, struct line_header *header)
{
    uint64_t length = read_fixed(c, 4);
    header->offset_size = length == UINT32_MAX ? 8 : 4;
    if (header->offset_size == 8)
        length = read_fixed(c, 8);
    if (c->is_bad || length > (size_t)(c->end - c->at))
        return -1;
    c->end = c->at + length;
    header->version = (unsigned)read_fixed(c, 2);
    if (header->version < 2 || header->version > 5)
        return -1;
    if (header->version >= 5)
        skip(c, 2); /* sizes of addresses and of segment selectors */
    uint64_t header_length = read_fixed(c, header->offset_size);
    if (c->is_bad || header_length > (size_t)(c->end - c->at))
        return -1;
    const unsigned char *program = c->at + header_length;
    header->minimum_advance = (unsigned)read_fixed(c, 1);
    if (header->version >= 4)
        skip(c, 1); /* operations per instruction: 1 except on VLIW machines */
    skip(c, 1);     /* whether rows begin as statements */
    header->line_base = (int)read_fixed(c, 1);
    if (header->line_base > 127)
        header->line_base -= 256;
    header->line_range = (unsigned)read_fixed(c, 1);
    header->opcode_base = (unsigned)read_fixed(c, 1);
    header->opcode_lengths = c->at;
    skip(c, header->opcode_base ? header->opcode_base - 1 : 0);
    if (c->is_bad || header->line_range == 0 || header->opcode_base == 0)
        return -1;
    int failed = header->version < 5 ? read_old_names(table, c)
                                     : read_names(table, c, header, 0) || read_names(table, c, header, 1);
    c->at = program;
    return failed ? -1 : 0;
}

static void add_row(struct line_table *table, struct machine *m)
{
    struct line_row row = {m->address, m->line <= UINT32_MAX ? (uint32_t)m->line : 0,
                           m->file <= UINT32_MAX ? (uint32_t)m->file : UINT32_MAX};
    if (table->row_count > m->first_row) {
        struct line_row *last = &table->rows[table->row_count - 1];
        if (row.address < last->address)
            return; /* not allowed, and it could not be found */
        if (row.address == last->address) {
            *last = row;
            return;
        }
    }
    if (table->row_count == table->row_capacity) {
        size_t capacity = table->row_capacity ? table->row_capacity * 2 : 256;
        struct line_row *rows = realloc(table->rows, capacity * sizeof *rows);
        if (!rows) {
            m->has_failed = 1;
            return;
        }
        table->rows = rows;
        table->row_capacity = capacity;
    }
    table->rows[table->row_count++] = row;
}

static int keep_sequence(struct line_table *table, const struct machine *m)
{
    if (table->sequence_count == table->sequence_capacity) {
        size_t capacity = table->sequence_capacity ? table->sequence_capacity * 2 : 16;
        struct line_sequence *sequences = realloc(table->sequences, capacity * sizeof *sequences);
        if (!sequences)
            return -1;
        table->sequences = sequences;
        table->sequence_capacity = capacity;
    }
    struct interval range = {table->rows[m->first_row].address, m->address, (uint32_t)table->sequence_count,
                             0};
    table->sequences[table->sequence_count++] =
        (struct line_sequence){m->first_row, table->row_count - m->first_row};
    return intervals_add(&table->by_address, range);
}

static void begin_sequence(const struct line_table *table, struct machine *m)
{
    *m = (struct machine){.line = 1, .file = 1, .first_row = table->row_count, .has_failed = m->has_failed};
}

/* Ends a sequence: keeps its rows if they are code, else drops them. */
static void end_sequence(struct line_table *table, struct machine *m, const struct image *image,
                         uint64_t bias)
{
    if (table->row_count > m->first_row) {
        if (!image_is_text(image, table->rows[m->first_row].address + bias))
            table->row_count = m->first_row;
        else if (keep_sequence(table, m) != 0)
            m->has_failed = 1;
    }
    begin_sequence(table, m);
}

static void run_extended(struct line_table *table, struct machine *m, struct cursor *c,
                         const struct image *image, uint64_t bias)
{
    uint64_t length = read_unsigned(c);
    if (c->is_bad || length == 0 || length > (size_t)(c->end - c->at))
        return;
    const unsigned char *next = c->at + length;
    switch (read_fixed(c, 1)) {
    case DW_LNE_end_sequence:
        end_sequence(table, m, image, bias);
        break;
    case DW_LNE_set_address:
        m->address = read_fixed(c, length - 1 < 8 ? (unsigned)length - 1 : 8);
        break;
    case DW_LNE_define_file: {
        const char *name = read_string(c);
        if (add_file(table, name, read_unsigned(c)) != 0)
            m->has_failed = 1;
        break;
    }
    }
    c->at = next;
}

static void run_standard(struct line_table *table, struct machine *m, struct cursor *c,
                         const struct line_header *header, unsigned opcode)
{
    switch (opcode) {
    case DW_LNS_copy:
        add_row(table, m);
        break;
    case DW_LNS_advance_pc:
        m->address += read_unsigned(c) * header->minimum_advance;
        break;
    case DW_LNS_advance_line:
        m->line += (uint64_t)read_signed(c);
        break;
    case DW_LNS_set_file:
        m->file = read_unsigned(c);
        break;
    case DW_LNS_const_add_pc:
        m->address += (uint64_t)((255 - header->opcode_base) / header->line_range) * header->minimum_advance;
        break;
    case DW_LNS_fixed_advance_pc:
        m->address += read_fixed(c, 2);
        break;
    default: /* columns, flags of statements and blocks, and unknown opcodes */
        for (unsigned i = header->opcode_lengths[opcode - 1]; i > 0; i--)
            read_unsigned(c);
    }
}

static void run_program(struct line_table *table, struct cursor *c, const struct line_header *header,
                        const struct image *image, uint64_t bias)
{
    struct machine m = {0};
    begin_sequence(table, &m);
    while (!c->is_bad && !m.has_failed && c->at < c->end) {
        unsigned opcode = (unsigned)read_fixed(c, 1);
        if (opcode >= header->opcode_base) {
            unsigned step = opcode - header->opcode_base;
            m.address += (uint64_t)(step / header->line_range) * header->minimum_advance;
            m.line += (uint64_t)(header->line_base + (int)(step % header->line_range));
            add_row(table, &m);
        } else if (opcode == 0) {
            run_extended(table, &m, c, image, bias);
        } else {
            run_standard(table, &m, c, header, opcode);
        }
    }
}

void lines_read(struct line_table *table, Elf *elf, int is_split, uint64_t offset, const char *compiled_in,
                const struct image *image, uint64_t bias)
{
    struct section program = section_find(elf, "debug_line", is_split);
    struct line_header header = {
        .text = section_find(elf, "debug_str", is_split),
        .line_text = section_find(elf, "debug_line_str", is_split),
    };
    if (offset >= program.size)
        return;
    struct cursor c = {(const unsigned char *)program.text + offset,
                       (const unsigned char *)program.text + program.size, 0};
    table->compiled_in = compiled_in;
    if (read_header(table, &c, &header) != 0) {
        lines_free(table);
        return;
    }
    run_program(table, &c, &header, image, bias);
    if (intervals_finish(&table->by_address) != 0)
        lines_free(table);
}

void lines_free(struct line_table *table)
{
    free(table->directories);
    free(table->files);
    free(table->rows);
    free(table->sequences);
    intervals_free(&table->by_address);
    memset(table, 0, sizeof *table);
}

const struct line_row *lines_find(const struct line_table *table, uint64_t address)
{
    uint32_t id = intervals_find(&table->by_address, address);
    if (id == INTERVAL_NONE)
        return NULL;
    const struct line_row *rows = &table->rows[table->sequences[id].first];
    size_t count = SORTED_UP_TO(rows, table->sequences[id].count, address, address);
    return count > 0 ? &rows[count - 1] : NULL;
}

/* "directory/name" into room; 0 if it does not fit. */
static int join(char *room, const char *directory, const char *name)
{
    int length = snprintf(room, PATH_ROOM, "%s/%s", directory, name);
    return length > 0 && length < PATH_ROOM;
}

const char *lines_path(struct line_table *table, struct strings *strings, uint64_t index)
{
    if (index >= table->file_count || !table->files[index].name)
        return NULL;
    struct line_file *file = &table->files[index];
    if (file->path)
        return file->path;
    char rooms[2][PATH_ROOM];
    const char *path = file->name;
    const char *directory =
        file->directory < table->directory_count ? table->directories[file->directory] : NULL;
    if (path[0] != '/' && directory && join(rooms[0], directory, path))
        path = rooms[0];
    if (path[0] != '/' && table->compiled_in && join(rooms[1], table->compiled_in, path))
        path = rooms[1];
    return file->path = strings_intern(strings, path);
}
