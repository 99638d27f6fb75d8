/* attach.c - how a running program's part in a run begins and ends, called by trace-attach. See attach.h. */
#include "attach.h"
#include "children.h"
#include "patch.h"
#include "../guest.h"
#include "../record.h"
#include "../session.h"
#include "../python/python.h"
#include "../stack/unwind.h"

#include <stdbool.h>
#include <unistd.h>

EXPORT uint32_t libtrace_state = ATTACH_STATE_IDLE;

static bool patched;

/* What needs to be done once in the process's life. */
static int prepare(void)
{
    static bool prepared;
    if (prepared)
        return 0;
    int error = patch_find();
    if (error)
        return error;
    prepared = true;
    return 0;
}

static int attach(struct attach_request *request)
{
    int error = prepare();
    if (error)
        return error;
    struct settings wanted = {.depth = request->depth,
                              .check_stacks = request->check_stacks != 0,
                              .follow = request->follow != 0,
                              .command = request->command != 0,
                              .stack = (int)request->stack};
    if (wanted.check_stacks)
        oracle_open();
    int descriptor = session_attach(&wanted, request->label);
    if (descriptor < 0)
        return descriptor;
    request->descriptor = descriptor;
    request->children = 0;
    if (wanted.follow) {
        children_on();
        request->children = (uintptr_t)libtrace_children;
    }
    error = patch_on(&request->slots);
    if (error) {
        children_off();
        session_detach();
        close(descriptor);
        return error;
    }
    patched = true;
    record_plain = !settings.check_stacks && !python_active;
    python_attach();
    libtrace_state = ATTACH_STATE_ATTACHED;
    return 0;
}

EXPORT int libtrace_attach(struct attach_request *request)
{
    int saved = errno, result;
    if (request->version != WIRE_VERSION)
        result = ATTACH_VERSION;
    else if (libtrace_state != ATTACH_STATE_IDLE)
        result = ATTACH_TRACED;
    else
        result = attach(request);
    errno = saved;
    return result;
}

EXPORT int libtrace_detach(void)
{
    if (!patched)
        return ATTACH_UNTRACED;
    int saved = errno;
    int left = patch_off();
    python_detach();
    session_detach();
    patched = left != 0;
    errno = saved;
    return left;
}

EXPORT int libtrace_leave(void)
{
    if (libtrace_state != ATTACH_STATE_ATTACHED || patched)
        return ATTACH_UNTRACED;
    int saved = errno;
    bool left = session_leave();
    if (left) {
        children_off();
        libtrace_state = ATTACH_STATE_IDLE;
    }
    errno = saved;
    return left ? 0 : ATTACH_BUSY;
}
