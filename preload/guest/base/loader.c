/* loader.c - see loader.h.
 *
 * No header tells where the lock is, so it is searched for once, in ld.so's own data: the only recursive mutex there
 * that this thread holds while dl_iterate_phdr() calls it back, but not afterwards.
 */
#define _GNU_SOURCE
#include "loader.h"
#include "guest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t *_Atomic list_lock; /* NULL = not found (yet) */
static _Atomic uint32_t asking;            /* threads that are in dl_iterate_phdr() for us */
static _Atomic bool forked;                /* this process was forked */
static _Atomic bool doubtful;              /* and it is not known yet whether the lock is free */

/* ---- finding the lock -------------------------------------------------------------------------- */

#define CANDIDATES 4

struct search {
    pid_t tid;
    uint32_t count;
    pthread_mutex_t *held[CANDIDATES];
};

/* True if this thread holds it once. Before glibc 2.34, locks of a program without libpthread have only a
 * count. */
static bool is_held(const pthread_mutex_t *mutex, pid_t tid)
{
    const struct __pthread_mutex_s *data = &mutex->__data;
    return data->__kind == PTHREAD_MUTEX_RECURSIVE_NP && data->__count == 1 &&
           (data->__lock ? data->__owner == tid : data->__owner == 0);
}

static int search_loader(struct dl_phdr_info *info, size_t size, void *data)
{
    struct search *search = data;
    (void)size;
    if (info->dlpi_addr != _r_debug.r_ldbase)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_W))
            continue;
        uintptr_t at = info->dlpi_addr + segment->p_vaddr, end = at + segment->p_memsz;
        at = (at + _Alignof(pthread_mutex_t) - 1) & ~(_Alignof(pthread_mutex_t) - 1);
        for (; at + sizeof(pthread_mutex_t) <= end; at += _Alignof(pthread_mutex_t)) {
            pthread_mutex_t *mutex = (pthread_mutex_t *)at;
            if (is_held(mutex, search->tid) && search->count < CANDIDATES)
                search->held[search->count++] = mutex;
        }
    }
    return 1;
}

static void find_lock(void)
{
    struct search search = {.tid = (pid_t)syscall(SYS_gettid)};
    dl_iterate_phdr(search_loader, &search);
    pthread_mutex_t *found = NULL;
    for (uint32_t i = 0; i < search.count; i++) {
        if (is_held(search.held[i], search.tid)) /* dlopen()'s lock, held because dlopen() called us */
            continue;
        if (found)
            return;
        found = search.held[i];
    }
    atomic_store(&list_lock, found);
}

/* ---- forked children ------------------------------------------------------------------------------ */

/* True if its owner is a thread of the parent, which does not exist in this process: it will never be
 * released. */
static bool is_orphaned(const pthread_mutex_t *mutex)
{
    if (!__atomic_load_n(&mutex->__data.__lock, __ATOMIC_ACQUIRE))
        return false;
    int owner = __atomic_load_n(&mutex->__data.__owner, __ATOMIC_RELAXED);
    if (guest_confined) /* that would take a system call */
        return owner != guest_tid();
    int saved = errno;
    bool here = owner > 0 && syscall(SYS_tgkill, syscall(SYS_getpid), owner, 0) == 0;
    errno = saved;
    return !here;
}

/* Resets the lock, as glibc itself resets the loader's other locks. Only if a thread of ours held it:
 * otherwise the child would find it held without us, too, and the list that it protects may be half
 * changed. */
static void repair(void)
{
    pthread_mutex_t *mutex = atomic_load(&list_lock);
    if (atomic_exchange(&asking, 0) == 0 || !mutex || !is_orphaned(mutex))
        return;
    mutex->__data.__count = 0;
    mutex->__data.__owner = 0;
    mutex->__data.__nusers = 0;
    __atomic_store_n(&mutex->__data.__lock, 0, __ATOMIC_RELEASE);
}

void loader_watch_forks(void)
{
    static _Atomic bool watching;
    int saved = errno;
    if (!atomic_exchange(&watching, true))
        pthread_atfork(NULL, NULL, repair);
    errno = saved;
}

void loader_forked(void)
{
    repair(); /* for children that were not created by fork() */
    atomic_store(&forked, true);
    atomic_store(&doubtful, true);
}

/* If it is free, or held by a thread of this process, it will always be released. */
bool loader_answers(void)
{
    if (!atomic_load(&doubtful))
        return true;
    const pthread_mutex_t *mutex = atomic_load(&list_lock);
    if (!mutex || is_orphaned(mutex))
        return false;
    atomic_store(&doubtful, false);
    return true;
}

bool loader_modules(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data)
{
    if (!loader_answers())
        return false;
    atomic_fetch_add(&asking, 1);
    if (!atomic_load(&list_lock))
        find_lock();
    dl_iterate_phdr(callback, data);
    /* 0 in a child that was forked by a signal handler that interrupted us. */
    uint32_t count = atomic_load(&asking);
    while (count && !atomic_compare_exchange_weak(&asking, &count, count - 1)) {
    }
    return true;
}

bool loader_consistent(void)
{
    return !atomic_load(&forked) || _r_debug.r_state == RT_CONSISTENT;
}
