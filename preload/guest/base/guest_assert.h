/* guest_assert.h - assert() for code inside other programs: without stdio and malloc. In builds with NDEBUG, as the
 * release is, it checks nothing and costs nothing. Not for what other processes, or the program, can write to: that is
 * checked in every build.
 */
#ifndef LIBTRACE_GUEST_ASSERT_H
#define LIBTRACE_GUEST_ASSERT_H

#include "system_call.h"

#ifdef NDEBUG
#define guest_assert(condition) ((void)sizeof(!(condition)))
#else
#include <sys/syscall.h>

/* One line on stderr, and the end of the program. */
static __attribute__((noinline, cold, noreturn, unused)) void guest_assert_failed(const char *line,
                                                                                  unsigned long size)
{
    system_call(SYS_write, 2, (long)line, (long)size, 0, 0, 0);
    __builtin_trap();
}

#define GUEST_TEXT_(x) #x
#define GUEST_TEXT(x) GUEST_TEXT_(x)
#define GUEST_LINE(condition) "libtrace: " __FILE__ ":" GUEST_TEXT(__LINE__) ": not so: " condition "\n"
#define guest_assert(condition) \
    ((condition) ? (void)0 : guest_assert_failed(GUEST_LINE(#condition), sizeof GUEST_LINE(#condition) - 1))
#endif

#endif
