/* attach.c - begins and ends a running program's part in a run; called by trace-attach. See wire_attach.h. */
#define _GNU_SOURCE
#include "wire_attach.h"
#include "follow.h"
#include "patch.h"
#include "guest.h"
#include "guest_assert.h"
#include "record.h"
#include "session.h"
#include "python.h"
#include "system_call.h"
#include "unwind.h"

#include <linux/membarrier.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

EXPORT uint32_t libtrace_state = ATTACH_STATE_IDLE;

static bool patched;

/* Done once in the process's life. */
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

/* ---- the answer ---------------------------------------------------------------------------------------- */

#define REPLY_NS 5000000000ull /* how long to wait for a reply */
#define LOOK_NS 50000          /* between two checks for it */

/* System calls are made directly here: libc's would change errno, and trace-attach may take the thread
 * away from here at any moment. */

/* If it was killed, it may still be a zombie, which exists for kill(); but its memory is gone in any case. Of one in another PID
 * namespace it is not known. */
static bool is_gone(pid_t caller)
{
    char here;
    struct iovec to = {&here, sizeof here}, from = {&here, sizeof here};
    return caller > 0 && system_call(SYS_process_vm_readv, caller, (long)&to, 1, (long)&from, 1, 0) == -ESRCH;
}

/* Waits while the call is in this phase and trace-attach exists; returns the phase then. The sleep must
 * not be one that the kernel restarts from its record on the thread (restart_block): there is only one
 * such record, and it may be about what the program was doing. ppoll() does not use it. */
static uint32_t wait_in(struct attach_call *call, uint32_t phase)
{
    struct timespec time = {0, LOOK_NS};
    for (uint64_t start_ns = guest_now_ns();;) {
        uint32_t now = __atomic_load_n(&call->phase, __ATOMIC_ACQUIRE);
        if (now != phase || is_gone(call->caller) || guest_now_ns() - start_ns > REPLY_NS)
            return now;
        system_call(SYS_ppoll, 0, 0, (long)&time, 0, 0, 0);
        time.tv_nsec = LOOK_NS;
    }
}

/* True once trace-attach has got the answer. */
static bool answer(struct attach_call *call, int result)
{
    uint32_t answered = ATTACH_ANSWERED;
    call->result = result;
    __atomic_store_n(&call->phase, ATTACH_ANSWERED, __ATOMIC_RELEASE);
    wait_in(call, ATTACH_ANSWERED);
    __atomic_compare_exchange_n(&call->phase, &answered, ATTACH_ALONE, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
    return answered == ATTACH_TAKEN;
}

/* The very last step: here trace-attach stops the thread, and may restore it. */
static void finish(struct attach_call *call, int error)
{
    errno = error;
    if (call->phase == ATTACH_ALONE)
        return;
    __atomic_store_n(&call->phase, ATTACH_DONE, __ATOMIC_RELEASE);
    wait_in(call, ATTACH_DONE);
}

/* ---- attach and detach --------------------------------------------------------------------------------- */

static int begin(struct attach_request *request)
{
    guest_assert(!patched && libtrace_state == ATTACH_STATE_ATTACHED);
    int error = prepare();
    if (error)
        return error;
    struct settings wanted = {.depth = request->depth,
                              .check_stacks = request->check_stacks != 0,
                              .follow = request->follow != 0,
                              .command = request->command != 0,
                              .types = request->types != 0,
                              .sample = request->sample,
                              .stack = (int)request->stack};
    if (wanted.check_stacks)
        oracle_open();
    int descriptor = session_attach(&wanted, request->label, request->call.caller);
    if (descriptor < 0)
        return descriptor;
    request->descriptor = descriptor;
    request->children = 0;
    if (wanted.follow) {
        follow_children();
        request->children = (uintptr_t)libtrace_children;
    }
    error = patch_on(&request->slots);
    if (error) {
        unfollow_children();
        session_detach();
        close(descriptor);
        return error;
    }
    patched = true;
    record_plain = !settings.check_stacks && !settings.sample && !python_active;
    python_attach();
    return 0;
}

static int put_back(void)
{
    guest_assert(patched);
    int left = patch_off();
    python_detach();
    session_detach();
    patched = left != 0;
    return left;
}

/* Nobody has taken over the run. If a thread is still recording, the next attach ends it. */
static void undo(void)
{
    put_back();
    if (patched)
        return;
    unfollow_children();
    syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
    session_leave();
    libtrace_state = ATTACH_STATE_IDLE;
}

EXPORT void libtrace_attach(struct attach_request *request)
{
    int saved = errno, result;
    uint32_t idle = ATTACH_STATE_IDLE;
    if (request->call.version != WIRE_VERSION) {
        result = ATTACH_VERSION;
    } else if (!__atomic_compare_exchange_n(&libtrace_state, &idle, ATTACH_STATE_ATTACHED, false,
                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        result = ATTACH_TRACED;
    } else {
        result = begin(request);
        if (result < 0)
            libtrace_state = ATTACH_STATE_IDLE;
    }
    bool taken = answer(&request->call, result);
    if (result == 0) {
        close(request->descriptor);
        if (!taken)
            undo();
    }
    finish(&request->call, saved);
}

EXPORT void libtrace_detach(struct attach_call *call)
{
    int saved = errno;
    answer(call, patched ? put_back() : ATTACH_UNTRACED);
    finish(call, saved);
}

EXPORT void libtrace_leave(struct attach_call *call)
{
    int saved = errno, result = ATTACH_UNTRACED;
    if (libtrace_state == ATTACH_STATE_ATTACHED && !patched) {
        result = session_leave() ? 0 : ATTACH_BUSY;
        if (result == 0) {
            unfollow_children();
            libtrace_state = ATTACH_STATE_IDLE;
        }
    }
    answer(call, result);
    finish(call, saved);
}
