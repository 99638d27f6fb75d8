/* exits.c - ways to end a program that call no exit handlers. */
#include "real.h"
#include "session.h"

#include <stdlib.h>
#include <unistd.h>

EXPORT void _exit(int exit_status)
{
    session_exiting(exit_status);
    real._exit(exit_status);
    __builtin_unreachable();
}

EXPORT void _Exit(int exit_status)
{
    _exit(exit_status);
}

EXPORT void quick_exit(int exit_status)
{
    session_exiting(exit_status);
    real.quick_exit(exit_status);
    __builtin_unreachable();
}
