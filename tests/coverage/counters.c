/* counters.c - where a build that counts how often its lines run (LIBTRACE_COVERAGE) keeps the counts; linked into all
 * its binaries, the library included.
 *
 * Programs crash, call _exit(), execute others, are killed, close all descriptors or are confined; so nothing is written
 * at an end. The counters lie in a file that is mapped from the start on, is shared by all processes with the same
 * binary, and is counted up atomically. clang adds __llvm_profile_counter_bias to the address of each counter
 * (-runtime-counter-relocation): until it is set below, counters are the binary's own memory, which is added to the file
 * then. Nothing here allocates, as it also runs inside the programs that are traced.
 *
 * The file is COVERAGE_FOLDER/HASH, the hash being that of the names of the binary's functions. With COVERAGE_PROFILE=FILE
 * in its environment a binary writes what it has there as a profile for llvm-cov, and ends: see table.
 */
#define _GNU_SOURCE
#include "system_call.h"

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
    for (const char *at = COVERAGE_FOLDER "/"; *at; at++)
        *path++ = *at;
    for (int shift = 60; shift >= 0; shift -= 4)
        *path++ = "0123456789abcdef"[hash >> shift & 15];
    *path = 0;
}

/* The file's counters; NULL: none, as after chroot(). Without the C library, as the loader may not have linked it yet. */
static uint64_t *map_file(size_t size)
{
    char path[sizeof COVERAGE_FOLDER + 32];
    struct stat status;
    path_here(path);
    /* Another user's file may not be opened with O_CREAT everywhere (fs.protected_regular). */
    long file = system_call(SYS_open, (long)path, O_RDWR | O_CLOEXEC, 0, 0, 0, 0), memory = -1;
    if (file < 0)
        file = system_call(SYS_open, (long)path, O_RDWR | O_CREAT | O_CLOEXEC, 0666, 0, 0, 0);
    if (file < 0)
        return NULL;
    if (system_call(SYS_fstat, file, (long)&status, 0, 0, 0, 0) == 0 &&
        (status.st_size == (off_t)size || (system_call(SYS_fchmod, file, 0666, 0, 0, 0, 0) == 0 &&
                                           system_call(SYS_ftruncate, file, (long)size, 0, 0, 0, 0) == 0)))
        memory = system_call(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    system_call(SYS_close, file, 0, 0, 0, 0, 0);
    return system_call_failed(memory) ? NULL : (uint64_t *)memory;
}

static uint64_t *mapped;

static void open_counters(void)
{
    size_t size = (size_t)((char *)counters_end - (char *)counters);
    mapped = map_file(size);
    if (!mapped)
        return;
    for (size_t i = 0; i < size / sizeof *mapped; i++)
        if (counters[i])
            __atomic_fetch_add(&mapped[i], counters[i], __ATOMIC_RELAXED);
    __llvm_profile_counter_bias = (char *)mapped - (char *)counters;
}

/* The loader calls this while it relocates the binary, before any function in it that it calls then: one of the
 * library's may execute the program anew, see session/sanitized.c. */
static __attribute__((used)) void (*resolve(void))(void)
{
    open_counters();
    return open_counters;
}

OURS void coverage_opens(void) __attribute__((ifunc("resolve")));
OURS void (*volatile coverage_opened)(void) = coverage_opens;

__attribute__((constructor(101))) static void begin(void)
{
    const char *profile = getenv("COVERAGE_PROFILE");
    if (!mapped || !profile)
        return;
    __llvm_profile_counter_bias = 0;
    memcpy(counters, mapped, (size_t)((char *)counters_end - (char *)counters));
    __llvm_profile_set_filename(profile);
    system_call(SYS_exit_group, __llvm_profile_write_file(), 0, 0, 0, 0, 0);
}
