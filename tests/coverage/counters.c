/* counters.c - where a build that counts how often its lines run (LIBTRACE_COVERAGE) keeps the counts; linked into all
 * its binaries, the library included.
 *
 * Programs crash, call _exit(), are killed, close all descriptors or are confined; so nothing is written at an end. The
 * counters lie in a file that is mapped from the start on, is shared by all processes with the same binary, and is
 * counted up atomically. clang adds __llvm_profile_counter_bias to the address of each counter
 * (-runtime-counter-relocation): until the constructor below has set it, counters are the binary's own memory, which is
 * added to the file then. Nothing here allocates, as it also runs inside the programs that are traced.
 *
 * The file is COVERAGE_FOLDER/HASH, the hash being that of the names of the binary's functions. With COVERAGE_PROFILE=FILE
 * in its environment a binary writes what it has there as a profile for llvm-cov, and ends: see table.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OURS __attribute__((visibility("hidden")))

extern OURS int64_t __llvm_profile_counter_bias;
extern OURS uint64_t counters[] __asm__("__start___llvm_prf_cnts");
extern OURS uint64_t counters_end[] __asm__("__stop___llvm_prf_cnts");
extern OURS const unsigned char names[] __asm__("__start___llvm_prf_names");
extern OURS const unsigned char names_end[] __asm__("__stop___llvm_prf_names");
void __llvm_profile_set_filename(const char *);
int __llvm_profile_write_file(void);

/* That it is here keeps clang's runtime from starting, and from writing profiles, by itself. */
OURS int __llvm_profile_runtime;

static void path_here(char path[])
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (const unsigned char *at = names; at < names_end; at++)
        hash = (hash ^ *at) * 1099511628211u;
    char *end = stpcpy(path, COVERAGE_FOLDER "/");
    for (int shift = 60; shift >= 0; shift -= 4)
        *end++ = "0123456789abcdef"[hash >> shift & 15];
    *end = 0;
}

/* The file's counters; NULL: none, as after chroot(). The system calls are direct: this may be where open() is hooked. */
static uint64_t *map_file(size_t size)
{
    char path[sizeof COVERAGE_FOLDER + 32];
    struct stat status;
    path_here(path);
    long file = syscall(SYS_open, path, O_RDWR | O_CREAT | O_CLOEXEC, 0666), memory = -1;
    if (file < 0)
        return NULL;
    if (syscall(SYS_fstat, file, &status) == 0 &&
        (status.st_size == (off_t)size ||
         (syscall(SYS_fchmod, file, 0666) == 0 && syscall(SYS_ftruncate, file, size) == 0)))
        memory = syscall(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0L);
    syscall(SYS_close, file);
    return memory == -1 ? NULL : (uint64_t *)memory;
}

__attribute__((constructor(101))) static void open_counters(void)
{
    size_t size = (size_t)((char *)counters_end - (char *)counters);
    const char *profile = getenv("COVERAGE_PROFILE");
    uint64_t *file = map_file(size);
    if (!file)
        return;
    if (profile) {
        memcpy(counters, file, size);
        __llvm_profile_set_filename(profile);
        syscall(SYS_exit_group, __llvm_profile_write_file());
    }
    for (size_t i = 0; i < size / sizeof *file; i++)
        if (counters[i])
            __atomic_fetch_add(&file[i], counters[i], __ATOMIC_RELAXED);
    __llvm_profile_counter_bias = (char *)file - (char *)counters;
}
