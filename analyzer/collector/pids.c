/* pids.c - see pids.h. */
#define _GNU_SOURCE
#include "pids.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

uint64_t pids_namespace(void)
{
    static uint64_t own;
    struct stat facts;
    if (!own && stat("/proc/self/ns/pid", &facts) == 0)
        own = facts.st_ino;
    return own;
}

static bool is_ours(uint64_t pid_namespace)
{
    return !pid_namespace || pid_namespace == pids_namespace();
}

/* Reads /proc/.../status: the parent, and the PID in the innermost namespace, if that is not ours. */
static bool read_status(const char *path, int *parent, int *innermost)
{
    char line[256];
    FILE *file = fopen(path, "re");
    *parent = *innermost = 0;
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, "PPid:", 5) == 0) {
            *parent = atoi(line + 5);
        } else if (strncmp(line, "NSpid:", 6) == 0) {
            const char *first = strchr(line, '\t'), *last = strrchr(line, '\t');
            *innermost = last && last != first ? atoi(last + 1) : 0;
            break;
        }
    }
    if (file)
        fclose(file);
    return *innermost > 0;
}

/* True if the process may be in this namespace: that is not always visible, for example if a program has
 * changed its user. */
static bool may_be_of(const char *name, uint64_t pid_namespace)
{
    char path[64];
    struct stat facts;
    snprintf(path, sizeof path, "/proc/%.16s/ns/pid", name);
    return stat(path, &facts) != 0 ? errno == EACCES : facts.st_ino == pid_namespace;
}

bool pids_find(int pid, uint64_t pid_namespace, int *ours, int *parent)
{
    if (is_ours(pid_namespace)) {
        *ours = pid;
        return true;
    }
    DIR *all = opendir("/proc");
    struct dirent *entry;
    bool found = false;
    while (all && !found && (entry = readdir(all))) {
        char path[64];
        int above, innermost;
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        snprintf(path, sizeof path, "/proc/%.16s/status", entry->d_name);
        found = read_status(path, &above, &innermost) && innermost == pid &&
                may_be_of(entry->d_name, pid_namespace);
        if (found) {
            *ours = atoi(entry->d_name);
            *parent = above;
        }
    }
    if (all)
        closedir(all);
    return found;
}

bool pids_thread_gone(int pid, uint64_t pid_namespace, uint32_t tid)
{
    if (is_ours(pid_namespace))
        return syscall(SYS_tgkill, pid, tid, 0) != 0 && errno == ESRCH;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *all = opendir(path);
    struct dirent *entry;
    bool gone = all || errno == ENOENT;
    while (all && gone && (entry = readdir(all))) {
        char status[96];
        int parent, innermost;
        snprintf(status, sizeof status, "%s/%.16s/status", path, entry->d_name);
        gone = !read_status(status, &parent, &innermost) || (uint32_t)innermost != tid;
    }
    if (all)
        closedir(all);
    return gone;
}

static bool maps(const char *name, uint64_t inode)
{
    char path[64], line[PATH_MAX + 128];
    snprintf(path, sizeof path, "/proc/%.16s/maps", name);
    FILE *file = fopen(path, "re");
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file)) {
        unsigned long long number;
        found = sscanf(line, "%*s %*s %*s %*s %llu", &number) == 1 && number == inode;
    }
    if (file)
        fclose(file);
    return found;
}

bool pids_others_map(uint64_t inode, int but)
{
    DIR *all = opendir("/proc");
    struct dirent *entry;
    bool found = false;
    while (all && !found && (entry = readdir(all))) {
        int pid = atoi(entry->d_name);
        found = pid > 0 && pid != but && pid != getpid() && maps(entry->d_name, inode);
    }
    if (all)
        closedir(all);
    return found;
}
