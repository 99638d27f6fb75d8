/* memory_limit.c - see memory_limit.h. */
#define _GNU_SOURCE
#include "memory_limit.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_FIRST ((size_t)4096)  /* bytes that most files in /proc fit into */
#define TEXT_MAX ((size_t)1 << 20) /* of a larger one, so many */

/* ---- finding the group ------------------------------------------------------------------------- */

/* True if the word is in a comma-separated list. */
static bool has_word(const char *list, size_t size, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list, *end = list + size; at < end; at++) {
        size_t part = strcspn(at, ",\n");
        part = part < (size_t)(end - at) ? part : (size_t)(end - at);
        if (part == length && memcmp(at, word, length) == 0)
            return true;
        at += part;
    }
    return false;
}

/* Finds the group's path: in the line "N:controllers:path" that has version 1's memory controller, or in
 * "0::path" of version 2. */
static bool find_path(const char *groups, bool unified, char *path, size_t room)
{
    for (const char *line = groups; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *controllers = strchr(line, ':'), *at = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!at)
            continue;
        size_t size = (size_t)(at - controllers - 1), length = strcspn(at + 1, "\n");
        if (unified ? size != 0 : !has_word(controllers + 1, size, "memory"))
            continue;
        if (length == 0 || length >= room)
            return false;
        memcpy(path, at + 1, length);
        path[length] = '\0';
        return true;
    }
    return false;
}

/* The next word of a line, with the kernel's escapes decoded (a space is \040). False at the end of the
 * line. */
static bool next_word(const char **at, char *word, size_t room)
{
    const char *from = *at;
    size_t used = 0;
    for (; *from && *from != ' ' && *from != '\n'; from++) {
        char c = *from;
        if (c == '\\' && isdigit(from[1]) && isdigit(from[2]) && isdigit(from[3])) {
            c = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 3;
        }
        if (used + 1 < room)
            word[used++] = c;
    }
    word[used] = '\0';
    *at = from + (*from == ' ');
    return used > 0;
}

struct mount {
    char root[PATH_MAX];  /* the group that is visible at its top */
    char point[PATH_MAX]; /* where it is mounted */
    char type[32];
    char options[256]; /* of the file system: version 1 lists its controllers there */
};

/* "id parent major:minor root point options [fields...] - type source options" */
static bool parse_mount(const char *line, struct mount *mount)
{
    char skipped[PATH_MAX];
    for (int i = 0; i < 3; i++)
        if (!next_word(&line, skipped, sizeof skipped))
            return false;
    if (!next_word(&line, mount->root, sizeof mount->root) ||
        !next_word(&line, mount->point, sizeof mount->point))
        return false;
    do {
        if (!next_word(&line, skipped, sizeof skipped))
            return false;
    } while (strcmp(skipped, "-") != 0);
    return next_word(&line, mount->type, sizeof mount->type) && next_word(&line, skipped, sizeof skipped) &&
           next_word(&line, mount->options, sizeof mount->options);
}

/* The part of path below root; NULL if it is not below it. */
static const char *below(const char *path, const char *root)
{
    size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(path, root, length) != 0 || (path[length] != '/' && path[length] != '\0'))
        return NULL;
    return path + length;
}

/* In a cgroup namespace, paths begin at its root, and may be "/..": a group outside. Then the names in
 * between are not known; but if the top of the mount is outside, too, it contains our group. */
static bool place_in(const struct mount *mount, const char *path, struct memory_place *place)
{
    const char *rest = below(path, mount->root);
    if (!rest && strncmp(mount->root, "/..", 3) == 0 && strncmp(path, "/..", 3) != 0)
        rest = "";
    if (!rest || strstr(rest, "/.."))
        return false;
    place->top = (unsigned)strlen(mount->point);
    int size = snprintf(place->folder, sizeof place->folder, "%s%s", mount->point, rest);
    while (size > (int)place->top && place->folder[size - 1] == '/')
        place->folder[--size] = '\0';
    return size < (int)sizeof place->folder;
}

static bool find_in_version(const char *groups, const char *mounts, bool unified, struct memory_place *place)
{
    static struct mount mount; /* static, as the stack may be small */
    char path[PATH_MAX];
    if (!find_path(groups, unified, path, sizeof path))
        return false;
    for (const char *line = mounts; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!*line || !parse_mount(line, &mount) || strcmp(mount.type, unified ? "cgroup2" : "cgroup") != 0 ||
            (!unified && !has_word(mount.options, strlen(mount.options), "memory")))
            continue;
        if (place_in(&mount, path, place)) {
            place->unified = unified;
            return true;
        }
    }
    return false;
}

/* If both versions are in use, version 1 has the memory: version 2 has a line then, too, but not the
 * controller. */
bool memory_limit_find(const char *groups, const char *mounts, struct memory_place *place)
{
    return find_in_version(groups, mounts, false, place) || find_in_version(groups, mounts, true, place);
}

/* ---- its files ---------------------------------------------------------------------------------------- */

static int open_in(const char *folder, const char *name)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void close_group(struct memory_group *group)
{
    const int files[] = {group->limit[0], group->limit[1], group->usage, group->stat};
    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++)
        if (files[i] >= 0)
            close(files[i]);
}

/* UINT64_MAX for "max", or if the file cannot be read any more. */
static uint64_t read_number(int file)
{
    char text[32];
    ssize_t size = file >= 0 ? pread(file, text, sizeof text - 1, 0) : 0;
    text[size > 0 ? size : 0] = '\0';
    return isdigit((unsigned char)text[0]) ? strtoull(text, NULL, 10) : UINT64_MAX;
}

/* UINT64_MAX = none. */
static uint64_t limit_of(const struct memory_group *group)
{
    uint64_t limit = read_number(group->limit[0]), high = read_number(group->limit[1]);
    limit = limit < high ? limit : high;
    return limit >> 60 ? UINT64_MAX : limit; /* how version 1 says "no limit" */
}

/* Most groups have no limit, and the root has no such files: then only one or two files are opened. */
static void add_group(struct memory_limit *limit, const char *folder, bool unified)
{
    struct memory_group *group = &limit->group[limit->count];
    *group = (struct memory_group){{-1, -1}, -1, -1};
    group->limit[0] = open_in(folder, unified ? "memory.max" : "memory.limit_in_bytes");
    group->limit[1] = unified ? open_in(folder, "memory.high") : -1;
    if (limit_of(group) != UINT64_MAX)
        group->usage = open_in(folder, unified ? "memory.current" : "memory.usage_in_bytes");
    if (group->usage < 0) {
        close_group(group);
        return;
    }
    group->stat = open_in(folder, "memory.stat");
    limit->count++;
}

void memory_limit_add(struct memory_limit *limit, const struct memory_place *place)
{
    char folder[PATH_MAX];
    memcpy(folder, place->folder, sizeof folder);
    memcpy(limit->folder, folder, sizeof folder);
    size_t length = strlen(folder);
    while (limit->count < MEMORY_GROUPS) {
        add_group(limit, folder, place->unified);
        if (length <= place->top)
            return;
        while (length > place->top && folder[length - 1] != '/')
            length--;
        length -= length > place->top;
        folder[length] = '\0';
    }
}

/* All that is left of a file; NULL = out of memory. */
static char *read_rest(int file)
{
    size_t room = TEXT_FIRST, size = 0;
    char *text = malloc(room);
    if (!text)
        return NULL;
    for (ssize_t got = 1; got > 0 && room <= TEXT_MAX;) {
        if (size == room - 1) {
            char *more = realloc(text, 2 * room);
            if (!more)
                break;
            text = more;
            room *= 2;
        }
        got = read(file, text + size, room - 1 - size);
        size += got > 0 ? (size_t)got : 0;
    }
    text[size] = '\0';
    return text;
}

/* The whole of a file in /proc, to be freed; NULL = cannot be read. */
static char *read_all(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return NULL;
    char *text = read_rest(file);
    close(file);
    return text;
}

void memory_limit_open(struct memory_limit *limit, int pid, const struct memory_limit *others)
{
    static struct memory_place place;
    char path[64] = "/proc/self/cgroup";
    if (pid)
        snprintf(path, sizeof path, "/proc/%d/cgroup", pid);
    free(limit->groups);
    limit->groups = read_all(path);
    if (!limit->groups || (others && others->groups && strcmp(limit->groups, others->groups) == 0))
        return;
    char *mounts = read_all("/proc/self/mountinfo");
    if (mounts && memory_limit_find(limit->groups, mounts, &place) &&
        !(others && strcmp(place.folder, others->folder) == 0))
        memory_limit_add(limit, &place);
    free(mounts);
}

void memory_limit_close(struct memory_limit *limit)
{
    for (unsigned i = 0; i < limit->count; i++)
        close_group(&limit->group[i]);
    limit->count = 0;
    limit->folder[0] = '\0';
    free(limit->groups);
    limit->groups = NULL;
}

/* ---- reading the limits ------------------------------------------------------------------------ */

/* The value of the line "name value" in memory.stat; 0 = none. */
static uint64_t value_of(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            return strtoull(line + length + 1, NULL, 10);
    }
    return 0;
}

/* Page cache that the kernel frees before it kills anybody: everything that was read once, and a part of
 * what is read again and again, of which half is counted. In version 1 the lines with "total_" include all
 * groups within the group, as the usage does. */
static uint64_t reclaimable(int stat)
{
    char text[8192];
    ssize_t size = stat >= 0 ? pread(stat, text, sizeof text - 1, 0) : 0;
    text[size > 0 ? size : 0] = '\0';
    uint64_t once = value_of(text, "total_inactive_file"), often = value_of(text, "total_active_file");
    if (!once && !often) {
        once = value_of(text, "inactive_file");
        often = value_of(text, "active_file");
    }
    return once + often / 2;
}

/* The reclaimable part is only read if there is little room otherwise, as the kernel takes far longer to
 * compute it. */
static uint64_t room_of(const struct memory_group *group, uint64_t enough)
{
    uint64_t limit = limit_of(group), usage = read_number(group->usage);
    if (limit == UINT64_MAX)
        return limit;
    usage = usage == UINT64_MAX ? 0 : usage; /* the group was removed */
    if (usage <= limit && limit - usage >= enough)
        return limit - usage;
    uint64_t cached = reclaimable(group->stat);
    usage = usage > cached ? usage - cached : 0;
    return usage < limit ? limit - usage : 0;
}

uint64_t memory_limit_room(const struct memory_limit *limit, uint64_t enough)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < limit->count; i++) {
        uint64_t room = room_of(&limit->group[i], enough);
        least = room < least ? room : least;
    }
    return least;
}
