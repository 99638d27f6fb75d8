/* share.c - see share.h. */
#include "share.h"
#include "wire_check.h"

#include <errno.h>
#include <sys/syscall.h>

int share_take(int process, int descriptor, const char **why)
{
    uint64_t size;
    int taken = (int)syscall(SYS_pidfd_getfd, process, descriptor, 0);
    *why = "cannot share memory with us: pidfd_getfd is not allowed here";
    if (taken < 0 && errno == ENOSYS)
        *why = "cannot share memory with us: that takes Linux 5.6 or newer";
    else if (taken < 0 && errno == EBADF)
        *why = "did not answer as libtrace.so does";
    if (taken < 0 || wire_check(taken, &size))
        return taken;
    close(taken);
    *why = "did not answer as libtrace.so does";
    return -1;
}
