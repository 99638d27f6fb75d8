/* safe_read.c - see safe_read.h. */
#define _GNU_SOURCE
#include "safe_read.h"
#include "extent.h"
#include "guest.h"
#include "system_call.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* A seccomp filter that was there before us may kill for a system call that programs seldom make: then, and where the
 * kernel has no such call, the page is probed by one that all of them make. */
static _Atomic enum { UNDECIDED, BY_KERNEL, BY_PROBING } reading;

static bool by_kernel(void *to, uintptr_t from, size_t size)
{
    struct iovec here = {to, size}, there = {(void *)from, size};
    long result = system_call(SYS_process_vm_readv, guest_pid(), (long)&here, 1, (long)&there, 1, 0);
    if (UNLIKELY(result == -ENOSYS || result == -EPERM))
        reading = BY_PROBING;
    return result == (long)size;
}

bool safe_read(void *to, uintptr_t from, size_t size)
{
    if (guest_confined)
        return false;
    if (UNLIKELY(reading == UNDECIDED))
        reading = system_call(SYS_prctl, PR_GET_SECCOMP, 0, 0, 0, 0, 0) == 0 ? BY_KERNEL : BY_PROBING;
    if (reading == BY_KERNEL && by_kernel(to, from, size))
        return true;
    if (reading != BY_PROBING || !extent_readable_all(from, size))
        return false;
    memcpy(to, (const void *)from, size);
    return true;
}
