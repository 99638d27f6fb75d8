/* removal.c - files that the program removes or replaces.
 *
 * A library that is unpacked, loaded and removed at once cannot be read afterwards. The collector opens the files of
 * modules soon after they were loaded; if the program is about to remove something with the name of a module before
 * that, it waits, which takes a fraction of a millisecond. The same goes for modules of processes that are gone.
 * Everything else passes unchanged.
 */
#define _GNU_SOURCE
#include "arena.h"
#include "enter.h"
#include "module_files.h"
#include "modules.h"
#include "process.h"
#include "real.h"

#include <string.h>

/* Our functions that replace the C library's. */
int removal_unlink(const char *path) __asm__("unlink");
int removal_unlinkat(int directory, const char *path, int flags) __asm__("unlinkat");
int removal_remove(const char *path) __asm__("remove");
int removal_rename(const char *from, const char *to) __asm__("rename");
int removal_renameat(int from_directory, const char *from, int to_directory,
                     const char *to) __asm__("renameat");
int removal_renameat2(int from_directory, const char *from, int to_directory, const char *to,
                      unsigned flags) __asm__("renameat2");

/* Compares only the last part of the path: what leads there may be a link, or a directory's descriptor. */
static bool may_be_a_module(const char *path)
{
    size_t end = strlen(path);
    while (end && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start && path[start - 1] != '/')
        start--;
    return end > start && (strstr(path + start, ".so") || modules_lie_in(path + start, end - start));
}

/* What a process that has ended had loaded may have any name. */
static void wait_for_all(const char *path)
{
    bool may_be = may_be_a_module(path);
    uint32_t slots = atomic_load(&arena->processes);
    for (uint32_t i = 0; i < slots && i < WIRE_PROCESSES; i++)
        if (may_be || atomic_load(&arena->process[i].state) == WIRE_PROCESS_EXITING)
            module_files_wait(&arena->process[i]);
}

/* The program is about to remove what is at path, or to put something else there. */
static void leaves(const char *path, const void *frame)
{
    if (!path || guest_confined || !tracing_live())
        return;
    struct thread *t = thread_enter(frame); /* which looks for new modules if there may be any */
    if (!t)
        return;
    if (UNLIKELY(module_files_missing()))
        wait_for_all(path);
    thread_leave(t);
}

#define FRAME __builtin_frame_address(0)

EXPORT int removal_unlink(const char *path)
{
    leaves(path, FRAME);
    return real.unlink(path);
}

EXPORT int removal_unlinkat(int directory, const char *path, int flags)
{
    leaves(path, FRAME);
    return real.unlinkat(directory, path, flags);
}

EXPORT int removal_remove(const char *path)
{
    leaves(path, FRAME);
    return real.remove(path);
}

EXPORT int removal_rename(const char *from, const char *to)
{
    leaves(from, FRAME);
    leaves(to, FRAME);
    return real.rename(from, to);
}

EXPORT int removal_renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    leaves(from, FRAME);
    leaves(to, FRAME);
    return real.renameat(from_directory, from, to_directory, to);
}

EXPORT int removal_renameat2(int from_directory, const char *from, int to_directory, const char *to,
                             unsigned flags)
{
    leaves(from, FRAME);
    leaves(to, FRAME);
    return real.renameat2(from_directory, from, to_directory, to, flags);
}
