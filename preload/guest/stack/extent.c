/* extent.c - see extent.h. */
#include "extent.h"
#include "guest.h"
#include "system_call.h"

#include <sys/syscall.h>

#define PAGE 4096u /* the smallest page size: larger pages are checked in such pieces */
/* No frame is larger: what a rule finds further out is no frame, and not worth checking. */
#define REACH (1u << 20)

/* A system call that reads a word and changes nothing, as its operation does not exist: for an unreadable
 * address the kernel returns EFAULT, where we would have crashed. */
static bool can_read(uintptr_t address)
{
    return !guest_confined && system_call(SYS_rt_sigprocmask, -1, (long)address, 0, 8, 0, 0) == -EINVAL;
}

static bool is_threads_own(const struct extent *extent, uintptr_t address)
{
    return address >= extent->thread.low && address < extent->thread.high;
}

NOINLINE bool extent_reach(struct extent *extent, uintptr_t address)
{
    if (extent->own || is_threads_own(extent, address) || address < extent->low ||
        address - extent->high > REACH || address > UINTPTR_MAX - 8)
        return false;
    while (address + 8 > extent->high) {
        if (!can_read(extent->high))
            return false;
        extent->high += PAGE;
    }
    return true;
}

bool extent_readable(uintptr_t address)
{
    return address % 8 == 0 && can_read(address);
}

bool extent_readable_all(uintptr_t address, size_t size)
{
    if (address > UINTPTR_MAX - size - PAGE)
        return false;
    for (uintptr_t at = address & ~(uintptr_t)7; at < address + size; at = (at | (PAGE - 1)) + 1)
        if (!can_read(at))
            return false;
    return true;
}

bool extent_change(struct extent *extent, uintptr_t address)
{
    if (!extent_readable(address))
        return false;
    *extent = extent_at(extent->thread, address);
    return true;
}
