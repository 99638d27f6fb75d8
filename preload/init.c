/* init.c - what happens when the library is loaded. */
#include "real.h"
#include "record.h"
#include "python/python.h"

/* What the loader allocates for libunwind is not the program's. */
static void open_fallback(void)
{
    struct thread *t = thread_enter(__builtin_frame_address(0));
    if (t)
        t->passing = true;
    fallback_open();
    if (t) {
        t->passing = false;
        thread_leave(t);
    }
}

/* Allocations may have come first, from constructors of other libraries: they have started the session then,
 * and what is left to do is what needs a settled process. */
__attribute__((constructor)) static void load(void)
{
    real_init();
    session_constructor();
    open_fallback();
    if (session_ready())
        python_look();
    record_plain = !settings.check_stacks && !python_active;
}
