/* loader.c - see loader.h.
 *
 * Where the lock is, is not told by any header, so it is looked for once, in ld.so's own data: the only
 * recursive mutex there that this thread holds while it is called by dl_iterate_phdr(), but not afterwards.
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
static _Atomic uint32_t asking;            /* threads that we have in dl_iterate_phdr() */
static _Atomic bool forked;                /* this process was */
static _Atomic bool doubtful;              /* and it is not known yet whether the lock can be had */

/* ---- finding the lock -------------------------------------------------------------------------- */

#define CANDIDATES 4

struct search {
    pid_t tid;
    uint32_t count;
    pthread_mutex_t *held[CANDIDATES];
};

/* Held once by this thread. Before glibc 2.34 a program without libpthread only counts. */
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
        if (is_held(search.held[i], search.tid)) /* dlopen()'s, which has led to us */
            continue;
        if (found)
            return;
        found = search.held[i];
    }
    atomic_store(&list_lock, found);
}

/* ---- forked children ------------------------------------------------------------------------------ */

/* Another thread's, which is not in this process: it will never be given back. */
static bool is_orphaned(const pthread_mutex_t *mutex)
{
    if (!__atomic_load_n(&mutex->__data.__lock, __ATOMIC_ACQUIRE))
        return false;
    int owner = __atomic_load_n(&mutex->__data.__owner, __ATOMIC_RELAXED);
    if (guest_confined) /* nobody can be asked */
        return owner != guest_tid();
    int saved = errno;
    bool here = owner > 0 && syscall(SYS_tgkill, syscall(SYS_getpid), owner, 0) == 0;
    errno = saved;
    return !here;
}

/* As glibc itself resets the loader's other locks. Only if a thread of ours was at it: else the child would
 * find it held without us, too, and what it guards may be half done. */
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
    repair(); /* for children that were not made by fork() */
    atomic_store(&forked, true);
    atomic_store(&doubtful, true);
}

/* Once it is free, or held by a thread of this process, it will always be given back. */
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
    uint32_t count = atomic_load(&asking); /* 0 in a child that a handler forked in our midst */
    while (count && !atomic_compare_exchange_weak(&asking, &count, count - 1)) {
    }
    return true;
}

bool loader_consistent(void)
{
    return !atomic_load(&forked) || _r_debug.r_state == RT_CONSISTENT;
}
