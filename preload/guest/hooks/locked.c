/* locked.c - see locked.h.
 *
 * mlockall() locks all that a process has mapped, or fails if that is more than it may lock (ulimit -l). The few MiB
 * that the tracer has mapped would make it fail, or leave the program less to lock later. So if there is a limit, we
 * lock everything that is the program's, mapping by mapping, and nothing of ours: the program gets what it asked for,
 * with the same limit as without us.
 *
 * Only /proc knows what is mapped. It is read in a child that shares the program's memory but not its descriptors: so
 * none of the program's descriptor numbers is used, not even for a moment.
 */
#define _GNU_SOURCE
#include "locked.h"
#include "guest.h"
#include "mappings.h"
#include "real.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER_END ((uintptr_t)1 << 47) /* above it there is only [vsyscall], which is not a mapping */
#define ARENA_NAME "/memfd:libtrace"

/* The extent of this library: all its segments, and what is between them. */
extern HIDDEN const char __ehdr_start, _end;

/* ---- what is mapped ------------------------------------------------------------------------------------ */

/* What to do with each mapping. */
struct walk {
    void (*visit)(struct walk *walk, const struct mapping *mapping);
    uint64_t bytes; /* bytes that are the program's */
    unsigned flags; /* of mlock2() */
};

static bool visit(void *data, const struct mapping *mapping)
{
    struct walk *walk = data;
    if (mapping->start < USER_END)
        walk->visit(walk, mapping);
    return true;
}

static bool walk_all(struct walk *walk)
{
    char path[sizeof ARENA_NAME]; /* enough of the path to recognise the arena */
    return mappings_walk(visit, walk, path, sizeof path);
}

/* ---- what is ours -------------------------------------------------------------------------------------- */

static bool is_arena(const struct mapping *mapping)
{
    return strcmp(mapping->path, ARENA_NAME) == 0;
}

/* The first piece of our memory that ends behind an address. The kernel may merge it with neighbouring
 * mappings. */
static bool next_of_ours(uintptr_t from, uintptr_t *start, uintptr_t *end)
{
    uintptr_t first = (uintptr_t)&__ehdr_start & -guest_page_size();
    uintptr_t last = guest_whole_pages((uintptr_t)&_end);
    bool found = guest_next_pages(from, start, end);
    if (last > from && (!found || first < *start)) {
        *start = first;
        *end = last;
        found = true;
    }
    return found;
}

/* Calls act for the parts of a mapping that are the program's. */
static void each_part(struct walk *walk, const struct mapping *mapping,
                      void (*act)(struct walk *walk, const struct mapping *part))
{
    struct mapping part = *mapping;
    uintptr_t start, end;
    while (part.start < mapping->end && !is_arena(mapping)) {
        bool more = next_of_ours(part.start, &start, &end) && start < mapping->end;
        part.end = more ? start : mapping->end;
        if (part.end > part.start)
            act(walk, &part);
        part.start = more ? end : mapping->end;
    }
}

static void add(struct walk *walk, const struct mapping *part)
{
    walk->bytes += part->end - part->start;
}

/* Memory that cannot be accessed is not populated, but counts. Parts that cannot be populated (beyond the
 * end of a file, for example) are no error, as for mlockall(). */
static void lock(struct walk *walk, const struct mapping *part)
{
    unsigned flags = part->accessible ? walk->flags : MLOCK_ONFAULT;
    syscall(SYS_mlock2, part->start, part->end - part->start, flags);
}

static void count(struct walk *walk, const struct mapping *mapping)
{
    each_part(walk, mapping, add);
}

static void lock_what_is_not_ours(struct walk *walk, const struct mapping *mapping)
{
    each_part(walk, mapping, lock);
}

static void unlock_what_is_ours(struct walk *walk, const struct mapping *mapping)
{
    uintptr_t from = mapping->start, start, end;
    (void)walk;
    if (is_arena(mapping))
        syscall(SYS_munlock, mapping->start, mapping->end - mapping->start);
    while (from < mapping->end && next_of_ours(from, &start, &end) && start < mapping->end) {
        start = start > mapping->start ? start : mapping->start;
        from = end < mapping->end ? end : mapping->end;
        syscall(SYS_munlock, start, from - start);
    }
}

/* ---- in the child -------------------------------------------------------------------------------------- */

#define STACK_SIZE 32768

struct errand {
    int flags;      /* for mlockall() */
    bool lock;      /* lock what is the program's; otherwise only unlock ours */
    uint64_t limit; /* bytes that may be locked */
    bool done;
    char stack[STACK_SIZE] __attribute__((aligned(16)));
};

static bool run(const struct errand *errand)
{
    struct walk unlocking = {.visit = unlock_what_is_ours}, counting = {.visit = count};
    struct walk locking = {.visit = lock_what_is_not_ours,
                           .flags = errand->flags & MCL_ONFAULT ? MLOCK_ONFAULT : 0};
    if (!walk_all(&unlocking) || !errand->lock)
        return !errand->lock;
    /* Counts as the kernel does for mlockall(). */
    return walk_all(&counting) && counting.bytes <= errand->limit && walk_all(&locking);
}

static int child(void *data)
{
    struct errand *errand = data;
    errand->done = run(errand);
    syscall(SYS_exit, 0);
    return 0;
}

/* Runs the child. False if that was not possible. */
static bool send(int flags, bool lock_it, uint64_t limit)
{
    struct errand *errand = guest_pages(sizeof *errand);
    if (!errand)
        return false;
    *errand = (struct errand){.flags = flags, .lock = lock_it, .limit = limit};
    /* No signal handler of the program may run in a child that shares its memory. */
    uint64_t all = ~0ull, before;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    int pid = clone(child, errand->stack + STACK_SIZE, CLONE_VM | CLONE_VFORK, errand);
    while (pid > 0 && syscall(SYS_wait4, pid, NULL, __WALL, NULL) < 0 && errno == EINTR) {
    }
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    bool done = pid > 0 && errand->done;
    guest_unmap(errand, sizeof *errand);
    return done;
}

/* ---- the program's call -------------------------------------------------------------------------------- */

/* The kernel locks what is mapped later by itself; for that it does not count what is mapped now. */
static bool lock_later(int flags)
{
    return !(flags & MCL_FUTURE) || real.mlockall(flags & ~MCL_CURRENT) == 0;
}

EXPORT int locked_all(int flags)
{
    struct rlimit limit;
    int saved = errno, result = real.mlockall(flags), error = errno;
    if (guest_confined)
        return result;
    if (result == 0 && flags & MCL_FUTURE)
        guest_locked = true;
    if ((result != 0 && error != ENOMEM) || !(flags & MCL_CURRENT) ||
        getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        errno = result ? error : saved;
        return result;
    }
    /* If there is no child, everything stays as the kernel left it. */
    if (result == 0) {
        send(flags, false, limit.rlim_cur);
    } else if (send(flags, true, limit.rlim_cur) && lock_later(flags)) {
        guest_locked |= (flags & MCL_FUTURE) != 0;
        result = 0;
    }
    errno = result ? error : saved;
    return result;
}
