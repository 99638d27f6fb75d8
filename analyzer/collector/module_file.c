/* module_file.c - see module_file.h. A malicious program may have chosen the path: devices, FIFOs and the
 * like are never opened, as that may have side effects. */
#define _GNU_SOURCE
#include "module_file.h"
#include "build_id.h"
#include "regular_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- is it the one? ------------------------------------------------------------------------------ */

struct mapped {
    unsigned long start, end;
    uint64_t device, inode;
};

/* Finds what a process has mapped at an address; false if that cannot be read, or is no file. */
static bool find_mapped(const char *maps, uint64_t address, struct mapped *mapped)
{
    char line[PATH_MAX + 128];
    FILE *file = fopen(maps, "re");
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file)) {
        unsigned major, minor;
        unsigned long long inode;
        if (sscanf(line, "%lx-%lx %*s %*x %x:%x %llu", &mapped->start, &mapped->end, &major, &minor,
                   &inode) != 5)
            continue;
        if (mapped->start > address)
            break;
        mapped->device = (uint64_t)major << 32 | minor;
        mapped->inode = inode;
        found = address < mapped->end && inode;
    }
    if (file)
        fclose(file);
    return found;
}

/* Some file systems (btrfs, overlays) use one number for stat() and another in maps: then our own maps are
 * compared. */
static bool is_inode(int file, const struct stat *facts, uint64_t device, uint64_t inode)
{
    uint64_t own = (uint64_t)major(facts->st_dev) << 32 | minor(facts->st_dev);
    if (facts->st_ino == inode && own == device)
        return true;
    struct mapped mapped;
    void *page = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, file, 0);
    if (page == MAP_FAILED)
        return false;
    bool found = find_mapped("/proc/self/maps", (uintptr_t)page, &mapped);
    munmap(page, 1);
    return found && mapped.device == device && mapped.inode == inode;
}

static bool is_it(const struct module_claim *claim, int file)
{
    uint8_t id[BUILD_ID_MAX];
    struct stat facts;
    if (claim->build_id_size)
        return build_id_read(file, id) == claim->build_id_size &&
               memcmp(id, claim->build_id, claim->build_id_size) == 0;
    if (fstat(file, &facts) != 0)
        return false;
    if (claim->inode)
        return is_inode(file, &facts, claim->device, claim->inode);
    return facts.st_ctim.tv_sec < claim->before.tv_sec ||
           (facts.st_ctim.tv_sec == claim->before.tv_sec && facts.st_ctim.tv_nsec <= claim->before.tv_nsec);
}

/* ---- where it may be ----------------------------------------------------------------------------- */

struct search {
    const struct module_claim *claim;
    char path[PATH_MAX]; /* without the kernel's " (deleted)" */
    bool removed;        /* the kernel says so */
    int file;            /* the result; -1 = not found yet */
    bool other;          /* another file is at its path */
    int error;           /* why the path could not be opened */
};

static bool try(struct search *search, int root, const char *path)
{
    int file = regular_file_open(root, path);
    if (file >= 0 && is_it(search->claim, file)) {
        search->file = file;
        return true;
    }
    if (file >= 0)
        close(file);
    errno = file < 0 ? errno : 0;
    return false;
}

/* Tries its path: in the process's file system, or, if that is gone, in ours. */
static bool try_path(struct search *search)
{
    char name[64];
    int root = -1;
    if (search->path[0] != '/' || strncmp(search->path, "/proc/", 6) == 0 ||
        strncmp(search->path, "/dev/fd/", 8) == 0) {
        search->error = ENOENT; /* the path means something else here */
        return false;
    }
    snprintf(name, sizeof name, "/proc/%d/root", search->claim->pid);
    if (search->claim->pid)
        root = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    bool found = try(search, root, search->path);
    search->error = errno;
    search->other = !found && errno == 0;
    if (root >= 0)
        close(root);
    if (!found && root >= 0 && search->error && search->error != EMFILE) /* openat2() may be missing */
        found = try(search, -1, search->path);
    return found;
}

static bool try_executable(struct search *search)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/exe", search->claim->pid);
    return try(search, -1, name);
}

/* Tries the mapping itself; this needs privileges. */
static bool try_mapping(struct search *search)
{
    char name[96];
    struct mapped mapped;
    snprintf(name, sizeof name, "/proc/%d/maps", search->claim->pid);
    if (!find_mapped(name, search->claim->start, &mapped))
        return false;
    snprintf(name, sizeof name, "/proc/%d/map_files/%lx-%lx", search->claim->pid, mapped.start, mapped.end);
    return try(search, -1, name);
}

#define DESCRIPTORS_MAX 256

/* Tries the process's descriptors: a file that was loaded from one may still be open. */
static bool try_descriptors(struct search *search)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/fd", search->claim->pid);
    DIR *all = opendir(name);
    struct dirent *entry;
    bool found = false;
    for (int i = 0; all && !found && i < DESCRIPTORS_MAX && (entry = readdir(all)); i++) {
        char link[96], target[PATH_MAX];
        snprintf(link, sizeof link, "%s/%.16s", name, entry->d_name);
        ssize_t size = readlink(link, target, sizeof target - 1);
        if (size <= 0)
            continue;
        target[size] = '\0';
        found = strcmp(target, search->claim->path) == 0 && try(search, -1, link);
    }
    if (all)
        closedir(all);
    return found;
}

static bool begin(struct search *search, const struct module_claim *claim)
{
    static const char mark[] = " (deleted)";
    size_t size = strlen(claim->path);
    *search = (struct search){.claim = claim, .file = -1};
    if (size >= sizeof search->path)
        return false;
    strcpy(search->path, claim->path);
    if (size > sizeof mark && strcmp(search->path + size - (sizeof mark - 1), mark) == 0) {
        search->path[size - (sizeof mark - 1)] = '\0';
        search->removed = true;
    }
    return true;
}

enum module_file_result module_file_open(const struct module_claim *claim, int *file)
{
    struct search search;
    if (!begin(&search, claim))
        return MODULE_FILE_NOT_OURS;
    bool found =
        try_path(&search) ||
        (claim->pid && (try_executable(&search) || try_mapping(&search) || try_descriptors(&search)));
    if (found) {
        *file = search.file;
        return MODULE_FILE_OPENED;
    }
    bool leads_nowhere = search.error == ENOENT || search.error == ENOTDIR;
    if (search.removed || (!search.other && leads_nowhere))
        return MODULE_FILE_GONE;
    return search.other ? MODULE_FILE_REPLACED : MODULE_FILE_NOT_OURS;
}
