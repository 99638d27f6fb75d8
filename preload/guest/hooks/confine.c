/* confine.c - see confine.h. Catches prctl(), and syscall() for programs that call seccomp() through it:
 * libseccomp does, and everybody else, as the C library has no wrapper. Calls that map memory are passed
 * on to map_calls.c. Programs that may no longer read the processor's clock, see guest_clockless, become so by the same
 * calls. */
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

static bool takes_clock(long option, unsigned long how)
{
    return (option == PR_SET_TSC && how == PR_TSC_SIGSEGV) ||
           (option == PR_SET_SECCOMP && how == SECCOMP_MODE_STRICT);
}

/* What a call is about to change for the library. */
struct change {
    bool confines, takes_clock; /* and it was not so before */
};

static struct change before(bool confines, bool takes_clock)
{
    struct change change = {confines && !guest_confined, false};
    if (change.confines)
        confine_begin();
    /* Last: until then the clock may be needed. */
    change.takes_clock = takes_clock && !atomic_exchange(&guest_clockless, true);
    return change;
}

static void after(struct change change, long result)
{
    if (result == 0)
        return;
    if (change.takes_clock)
        atomic_store(&guest_clockless, false);
    if (change.confines)
        confine_undo();
}

static NOINLINE long enter_by_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    bool by_prctl = number == SYS_prctl;
    struct change change = before(!by_prctl || a == PR_SET_SECCOMP,
                                  by_prctl ? takes_clock(a, (unsigned long)b) : a == SECCOMP_SET_MODE_STRICT);
    long result = real.syscall(number, a, b, c, d, e, f);
    after(change, result);
    return result;
}

static NOINLINE int enter_by_prctl(int option, unsigned long a, unsigned long b, unsigned long c,
                                   unsigned long d)
{
    struct change change = before(option == PR_SET_SECCOMP, takes_clock(option, a));
    int result = real.prctl(option, a, b, c, d);
    after(change, result);
    return result;
}

long confine_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    if (UNLIKELY((number == SYS_seccomp && (a == SECCOMP_SET_MODE_STRICT || a == SECCOMP_SET_MODE_FILTER)) ||
                 (number == SYS_prctl && (a == PR_SET_SECCOMP || takes_clock(a, (unsigned long)b)))))
        return enter_by_syscall(number, a, b, c, d, e, f);
    if (UNLIKELY(map_calls_is_one(number)))
        return map_calls_by_number(number, a, b, c, d, e, f);
    return real.syscall(number, a, b, c, d, e, f);
}

int confine_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    if (UNLIKELY(option == PR_SET_SECCOMP || takes_clock(option, a)))
        return enter_by_prctl(option, a, b, c, d);
    return real.prctl(option, a, b, c, d);
}
