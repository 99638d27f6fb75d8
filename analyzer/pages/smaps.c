/* smaps.c - see smaps.h. */
#define _GNU_SOURCE
#include "smaps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_AT_ONCE ((size_t)1 << 16)

/* Copies a name into the table of names, where offset 0 is "". */
static bool add_name(struct mappings *mappings, const char *name, size_t size, size_t *offset)
{
    *offset = 0;
    if (size == 0)
        return true;
    if (mappings->count > 0) { /* a file is mapped in several consecutive pieces */
        const char *before = mapping_name(mappings, &mappings->list[mappings->count - 1]);
        if (strlen(before) == size && memcmp(before, name, size) == 0) {
            *offset = mappings->list[mappings->count - 1].name;
            return true;
        }
    }
    char *names = realloc(mappings->names, mappings->names_size + size + 1);
    if (!names)
        return false;
    memcpy(names + mappings->names_size, name, size);
    names[mappings->names_size + size] = '\0';
    *offset = mappings->names_size;
    mappings->names = names;
    mappings->names_size += size + 1;
    return true;
}

static bool add_mapping(struct mappings *mappings, const struct mapping *mapping)
{
    if (mappings->count == mappings->room) {
        size_t room = mappings->room ? 2 * mappings->room : 64;
        struct mapping *list = realloc(mappings->list, room * sizeof *list);
        if (!list)
            return false;
        mappings->list = list;
        mappings->room = room;
    }
    mappings->list[mappings->count++] = *mapping;
    return true;
}

/* "start-end rwxp offset device inode   name"; not with sscanf(), which would search for the end of the
 * whole text each time. */
static bool parse_first_line(struct mappings *mappings, const char *line, size_t size)
{
    char *at;
    struct mapping mapping = {.start = strtoull(line, &at, 16)};
    if (*at++ != '-')
        return true;
    mapping.end = strtoull(at, &at, 16);
    if (mapping.start >= mapping.end || at + 6 > line + size)
        return true;
    if (mappings->count > 0 && mapping.start < mappings->list[mappings->count - 1].end)
        return true; /* the list changed while the kernel wrote it */
    mapping.read = at[1] == 'r';
    mapping.write = at[2] == 'w';
    mapping.is_shared = at[4] == 's';
    strtoull(at + 6, &at, 16); /* skips the offset */
    at += strspn(at, " ");
    at += strcspn(at, " \n"); /* skips the device */
    mapping.inode = strtoull(at, &at, 10);
    at += strspn(at, " ");
    size_t name = at < line + size ? (size_t)(line + size - at) : 0;
    return add_name(mappings, at, name, &mapping.name) && add_mapping(mappings, &mapping);
}

/* "Rss:                 152 kB" */
static void parse_number(struct mapping *mapping, const char *line)
{
    static const struct {
        char key[16];
        size_t field;
    } keys[] = {{"Rss:", offsetof(struct mapping, resident)},
                {"Pss:", offsetof(struct mapping, pss)},
                {"Swap:", offsetof(struct mapping, swapped)},
                {"Shared_Clean:", offsetof(struct mapping, shared_resident)},
                {"Shared_Dirty:", offsetof(struct mapping, shared_resident)}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        size_t length = strlen(keys[i].key);
        if (strncmp(line, keys[i].key, length) == 0) {
            uint64_t *field = (uint64_t *)((char *)mapping + keys[i].field);
            *field += strtoull(line + length, NULL, 10) * 1024;
        }
    }
}

int mappings_parse(struct mappings *mappings, const char *text)
{
    *mappings = (struct mappings){.names = calloc(1, 1), .names_size = 1};
    if (!mappings->names)
        return -ENOMEM;
    while (*text) {
        size_t size = strcspn(text, "\n");
        /* Lines about a mapping begin with a capital letter; hexadecimal addresses are lower case. */
        if (*text >= 'A' && *text <= 'Z') {
            if (mappings->count > 0)
                parse_number(&mappings->list[mappings->count - 1], text);
        } else if (!parse_first_line(mappings, text, size)) {
            mappings_free(mappings);
            return -ENOMEM;
        }
        text += size + (text[size] == '\n');
    }
    return 0;
}

/* Reads the whole file; NULL with errno. */
static char *read_whole(int file)
{
    char *text = NULL;
    for (size_t size = 0, room = 0;;) {
        if (room - size < READ_AT_ONCE) {
            room = 2 * room + 2 * READ_AT_ONCE;
            char *larger = realloc(text, room);
            if (!larger) {
                free(text);
                errno = ENOMEM;
                return NULL;
            }
            text = larger;
        }
        ssize_t more = read(file, text + size, room - size - 1);
        if (more < 0 && errno == EINTR)
            continue;
        if (more < 0) {
            int error = errno;
            free(text);
            errno = error;
            return NULL;
        }
        size += (size_t)more;
        text[size] = '\0';
        if (more == 0)
            return text;
    }
}

int mappings_read(struct mappings *mappings, int pid)
{
    char path[64];
    *mappings = (struct mappings){0};
    snprintf(path, sizeof path, "/proc/%d/smaps", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -errno;
    char *text = read_whole(file);
    int status = text ? mappings_parse(mappings, text) : -errno;
    close(file);
    free(text);
    if (status == 0 && mappings->count == 0) { /* the file of a zombie is empty */
        mappings_free(mappings);
        return -ESRCH;
    }
    return status;
}

void mappings_free(struct mappings *mappings)
{
    free(mappings->list);
    free(mappings->names);
    *mappings = (struct mappings){0};
}
