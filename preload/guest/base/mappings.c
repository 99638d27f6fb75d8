/* mappings.c - see mappings.h. */
#define _GNU_SOURCE
#include "mappings.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Parses a line, "start-end perms offset device inode   path", character by character. */
struct line {
    struct mapping mapping;
    char *path;
    size_t room, used;
    unsigned field;
};

static void begin(struct line *line)
{
    line->mapping = (struct mapping){.path = line->path};
    line->path[0] = '\0';
    line->used = line->field = 0;
}

static uintptr_t with_digit(uintptr_t number, char c)
{
    return number << 4 | (uintptr_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void take(struct line *line, char c)
{
    struct mapping *m = &line->mapping;
    if (c == '-' && line->field == 0) {
        line->field = 1;
    } else if (c == ' ' && line->field < 6) {
        line->field++;
    } else if (line->field <= 1) {
        uintptr_t *number = line->field ? &m->end : &m->start;
        *number = with_digit(*number, c);
    } else if (line->field == 2) {
        m->accessible |= c == 'r' || c == 'w' || c == 'x';
    } else if (line->field == 4) {
        m->device = c == ':' ? m->device << 32
                             : (m->device & ~0xffffffffull) | (uint32_t)with_digit((uint32_t)m->device, c);
    } else if (line->field == 5) {
        m->inode = m->inode * 10 + (uint64_t)(c - '0');
    } else if (line->field == 6 && (c != ' ' || line->used) && line->used + 1 < line->room) {
        line->path[line->used++] = c;
        line->path[line->used] = '\0';
    }
}

bool mappings_walk(bool (*visit)(void *data, const struct mapping *mapping), void *data, char *path,
                   size_t room)
{
    char text[4096];
    struct line line = {.path = path, .room = room};
    long got, file = syscall(SYS_open, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    bool more = true;
    begin(&line);
    while (more && (got = syscall(SYS_read, file, text, sizeof text)) > 0)
        for (long i = 0; more && i < got; i++) {
            if (text[i] != '\n') {
                take(&line, text[i]);
                continue;
            }
            more = line.mapping.end <= line.mapping.start || visit(data, &line.mapping);
            if (more)
                begin(&line);
        }
    syscall(SYS_close, file);
    return more && got == 0;
}

struct search {
    uintptr_t address;
    struct mapping *found;
};

static bool look(void *data, const struct mapping *mapping)
{
    struct search *search = data;
    if (search->address >= mapping->end)
        return true;
    if (search->address >= mapping->start && mapping->path[0] == '/')
        *search->found = *mapping;
    return false;
}

bool mappings_find(uintptr_t address, struct mapping *found, char *path, size_t room)
{
    struct search search = {address, found};
    *found = (struct mapping){.path = path};
    mappings_walk(look, &search, path, room);
    if (!found->end)
        path[0] = '\0';
    return found->end != 0;
}
