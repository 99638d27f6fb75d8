/* folder.c - see folder.h. Below TMPDIR, which the campaign removes (scripts/fuzz). */
#define _GNU_SOURCE
#include "folder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *folder(void)
{
    static char path[FOLDER_PATH / 2];
    const char *above = getenv("TMPDIR");
    if (!path[0]) {
        snprintf(path, sizeof path, "%s/fuzz.XXXXXX", above ? above : "/tmp");
        if (!mkdtemp(path))
            abort();
    }
    return path;
}

char *folder_path(const char *name, char *path)
{
    snprintf(path, FOLDER_PATH, "%s/%.40s", folder(), name);
    return path;
}

void folder_clear(void)
{
    char path[FOLDER_PATH];
    DIR *listing = opendir(folder());
    if (!listing)
        abort();
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
        if (entry->d_name[0] != '.')
            unlink(folder_path(entry->d_name, path));
    closedir(listing);
}

void folder_write(const char *name, const void *bytes, size_t size)
{
    char path[FOLDER_PATH];
    FILE *file = fopen(folder_path(name, path), "w");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        abort();
}

char *folder_read(const char *name, size_t *size)
{
    char path[FOLDER_PATH];
    FILE *file = fopen(folder_path(name, path), "r");
    if (!file)
        return NULL;
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*size + 1);
    if (!bytes || fread(bytes, 1, *size, file) != *size)
        abort();
    bytes[*size] = '\0';
    fclose(file);
    return bytes;
}
