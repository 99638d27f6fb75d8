/* refusal.c - see refusal.h. */
#include "refusal.h"
#include "rlimits_rule.h"
#include "machine.h"
#include "mapped_image.h"
#include "proc.h"
#include "wire.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char sentence[512];

/* The dynamic linker that a program names; false if the segment does not name one. */
static bool read_linker(const struct image *image, const GElf_Phdr *segment, char linker[PATH_MAX])
{
    size_t size = segment->p_filesz < PATH_MAX ? segment->p_filesz : PATH_MAX - 1;
    if (segment->p_type != PT_INTERP)
        return false;
    ssize_t got = pread(image->file, linker, size, (off_t)segment->p_offset);
    linker[got > 0 ? got : 0] = '\0';
    return true;
}

/* Checks the program's file: another machine, no dynamic linking, another C library. linker: the one that
 * it names. */
static const char *refuse_file(pid_t pid, char linker[PATH_MAX])
{
    char path[64];
    struct image image;
    const char *why = NULL;
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    if (image_open(&image, open(path, O_RDONLY | O_CLOEXEC))) {
        GElf_Ehdr header;
        bool dynamic = false;
        size_t count = 0;
        elf_getphdrnum(image.elf, &count);
        for (size_t i = 0; i < count; i++) {
            GElf_Phdr segment;
            if (gelf_getphdr(image.elf, (int)i, &segment))
                dynamic |= read_linker(&image, &segment, linker);
        }
        if (gelf_getehdr(image.elf, &header) &&
            (header.e_machine != MACHINE || header.e_ident[EI_CLASS] != ELFCLASS64))
            why = "is not a 64-bit " MACHINE_NAME " program, and libtrace traces no other so far";
        else if (!dynamic)
            why =
                "is statically linked, so no library can be loaded into it; link it dynamically to trace it";
        else if (strstr(linker, "musl"))
            why = "is linked against musl, and libtrace needs the GNU C library";
    }
    image_close(&image);
    return why;
}

static const char *refuse_status(pid_t pid, const char *status)
{
    char state = *proc_status(status, "State");
    int tracer = atoi(proc_status(status, "TracerPid"));
    if (atoi(proc_status(status, "Tgid")) != pid)
        return "is a thread, not a process; name its process";
    if (state == 'Z' || state == 'X')
        return "has ended already (it is a zombie that nobody has waited for)";
    if (tracer) {
        snprintf(sentence, sizeof sentence, "is being traced by process %d (a debugger, or strace) already",
                 tracer);
        return sentence;
    }
    if (state == 'T' || state == 't')
        return "is stopped; let it go on first (kill -CONT)";
    return NULL;
}

/* ---- limits and confinement -------------------------------------------------------------------------- */

static const char filtered[] =
    "is confined by a seccomp filter, and might be killed for what libtrace does in it";

static bool same_group(pid_t pid)
{
    char *ours = proc_read(getpid(), "cgroup"), *theirs = proc_read(pid, "cgroup");
    bool same = ours && theirs && strcmp(ours, theirs) == 0;
    free(ours);
    free(theirs);
    return same;
}

/* What a filter would do cannot be known from outside. Only if we ourselves are under as many filters, and
 * in the same cgroup, do we assume that they are the same, installed by a container around both of us. */
static bool shares_our_filters(pid_t pid, const char *status)
{
    char *own = proc_read(getpid(), "status");
    int ours = own ? atoi(proc_status(own, "Seccomp_filters")) : 0;
    bool same = ours > 0 && ours == atoi(proc_status(status, "Seccomp_filters")) && same_group(pid);
    free(own);
    return same;
}

static bool has_shadow_stack(const char *status)
{
    const char *features = proc_status(status, "x86_Thread_features");
    const char *found = strstr(features, "shstk");
    return found && found < features + strcspn(features, "\n");
}

static const char *refuse_thread(pid_t pid, const char *status)
{
    int seccomp = atoi(proc_status(status, "Seccomp"));
    if (seccomp == 1)
        return "is confined by seccomp so strictly that loading a library would kill it";
    if (seccomp == 2 && !shares_our_filters(pid, status))
        return filtered;
    /* Functions called on its threads could not return. */
    if (has_shadow_stack(status))
        return "runs with shadow stacks, which do not let functions be called in it";
    return NULL;
}

/* Filters belong to threads: the main thread may have none while those that do the work do. */
const char *refusal_confined(pid_t pid)
{
    char path[64];
    const char *why = NULL;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    for (struct dirent *entry; tasks && !why && (entry = readdir(tasks));) {
        snprintf(path, sizeof path, "task/%.20s/status", entry->d_name);
        char *status = *entry->d_name == '.' ? NULL : proc_read(pid, path);
        if (status)
            why = refuse_thread(pid, status);
        free(status);
    }
    if (tasks)
        closedir(tasks);
    return why;
}

/* How many descriptors below the limit are in use: others may have been opened before it was set. */
static size_t descriptors(pid_t pid, uint64_t limit)
{
    char path[64];
    size_t count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += *entry->d_name != '.' && strtoull(entry->d_name, NULL, 10) < limit;
    if (folder)
        closedir(folder);
    return count;
}

/* Reads /proc/PID/limits, which anybody may read: "Max file size   SOFT   HARD   bytes". For another
 * user's process, prlimit() needs more privileges than root always has. */
static uint64_t limit_of(const char *limits, const char *name, bool hard)
{
    const char *line = limits ? strstr(limits, name) : NULL;
    char soft[32], other[32];
    if (!line || sscanf(line + strlen(name), "%31s %31s", soft, other) != 2)
        return RLIM_INFINITY;
    const char *value = hard ? other : soft;
    return strcmp(value, "unlimited") == 0 ? RLIM_INFINITY : strtoull(value, NULL, 10);
}

static const char *refuse_arena(const char *limits)
{
    const uint64_t least = (WIRE_FIRST_CHUNK + 128) / 64 * 64 * WIRE_CHUNK_SIZE;
    const char *space = "Max address space";
    if (limits_chunks(limit_of(limits, "Max file size", false), limit_of(limits, space, false),
                      limit_of(limits, space, true)))
        return NULL;
    snprintf(
        sentence, sizeof sentence,
        "may write no file of %llu MiB (ulimit -f), or may not have four times as much address space, and "
        "as much is needed for memory to be shared with it",
        (unsigned long long)(least >> 20));
    return sentence;
}

/* Checks limits of all that it has mapped, and of its data. */
static const char *refuse_memory(pid_t pid, const char *limits)
{
    unsigned long long pages[6] = {0}; /* size resident shared text lib data */
    char *statm = proc_read(pid, "statm");
    int found = statm ? sscanf(statm, "%llu %llu %llu %llu %llu %llu", &pages[0], &pages[1], &pages[2],
                               &pages[3], &pages[4], &pages[5])
                      : 0;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    free(statm);
    if (found == 6 &&
        !limits_leave(limit_of(limits, "Max address space", false), pages[0] * page, LIMITS_LEAST))
        return "has too little address space left (ulimit -v)";
    if (found == 6 && !limits_leave(limit_of(limits, "Max data size", false), pages[5] * page, LIMITS_LEAST))
        return "has too little left of what data it may have (ulimit -d)";
    return NULL;
}

#define MAY_LOCK (1ull << 14) /* CAP_IPC_LOCK: no limit applies */

/* If most of its memory is locked, new memory will be as well (mlockall). */
static const char *refuse_locked(pid_t pid, const char *limits)
{
    char *status = proc_read(pid, "status");
    uint64_t limit = limit_of(limits, "Max locked memory", false);
    uint64_t locked = status ? strtoull(proc_status(status, "VmLck"), NULL, 10) << 10 : 0;
    uint64_t all = status ? strtoull(proc_status(status, "VmSize"), NULL, 10) << 10 : 0;
    uint64_t rights = status ? strtoull(proc_status(status, "CapEff"), NULL, 16) : 0;
    free(status);
    if (limit == RLIM_INFINITY || rights & MAY_LOCK || locked < all / 2 ||
        limits_leave(limit, locked, LIMITS_LEAST))
        return NULL;
    return "keeps all of its memory locked, and has too little left of what it may lock (ulimit -l)";
}

const char *refusal_limits(pid_t pid)
{
    char *limits = proc_read(pid, "limits");
    uint64_t files = limit_of(limits, "Max open files", false);
    const char *why = refuse_arena(limits);
    if (!why)
        why = refuse_memory(pid, limits);
    if (!why)
        why = refuse_locked(pid, limits);
    if (!why && descriptors(pid, files) + 1 >= files)
        why = "has no descriptor left to load a library with (ulimit -n)";
    free(limits);
    return why;
}

/* ---- its file system ---------------------------------------------------------------------------------- */

/* Browsers deny all files to processes that show pages: such a process cannot even see its own dynamic
 * linker. */
static const char *refuse_sandbox(pid_t pid, const char *linker)
{
    char path[PATH_MAX + 32];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d/root%s", (int)pid, linker);
    if (!*linker || lstat(path, &status) == 0 || errno == EACCES || errno == EPERM)
        return NULL;
    return "is shut up in a sandbox and sees no files, so no library can be loaded into it";
}

static bool is_kernel_thread(pid_t pid)
{
    char *stat = proc_read(pid, "stat");
    const char *end = stat ? strrchr(stat, ')') : NULL;
    unsigned flags = 0;
    bool kernel = end && sscanf(end, ") %*c %*d %*d %*d %*d %*d %u", &flags) == 1 && flags & 0x00200000;
    free(stat);
    return kernel; /* PF_KTHREAD */
}

const char *refusal_of(pid_t pid, const char *library)
{
    char *status = pid > 0 ? proc_read(pid, "status") : NULL;
    char linker[PATH_MAX] = "";
    if (!status)
        return "does not exist";
    const char *why =
        is_kernel_thread(pid) ? "is a thread of the kernel, not a program" : refuse_status(pid, status);
    if (pid == getpid())
        why = "is trace-attach itself";
    if (!why)
        why = refuse_file(pid, linker);
    if (!why)
        why = refuse_sandbox(pid, linker);
    free(status);
    if (!why)
        why = refusal_confined(pid);
    struct stat ours;
    if (!why && stat(library, &ours) != 0)
        why = "cannot be traced, as libtrace.so is not where it was";
    return why;
}

const char *refusal_denied(pid_t pid, int error)
{
    char *status = proc_read(pid, "status");
    const char *why = sentence;
    char *scope = proc_file("/proc/sys/kernel/yama/ptrace_scope");
    uid_t owner = status ? (uid_t)strtoul(proc_status(status, "Uid"), NULL, 10) : 0;
    int limit = scope ? atoi(scope) : 0;
    if (!status || error == ESRCH)
        why = "has ended";
    else if (geteuid() != 0 && owner != geteuid())
        snprintf(sentence, sizeof sentence, "belongs to another user (%u); try it as that user, or as root",
                 owner);
    else if (limit == 3)
        why = "may not be traced: the system forbids it to everybody until its next start "
              "(kernel.yama.ptrace_scope is 3)";
    else if (limit && geteuid() != 0)
        snprintf(sentence, sizeof sentence,
                 "may not be traced by you: kernel.yama.ptrace_scope is %d; try it as root, or 'sysctl "
                 "kernel.yama.ptrace_scope=0'",
                 limit);
    else
        snprintf(sentence, sizeof sentence,
                 "may not be traced (%s): it has more rights than we do, or protects itself",
                 strerror(error));
    free(status);
    free(scope);
    return why;
}
