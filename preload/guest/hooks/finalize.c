/* finalize.c - see finalize.h. */
#include "finalize.h"
#include "interpreter.h"
#include "marks.h"

static const uint64_t never;
const uint64_t *_Atomic finalize_flag = &never;

void finalize_watch(void)
{
    size_t offset = python.layout.finalizing;
    const uint64_t *flag = (const uint64_t *)((uintptr_t)python.runtime + offset);
    /* If it is set already, that happened before us, or this is not the flag. */
    if (python.runtime && offset && offset % sizeof *flag == 0 &&
        offset + sizeof *flag <= python.runtime_size && !__atomic_load_n(flag, __ATOMIC_RELAXED))
        atomic_store(&finalize_flag, flag);
}

/* Once in a process: if a program starts another interpreter afterwards, only the end of the first is
 * recorded. */
NOINLINE void finalize_seen(struct thread *t)
{
    if (atomic_exchange(&finalize_flag, &never) == &never)
        return;
    if (!python.is_finalizing || python.is_finalizing())
        mark_put(t, WIRE_MARK_FINALIZE, 0);
}
