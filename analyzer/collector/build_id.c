/* build_id.c - see build_id.h. */
#include "build_id.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

enum { SEGMENTS_MAX = 64, NOTES_MAX = 4096 };

/* Finds the ID among notes with that alignment; 0 = it is not there. */
static size_t find(const uint8_t *notes, size_t size, size_t alignment, uint8_t id[BUILD_ID_MAX])
{
    Elf64_Nhdr note;
    for (size_t at = 0; at + sizeof note <= size;) {
        memcpy(&note, notes + at, sizeof note);
        size_t name = at + sizeof note, end = name + note.n_namesz;
        size_t bytes = (end + alignment - 1) & ~(alignment - 1);
        if (note.n_namesz > NOTES_MAX || note.n_descsz > NOTES_MAX || bytes + note.n_descsz > size)
            break;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(notes + name, "GNU", 4) == 0 &&
            note.n_descsz > 0 && note.n_descsz <= BUILD_ID_MAX) {
            memcpy(id, notes + bytes, note.n_descsz);
            return note.n_descsz;
        }
        at = (bytes + note.n_descsz + alignment - 1) & ~(alignment - 1);
    }
    return 0;
}

size_t build_id_read(int file, uint8_t id[BUILD_ID_MAX])
{
    Elf64_Ehdr header;
    Elf64_Phdr segment[SEGMENTS_MAX];
    uint8_t notes[NOTES_MAX];
    if (pread(file, &header, sizeof header, 0) != sizeof header ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_phentsize != sizeof *segment)
        return 0;
    size_t count = header.e_phnum < SEGMENTS_MAX ? header.e_phnum : SEGMENTS_MAX;
    ssize_t got = pread(file, segment, count * sizeof *segment, (off_t)header.e_phoff);
    for (size_t i = 0; got > 0 && i < (size_t)got / sizeof *segment; i++) {
        if (segment[i].p_type != PT_NOTE)
            continue;
        size_t size = segment[i].p_filesz < sizeof notes ? segment[i].p_filesz : sizeof notes;
        ssize_t read = pread(file, notes, size, (off_t)segment[i].p_offset);
        size_t found = read > 0 ? find(notes, (size_t)read, segment[i].p_align == 8 ? 8 : 4, id) : 0;
        if (found)
            return found;
    }
    return 0;
}
