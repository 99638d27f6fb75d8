/* guest.c - see guest.h. */
#define _GNU_SOURCE
#include "guest.h"
#include "processor.h"
#include "rlimits.h"
#include "system_call.h"
#include "wire.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

_Atomic bool guest_confined, guest_locked, guest_clockless;

size_t guest_page_size(void)
{
    static _Atomic size_t known;
    size_t size = atomic_load_explicit(&known, memory_order_relaxed);
    if (UNLIKELY(size == 0))
        atomic_store_explicit(&known, size = getauxval(AT_PAGESZ), memory_order_relaxed);
    return size;
}

size_t guest_whole_pages(size_t size)
{
    size_t last = guest_page_size() - 1;
    return (size + last) & ~last;
}

/* ---- while confined ------------------------------------------------------------------------------ */

/* Mapped before, as no memory can be mapped while confined, and handed out piece by piece. A forked child has
 * a copy of its own. */
#define RESERVE_MOST (32u << 20)
#define RESERVE_LEAST (2u << 20)
static char *reserve;
static size_t reserve_size;
static _Atomic size_t reserve_used;

static int confined_pid;

/* For the clock: the same moment by both clocks, and nanoseconds per cycle; and how long some pauses take, for when
 * there is no clock. */
#define PAUSES 16
#define MEASURED_NS 300000u /* long enough for an accuracy of 0.01 %; each program measures once */
static uint64_t moment_ns, moment_tsc, pauses_ns;
static double ns_per_cycle;
static _Atomic uint64_t paused_ns;

static void *from_reserve(size_t size)
{
    size = guest_whole_pages(size);
    size_t used = atomic_load(&reserve_used);
    do {
        if (size > reserve_size - used)
            return NULL;
    } while (!atomic_compare_exchange_weak(&reserve_used, &used, used + size));
    return reserve + used;
}

static void pauses(void)
{
    for (int i = 0; i < PAUSES; i++)
        processor_pause();
}

/* clock_gettime() would be a system call where the kernel provides no clock that can be read without one. */
static uint64_t confined_now_ns(void)
{
    if (guest_clockless) {
        pauses();
        return moment_ns + atomic_fetch_add(&paused_ns, pauses_ns);
    }
    uint64_t tsc = processor_ticks(); /* may go back at a suspend */
    return moment_ns + (tsc > moment_tsc ? (uint64_t)((double)(tsc - moment_tsc) * ns_per_cycle) : 0);
}

static void measure_clock(void)
{
    uint64_t ns = guest_now_ns(), tsc = guest_ticks(), now_ns, before_ns = ns;
    pauses_ns = MEASURED_NS;
    do { /* the quickest counts: in others the processor may have been somebody else's */
        pauses();
        now_ns = guest_now_ns();
        if (now_ns - before_ns < pauses_ns)
            pauses_ns = now_ns - before_ns + 1;
        before_ns = now_ns;
    } while (now_ns - ns < MEASURED_NS);
    uint64_t cycles = guest_ticks() - tsc;
    ns_per_cycle = cycles ? (double)(now_ns - ns) / (double)cycles : 0.3;
    moment_tsc = tsc;
    moment_ns = ns;
}

void guest_confine(void)
{
    if (guest_confined)
        return;
    for (size_t size = RESERVE_MOST; !reserve && size >= RESERVE_LEAST; size /= 4) {
        reserve = guest_pages(size);
        reserve_size = reserve ? size : 0;
    }
    measure_clock();
    confined_pid = guest_pid();
    guest_confined = true;
}

/* The C library notes a lock's owner in it, which gives the thread's number without a system call. */
static int confined_tid(void)
{
    pthread_mutex_t lock = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    pthread_mutex_lock(&lock);
    int owner = lock.__data.__owner;
    pthread_mutex_unlock(&lock);
    return owner;
}

bool guest_confined_fork(void)
{
    int before = confined_pid;
    if (guest_confined)
        confined_pid = confined_tid();
    return !guest_confined || confined_pid != before;
}

int guest_pid(void)
{
    return guest_confined ? confined_pid : (int)syscall(SYS_getpid);
}

int guest_tid(void)
{
    return guest_confined ? confined_tid() : (int)syscall(SYS_gettid);
}

/* ---- memory -------------------------------------------------------------------------------------- */

uint64_t guest_pid_namespace(void)
{
    struct stat facts;
    int saved = errno;
    bool known = !guest_confined && stat("/proc/self/ns/pid", &facts) == 0;
    errno = saved;
    return known ? facts.st_ino : 0;
}

void guest_view(uint64_t view[3])
{
    struct stat mounts = {0}, root = {0};
    int saved = errno;
    if (guest_confined || stat("/proc/self/ns/mnt", &mounts) != 0 || stat("/", &root) != 0)
        root = mounts = (struct stat){0};
    errno = saved;
    view[0] = mounts.st_ino;
    view[1] = root.st_dev;
    view[2] = root.st_ino;
}

/* The memory that we have mapped. The larger pieces are also listed in the process's slot, for the
 * collector. */
#define PIECES 512
static struct wire_piece pieces[PIECES];
static _Atomic(struct wire_piece *) shown; /* NULL = the process has no slot */

static void note_in(struct wire_piece *list, unsigned count, uintptr_t start, uintptr_t end)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t none = 0;
        if (atomic_load_explicit(&list[i].start, memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong(&list[i].start, &none, start)) {
            atomic_store(&list[i].end, end);
            return;
        }
    }
}

/* Extends a piece that is adjacent, as the kernel puts most of them side by side. */
static bool lengthen(struct wire_piece *list, uintptr_t start, uintptr_t end)
{
    for (unsigned i = 0; i < WIRE_PIECES; i++) {
        uint64_t first = end, last = start;
        if (atomic_load_explicit(&list[i].start, memory_order_relaxed) == end &&
            atomic_compare_exchange_strong(&list[i].start, &first, start))
            return true;
        if (atomic_load_explicit(&list[i].end, memory_order_relaxed) == start &&
            atomic_compare_exchange_strong(&list[i].end, &last, end))
            return true;
    }
    return false;
}

static void show_piece(struct wire_piece *list, uintptr_t start, uintptr_t end)
{
    if (list && !lengthen(list, start, end) && end - start >= WIRE_PIECE_LEAST)
        note_in(list, WIRE_PIECES, start, end);
}

static void note_piece(uintptr_t start, size_t size)
{
    uintptr_t end = start + guest_whole_pages(size);
    note_in(pieces, PIECES, start, end);
    show_piece(atomic_load(&shown), start, end);
}

/* Any part of a piece may be unmapped. */
static void forget_in(struct wire_piece *list, unsigned count, uintptr_t start, uintptr_t end)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t first = atomic_load_explicit(&list[i].start, memory_order_relaxed);
        uint64_t last = atomic_load_explicit(&list[i].end, memory_order_relaxed);
        if (first == 0 || start < first || end > last)
            continue;
        if (start == first && end == last) {
            atomic_store(&list[i].end, 0);
            atomic_store(&list[i].start, 0);
        } else if (start == first) {
            atomic_store(&list[i].start, end);
        } else {
            atomic_store(&list[i].end, start);
            if (end < last)
                note_in(list, count, end, last);
        }
        return;
    }
}

static void forget_piece(uintptr_t start, size_t size)
{
    uintptr_t end = start + guest_whole_pages(size);
    struct wire_piece *list = atomic_load(&shown);
    forget_in(pieces, PIECES, start, end);
    if (list)
        forget_in(list, WIRE_PIECES, start, end);
}

void guest_note_window(const void *window, size_t size)
{
    struct wire_piece *list = atomic_load(&shown);
    show_piece(list, (uintptr_t)window, (uintptr_t)window + size);
}

void guest_forget_window(const void *window, size_t size)
{
    struct wire_piece *list = atomic_load(&shown);
    if (list)
        forget_in(list, WIRE_PIECES, (uintptr_t)window, (uintptr_t)window + size);
}

void guest_show_pieces(struct wire_piece *list)
{
    atomic_store(&shown, list);
    for (unsigned i = 0; list && i < PIECES; i++) {
        uint64_t start = atomic_load(&pieces[i].start), end = atomic_load(&pieces[i].end);
        if (start && end > start)
            show_piece(list, start, end);
    }
}

bool guest_next_pages(uintptr_t from, uintptr_t *start, uintptr_t *end)
{
    bool found = false;
    for (unsigned i = 0; i < PIECES; i++) {
        uintptr_t first = atomic_load(&pieces[i].start), last = atomic_load(&pieces[i].end);
        if (last > from && last > first && first && (!found || first < *start)) {
            *start = first;
            *end = last;
            found = true;
        }
    }
    return found;
}

long guest_system_call(long number, long a, long b, long c, long d, long e, long f)
{
    long result = system_call(number, a, b, c, d, e, f);
    if (!system_call_failed(result))
        return result;
    errno = (int)-result;
    return -1;
}

/* Not by syscall(): in libtrace.so that is our own, which records what the program maps by it. */
void *guest_mmap(void *at, size_t size, int protection, int flags, int file, int64_t offset)
{
    return (void *)guest_system_call(SYS_mmap, (long)at, (long)size, protection, flags, file, offset);
}

int guest_munmap(void *at, size_t size)
{
    return (int)guest_system_call(SYS_munmap, (long)at, (long)size, 0, 0, 0, 0);
}

void *guest_mremap(void *at, size_t size, size_t fresh_size, int flags)
{
    return (void *)guest_system_call(SYS_mremap, (long)at, (long)size, (long)fresh_size, flags, 0, 0);
}

/* If guest_locked, mmap() would allocate all of the memory at once, unless it cannot be accessed. */
static void *map_pages(size_t size)
{
    const int protection = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    bool locked = atomic_load_explicit(&guest_locked, memory_order_relaxed);
    void *pages = guest_mmap(NULL, size, locked ? PROT_NONE : protection, flags, -1, 0);
    if (pages == MAP_FAILED)
        return NULL;
    if (locked) {
        munlock(pages, size);
        if (mprotect(pages, size, protection) != 0) {
            guest_munmap(pages, size);
            return NULL;
        }
    }
    note_piece((uintptr_t)pages, size);
    return pages;
}

void *guest_pages(size_t size)
{
    if (UNLIKELY(guest_confined))
        return from_reserve(size);
    if (!limits_take(size, LIMITS_PRIVATE))
        return NULL;
    int saved = errno;
    void *pages = map_pages(size);
    errno = saved;
    if (pages)
        return pages;
    limits_failed(size, LIMITS_PRIVATE);
    return NULL;
}

void guest_unmap(void *pages, size_t size)
{
    if (UNLIKELY(guest_confined))
        return;
    int saved = errno;
    forget_piece((uintptr_t)pages, size);
    guest_munmap(pages, size);
    limits_give_back(size, LIMITS_PRIVATE);
    errno = saved;
}

void guest_release(void *pages, size_t size)
{
    if (UNLIKELY(guest_confined))
        return;
    int saved = errno;
    madvise(pages, size, MADV_DONTNEED);
    errno = saved;
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

void guest_populate(void *pages, size_t size)
{
    if (UNLIKELY(guest_confined))
        return;
    int saved = errno;
    madvise(pages, size, MADV_POPULATE_WRITE);
    errno = saved;
}

void *guest_huge_pages(size_t size)
{
    const uintptr_t huge = 2u << 20;
    if (UNLIKELY(guest_confined))
        return guest_pages(size);
    char *pages = guest_pages(size + huge);
    if (!pages)
        return NULL;
    size_t before = -(uintptr_t)pages % huge;
    if (before)
        guest_unmap(pages, before);
    guest_unmap(pages + before + size, huge - before);
    int saved = errno;
    madvise(pages + before, size, MADV_HUGEPAGE);
    errno = saved;
    return pages + before;
}

#define TABLE_POPULATED ((size_t)64 << 10)
#define TABLE_HUGE ((size_t)2 << 20) /* from this size on, huge pages save TLB misses */

void *guest_table(size_t size)
{
    if (size >= TABLE_HUGE)
        return guest_huge_pages(size);
    void *memory = guest_pages(size);
    if (memory && size >= TABLE_POPULATED)
        guest_populate(memory, size);
    return memory;
}

/* ---- the rest ------------------------------------------------------------------------------------ */

void guest_say(const char *message, const char *detail)
{
    static _Atomic int said;
    if (guest_confined || atomic_exchange(&said, 1))
        return;
    int saved = errno;
    struct iovec parts[] = {
        {(char *)"libtrace: ", 10},
        {(char *)message, strlen(message)},
        {(char *)detail, strlen(detail)},
        {(char *)"\n", 1},
    };
    /* A single system call, so that other threads' output cannot end up within the line. */
    if (syscall(SYS_writev, STDERR_FILENO, parts, 4) < 0) {
        /* There is nobody to tell. */
    }
    errno = saved;
}

uint64_t guest_number(const char *text, const char **end)
{
    uint64_t value = 0;
    if (text[0] == '0' && text[1] == 'x') {
        for (text += 2;; text++) {
            unsigned digit = *text >= '0' && *text <= '9'   ? (unsigned)(*text - '0')
                             : *text >= 'a' && *text <= 'f' ? (unsigned)(*text - 'a' + 10)
                                                            : 16;
            if (digit == 16)
                break;
            value = value << 4 | digit;
        }
    } else {
        for (; *text >= '0' && *text <= '9'; text++)
            value = value * 10 + (uint64_t)(*text - '0');
    }
    if (end)
        *end = text;
    return value;
}

char *guest_format(char *at, char *end, const char *text)
{
    while (*text && at < end - 1)
        *at++ = *text++;
    *at = '\0';
    return at;
}

char *guest_format_number(char *at, char *end, uint64_t value)
{
    char digits[24];
    char *first = digits + sizeof digits - 1;
    *first = '\0';
    do {
        *--first = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return guest_format(at, end, first);
}

void guest_futex_wait(_Atomic uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
    if (guest_confined) {
        if (atomic_load(word) == value)
            guest_sleep(timeout_ns);
        return;
    }
    int saved = errno;
    struct timespec timeout = {(time_t)(timeout_ns / 1000000000u), (long)(timeout_ns % 1000000000u)};
    syscall(SYS_futex, word, FUTEX_WAIT, value, &timeout, NULL, 0);
    errno = saved;
}

void guest_futex_wake(_Atomic uint32_t *word)
{
    if (guest_confined)
        return;
    int saved = errno;
    syscall(SYS_futex, word, FUTEX_WAKE, 1 << 30, NULL, NULL, 0);
    errno = saved;
}

void guest_sleep(uint64_t ns)
{
    if (guest_confined) {
        for (uint64_t end = guest_now_ns() + ns; guest_now_ns() < end;)
            processor_pause();
        return;
    }
    int saved = errno;
    struct timespec time = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    syscall(SYS_nanosleep, &time, NULL);
    errno = saved;
}

uint64_t guest_now_ns(void)
{
    if (UNLIKELY(guest_confined))
        return confined_now_ns();
    struct timespec now;
    if (UNLIKELY(guest_clockless)) {
        int saved = errno;
        syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
        errno = saved;
    } else {
        clock_gettime(CLOCK_MONOTONIC, &now);
    }
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t guest_processor_ns(pid_t pid)
{
    struct timespec time = {0};
    if (guest_confined || pid <= 0)
        return 0;
    int saved = errno;
    clockid_t clock = (clockid_t)(~(unsigned)pid << 3 | 2); /* as clock_getcpuclockid(3) makes it */
    if (syscall(SYS_clock_gettime, clock, &time) != 0)
        time = (struct timespec){0};
    errno = saved;
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

unsigned guest_threads_per_processor(void)
{
    struct sysinfo machine;
    unsigned long usable[8192 / 8 / sizeof(long)]; /* as many as the kernel can have */
    if (guest_confined)
        return 0;
    int saved = errno;
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof usable, usable);
    bool known = bytes > 0 && syscall(SYS_sysinfo, &machine) == 0;
    errno = saved;
    unsigned processors = 0;
    for (long i = 0; i < bytes / (long)sizeof *usable; i++)
        processors += (unsigned)__builtin_popcountl(usable[i]);
    return known && processors ? (unsigned)((machine.loads[0] >> SI_LOAD_SHIFT) / processors) : 0;
}

uint64_t guest_moment_ns(void)
{
    return guest_confined && guest_clockless ? 0 : guest_now_ns();
}

/* Far enough apart that stamps differ. */
uint64_t guest_counted_ticks(void)
{
    static _Atomic uint64_t ticks;
    return atomic_fetch_add(&ticks, 1u << PROCESSOR_STAMP_SHIFT);
}

extern void *__libc_stack_end; /* from ld.so: where the kernel put argc, the arguments and the environment */

char **guest_environment(void)
{
    static char *none[1];
    if (environ)
        return environ;
    char **words = __libc_stack_end;
    return words ? words + (uintptr_t)words[0] + 2 : none;
}

const char *guest_variable(const char *name)
{
    size_t size = strlen(name);
    for (char **at = guest_environment(); *at; at++)
        if (strncmp(*at, name, size) == 0 && (*at)[size] == '=')
            return *at + size + 1;
    return NULL;
}

int guest_move_up(int low)
{
    int high = low >= 0 ? fcntl(low, F_DUPFD_CLOEXEC, 64) : -1;
    if (high < 0)
        return low;
    close(low);
    return high;
}

/* A process that was adopted may stay a zombie if its new parent, such as a container's first process, never
 * waits for it. */
static bool is_zombie(int pid)
{
    int file = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd ended = {.fd = file, .events = POLLIN};
    const struct timespec now = {0};
    bool zombie = file >= 0 && syscall(SYS_ppoll, &ended, 1, &now, NULL, 0) == 1;
    if (file >= 0)
        syscall(SYS_close, file);
    return zombie;
}

bool guest_is_gone(int pid, bool zombie)
{
    if (guest_confined)
        return false;
    int saved = errno;
    bool gone = (kill(pid, 0) != 0 && errno == ESRCH) || (zombie && is_zombie(pid));
    errno = saved;
    return gone;
}
