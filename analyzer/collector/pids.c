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

/* Reads /proc/.../status: the parent, and the PID in the innermost namespace, if that is not ours. errno: 0 if that is known. */
static bool read_status(const char *path, int *parent, int *innermost)
{
    char line[256];
    FILE *file = fopen(path, "re");
    *parent = *innermost = 0;
    errno = file || errno == ENOENT || errno == ESRCH ? 0 : errno; /* it has ended */
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

static bool is_in(const char *name, uint64_t pid_namespace)
{
    char path[64];
    struct stat facts;
    snprintf(path, sizeof path, "/proc/%.16s/ns/pid", name);
    return stat(path, &facts) == 0 && facts.st_ino == pid_namespace;
}

/* True if it may be in there, as is not always visible, for example if a program has changed its user. */
static bool may_be_in(const char *name, uint64_t pid_namespace)
{
    char path[64];
    struct stat facts;
    snprintf(path, sizeof path, "/proc/%.16s/ns/pid", name);
    return stat(path, &facts) != 0 ? errno == EACCES : facts.st_ino == pid_namespace;
}

struct wanted {
    int pid;
    uint64_t pid_namespace;
    int *ours, *parent;
    bool failed; /* some process could not be looked at */
};

static bool take(struct wanted *wanted, const char *name, bool (*place)(const char *, uint64_t))
{
    char path[64];
    int above, innermost;
    snprintf(path, sizeof path, "/proc/%.16s/status", name);
    bool read = read_status(path, &above, &innermost);
    wanted->failed |= errno != 0;
    if (!read || innermost != wanted->pid || !place(name, wanted->pid_namespace))
        return false;
    *wanted->ours = atoi(name);
    *wanted->parent = above;
    return true;
}

/* Looks among the children of one thread; false if they cannot be read. */
static bool look_at_children(struct wanted *wanted, const char *path, bool *found)
{
    char name[16];
    FILE *file = fopen(path, "re");
    while (file && !*found && fscanf(file, "%15s", name) == 1)
        *found = take(wanted, name, may_be_in);
    if (file)
        fclose(file);
    return file != NULL;
}

/* A living process is the parent of all that it has forked until it has waited for them. */
static enum pids_found find_child(struct wanted *wanted, int parent)
{
    char path[96];
    snprintf(path, sizeof path, "/proc/%d/task", parent);
    DIR *threads = opendir(path);
    struct dirent *entry;
    bool found = false, read = threads != NULL;
    while (threads && read && !found && (entry = readdir(threads))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.16s/children", parent, entry->d_name);
        read = look_at_children(wanted, path, &found) || errno == ENOENT; /* the thread has ended */
    }
    if (threads)
        closedir(threads);
    return found ? PIDS_FOUND : read && !wanted->failed ? PIDS_NONE : PIDS_UNKNOWN;
}

static enum pids_found find_anywhere(struct wanted *wanted)
{
    DIR *all = opendir("/proc");
    struct dirent *entry;
    bool found = false;
    while (all && !found && (entry = readdir(all)))
        found = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && take(wanted, entry->d_name, is_in);
    if (all)
        closedir(all);
    return found ? PIDS_FOUND : all && !wanted->failed ? PIDS_NONE : PIDS_UNKNOWN;
}

enum pids_found pids_find(int pid, uint64_t pid_namespace, int forked_by, int *ours, int *parent)
{
    if (is_ours(pid_namespace)) {
        *ours = pid;
        return PIDS_FOUND;
    }
    struct wanted wanted = {pid, pid_namespace, ours, parent, false};
    enum pids_found found = forked_by > 0 ? find_child(&wanted, forked_by) : PIDS_UNKNOWN;
    return found == PIDS_UNKNOWN ? find_anywhere(&wanted) : found;
}

int pids_of_pidfd(int pidfd)
{
    char path[64], line[128];
    int pid = 0;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file) && sscanf(line, "Pid: %d", &pid) != 1) {
    }
    if (file)
        fclose(file);
    return pid;
}

int pids_parent(int pid)
{
    char path[64];
    int parent, innermost;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    read_status(path, &parent, &innermost);
    return parent;
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
