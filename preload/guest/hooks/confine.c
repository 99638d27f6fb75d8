/* confine.c - see confine.h. Catches prctl(), and syscall() for programs that call seccomp() through it:
 * libseccomp does, and everybody else, as the C library has no wrapper. Calls that map memory are passed
 * on to map_calls.c. */
#define _GNU_SOURCE
#include "confine.h"
#include "arena.h"
#include "guest.h"
#include "map_calls.h"
#include "real.h"
#include "environment.h"
#include "process.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

void confine_begin(void)
{
    if (tracing_live()) {
        arena_prepare();
        environment_confine(true);
    }
    guest_confine();
}

void confine_undo(void)
{
    guest_confined = false;
    if (tracing_live())
        environment_confine(false);
}

/* The compiler turns these calls into jumps, so calls with special needs (vfork, a stack of their own) do
 * not find a frame of ours. */
EXPORT long confine_syscall(long number, long a, long b, long c, long d, long e, long f) __asm__("syscall");
EXPORT int confine_prctl(int option, unsigned long a, unsigned long b, unsigned long c,
                         unsigned long d) __asm__("prctl");

static NOINLINE long enter_by_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    bool first = !guest_confined;
    if (first)
        confine_begin();
    long result = real.syscall(number, a, b, c, d, e, f);
    if (result != 0 && first)
        confine_undo();
    return result;
}

static NOINLINE int enter_by_prctl(unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    bool first = !guest_confined;
    if (first)
        confine_begin();
    int result = real.prctl(PR_SET_SECCOMP, a, b, c, d);
    if (result != 0 && first)
        confine_undo();
    return result;
}

long confine_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    if (UNLIKELY((number == SYS_seccomp && (a == SECCOMP_SET_MODE_STRICT || a == SECCOMP_SET_MODE_FILTER)) ||
                 (number == SYS_prctl && a == PR_SET_SECCOMP)))
        return enter_by_syscall(number, a, b, c, d, e, f);
    if (UNLIKELY(map_calls_is_one(number)))
        return map_calls_by_number(number, a, b, c, d, e, f);
    return real.syscall(number, a, b, c, d, e, f);
}

int confine_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    if (UNLIKELY(option == PR_SET_SECCOMP))
        return enter_by_prctl(a, b, c, d);
    return real.prctl(option, a, b, c, d);
}
