/* guest.c - see guest.h. */
#define _GNU_SOURCE
#include "guest.h"
#include "limits.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

void *guest_pages(size_t size)
{
    if (!limits_take(size, LIMITS_PRIVATE))
        return NULL;
    int saved = errno;
    void *pages =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    errno = saved;
    if (pages != MAP_FAILED)
        return pages;
    limits_failed(size, LIMITS_PRIVATE);
    return NULL;
}

void guest_unmap(void *pages, size_t size)
{
    int saved = errno;
    munmap(pages, size);
    limits_give_back(size, LIMITS_PRIVATE);
    errno = saved;
}

void *guest_huge_pages(size_t size)
{
    const uintptr_t huge = 2u << 20;
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

void guest_say(const char *message, const char *detail)
{
    static _Atomic int said;
    if (atomic_exchange(&said, 1))
        return;
    int saved = errno;
    struct iovec parts[] = {
        {(char *)"libtrace: ", 10},
        {(char *)message, strlen(message)},
        {(char *)detail, strlen(detail)},
        {(char *)"\n", 1},
    };
    /* One system call, so that the line is not torn apart by what others write. */
    if (syscall(SYS_writev, STDERR_FILENO, parts, 4) < 0) {
        /* Nobody to tell. */
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
    int saved = errno;
    struct timespec timeout = {(time_t)(timeout_ns / 1000000000u), (long)(timeout_ns % 1000000000u)};
    syscall(SYS_futex, word, FUTEX_WAIT, value, &timeout, NULL, 0);
    errno = saved;
}

void guest_futex_wake(_Atomic uint32_t *word)
{
    int saved = errno;
    syscall(SYS_futex, word, FUTEX_WAKE, 1 << 30, NULL, NULL, 0);
    errno = saved;
}

void guest_sleep(uint64_t ns)
{
    int saved = errno;
    struct timespec time = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    syscall(SYS_nanosleep, &time, NULL);
    errno = saved;
}

uint64_t guest_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
