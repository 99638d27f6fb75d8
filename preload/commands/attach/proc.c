/* proc.c - see proc.h. */
#include "proc.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *proc_file(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t size = 0;
    if (!file)
        return NULL;
    if (getdelim(&text, &size, '\0', file) < 0) {
        free(text);
        text = ferror(file) ? NULL : strdup("");
    }
    fclose(file);
    return text;
}

char *proc_read(pid_t pid, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return proc_file(path);
}

const char *proc_status(const char *status, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = status; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, "\t ");
    }
    return "";
}

bool proc_shares_namespace(pid_t pid, const char *kind)
{
    char path[64];
    struct stat ours, theirs;
    snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    bool known = stat(path, &ours) == 0;
    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, kind);
    return !known || stat(path, &theirs) != 0 || ours.st_ino == theirs.st_ino;
}

char proc_state(pid_t pid, pid_t tid)
{
    char name[64];
    snprintf(name, sizeof name, "task/%d/stat", (int)tid);
    char *stat = proc_read(pid, name);
    const char *end = stat ? strrchr(stat, ')') : NULL;
    char state = end && end[1] ? end[2] : 0;
    free(stat);
    return state;
}
