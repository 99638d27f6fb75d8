/* init.c - what happens when the library is loaded. */
#include "real.h"
#include "record.h"
#include "python/python.h"

/* Allocations may have come first, from constructors of other libraries: they have started the session then,
 * and what is left to do is what needs a settled process. */
__attribute__((constructor)) static void load(void)
{
    real_init();
    session_constructor();
    fallback_open();
    if (session_ready())
        python_look();
    record_plain = !settings.check_stacks && !python_active;
}
