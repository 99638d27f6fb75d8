/* removal.c - see removal.h.
 *
 * A library that is unpacked, loaded and removed at once can be read by nobody afterwards. The collector
 * opens the files of modules soon after they were loaded; if one of them, by its name, is about to go before
 * that, the program waits for it, which takes a part of a millisecond. So it does for what processes had
 * loaded that are gone already. All else goes through as it is.
 */
#define _GNU_SOURCE
#include "removal.h"
#include "alive.h"
#include "arena.h"
#include "guest.h"
#include "real.h"
#include "session.h"
#include "thread.h"
#include "modules.h"

#include <string.h>

#define WAIT_NS \
    1000000000ull /* for the collector to open files: on a busy machine it may have to wait, too */
#define WAIT_STEP_NS 1000000ull

void removal_wait(const struct wire_process *of)
{
    static _Atomic bool in_vain;
    struct wire_process *slot = (struct wire_process *)of;
    if (guest_confined || atomic_load(&slot->state) < WIRE_PROCESS_LIVE || atomic_load(&in_vain))
        return;
    uint32_t given = atomic_load(&slot->modules), kept = atomic_load(&slot->modules_kept);
    for (uint64_t start_ns = guest_now_ns(); kept < given; kept = atomic_load(&slot->modules_kept)) {
        if (atomic_load(&arena->collector) >= WIRE_COLLECTOR_FAILED || alive_gone(false) ||
            atomic_load(&slot->modules) < given) /* it is another's by now */
            return;
        if (guest_now_ns() - start_ns > WAIT_NS) { /* once is enough */
            atomic_store(&in_vain, true);
            return;
        }
        arena_wake_collector();
        guest_futex_wait(&slot->modules_kept, kept, WAIT_STEP_NS);
    }
}

/* The collector has not opened the files of all modules yet. */
static bool some_are_new(void)
{
    return atomic_load_explicit(&arena->modules, memory_order_relaxed) !=
           atomic_load_explicit(&arena->modules_kept, memory_order_relaxed);
}

/* Its paths lead elsewhere for the collector, or nowhere for anybody. */
static bool is_only_way(void)
{
    uint64_t view[3];
    guest_view(view);
    return memcmp(view, arena->first_view, sizeof view) != 0 || modules_lack_files();
}

void removal_exiting(void)
{
    bool some = atomic_load(&process->modules) != atomic_load(&process->modules_kept);
    if (some && !guest_confined && is_only_way())
        removal_wait(process);
}

/* By the last part of its path: what leads there may be a link, or another directory's descriptor. */
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

/* What a process that is over had loaded may be anything, by any name. */
static void wait_for_all(const char *path)
{
    bool may_be = may_be_a_module(path);
    uint32_t slots = atomic_load(&arena->processes);
    for (uint32_t i = 0; i < slots && i < WIRE_PROCESSES; i++)
        if (may_be || atomic_load(&arena->process[i].state) == WIRE_PROCESS_EXITING)
            removal_wait(&arena->process[i]);
}

/* The program's next step is to remove what is at path, or to put something else there. */
static void leaves(const char *path, const void *frame)
{
    if (!path || guest_confined || !session_live())
        return;
    struct thread *t = thread_enter(frame); /* which looks for new modules if there may be any */
    if (!t)
        return;
    if (UNLIKELY(some_are_new()))
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
