/* inside.c - see inside.h. */
#include "inside.h"
#include "bring.h"
#include "inject.h"
#include "proc.h"
#include "refusal.h"
#include "share.h"
#include "wire.h"
#include "wire_attach.h"

#include <dlfcn.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char *explain(int error, char *text, size_t size)
{
    switch (error) {
    case ATTACH_VERSION:
        return "has another version of libtrace.so loaded; restart it first";
    case ATTACH_TRACED:
        return "is traced already";
    case ATTACH_BUSY:
        return "has a thread that is still at work on the run before; try again";
    case ATTACH_PROCESSES:
        return "cannot be traced: too many processes in its run";
    case ATTACH_UNTRACED:
        return "is not being traced by trace-attach";
    case ATTACH_NO_MALLOC:
        return "has no malloc that libtrace could see (an allocator of its own, linked into it)";
    case ATTACH_PROTECTED:
        return "does not let its pointers be changed (mprotect is forbidden to it)";
    default:
        snprintf(text, size, "cannot be traced: %s", strerror(-error));
        return text;
    }
}

/* The functions to call in libtrace.so, as addresses in its file; looked up before the program is stopped. */
struct entries {
    uintptr_t attach, detach, leave, state;
};

static bool find_entries(const char *library, struct entries *entries)
{
    *entries = (struct entries){
        .attach = target_symbol(library, 0, "libtrace_attach"),
        .detach = target_symbol(library, 0, "libtrace_detach"),
        .leave = target_symbol(library, 0, "libtrace_leave"),
        .state = target_symbol(library, 0, "libtrace_state"),
    };
    if (entries->attach && entries->detach && entries->leave && entries->state)
        return true;
    complain("%s belongs to another version; install libtrace again.", library);
    return false;
}

/* Loads the library; returns its bias, 0 on failure. */
static uintptr_t load(struct injection *in, struct target *target, const struct run *run)
{
    uint64_t handle, text, place;
    uintptr_t room = inject_room(in);
    int error = 0, brought = -1;
    char why[512], path[PATH_MAX];
    if (target->library)
        return target->library->bias;
    bool kept =
        inject_call(in, target->errno_location, 0, 0, &place) && inject_read(in, place, &error, sizeof error);
    snprintf(path, sizeof path, "%s", run->library);
    if (run->bring)
        brought = bring_library(in, target, run->process, run->library, path, sizeof path);
    if (run->bring && brought < 0) {
        if (kept)
            inject_write(in, place, &error, sizeof error);
        return refuse(run->options,
                      "does not see our libtrace.so (a container, or chroot), and could not be given it in "
                      "memory; install it there"),
               0;
    }
    if (!inject_write(in, room, path, strlen(path) + 1) ||
        !inject_call(in, target->dlopen, room, (uint64_t)(RTLD_NOW | target->dlopen_flags), &handle))
        return refuse(run->options, "could not be made to load libtrace.so"), 0;
    uintptr_t bias = target_loaded(target, run->library);
    if (!bias) {
        if (!inject_call(in, target->dlerror, 0, 0, &text) || !inject_read_text(in, text, why, sizeof why))
            snprintf(why, sizeof why, "it did not say why");
        complain("process %d cannot load libtrace.so: %s.", (int)target->pid, why);
    }
    if (brought >= 0)
        bring_close(in, target, brought);
    if (kept)
        inject_write(in, place, &error, sizeof error);
    return bias;
}

static struct attach_call a_call(const struct options *options)
{
    bool known = proc_shares_namespace(options->pid, "pid");
    return (struct attach_call){.version = WIRE_VERSION, .caller = known ? getpid() : 0};
}

static void fill_request(const struct options *options, struct attach_request *request)
{
    static const char *const stacks[] = {"auto", "python", "native", "both"};
    const char *stack = getenv("LIBTRACE_STACK");
    const char *label = options->label ? options->label : getenv("LIBTRACE_LABEL");
    uint32_t depth = setting("LIBTRACE_DEPTH", 128);
    memset(request, 0, sizeof *request);
    request->call = a_call(options);
    request->depth = depth < 1 ? 1 : depth > 1024 ? 1024 : depth;
    request->check_stacks = setting("LIBTRACE_CHECK_STACKS", 0);
    request->follow = setting("LIBTRACE_FOLLOW", 1);
    request->command = setting("LIBTRACE_COMMAND", 1);
    request->types = setting("LIBTRACE_TYPES", 1);
    request->sample = sample_setting();
    for (uint32_t i = 0; stack && i < 4; i++)
        if (strcmp(stack, stacks[i]) == 0)
            request->stack = i;
    snprintf(request->label, sizeof request->label, "%s", label ? label : "");
    request->descriptor = -1;
}

/* Everything that is done while a thread of the program is stopped. */
static bool attach_inside(struct injection *in, struct target *target, const struct entries *entries,
                          struct run *run, struct attach_request *request)
{
    uintptr_t bias = load(in, target, run), room = inject_room(in);
    char text[256];
    if (!bias)
        return false;
    if (!inject_write(in, room, request, sizeof *request) || !inject_ask(in, bias + entries->attach, room) ||
        !inject_read(in, room, request, sizeof *request))
        return refuse(run->options, "could not be made to start tracing");
    int result = request->call.result;
    if (result < 0)
        refuse(run->options, explain(result, text, sizeof text));
    const char *why = NULL;
    run->children = request->children;
    if (result == 0)
        run->memory = share_take(run->process, request->descriptor, &why);
    if (why && run->memory < 0)
        refuse(run->options, why);
    /* Without a reply, the program undoes everything by itself. */
    if (!inject_reply(in, run->memory >= 0) && run->memory >= 0)
        return refuse(run->options, "did not go on from where it was attached to");
    return run->memory >= 0;
}

static void tell_pause(const struct options *options, const char *what, uint64_t ns)
{
    if (options->verbose)
        fprintf(stderr, "trace-attach: %s: the program was stopped for %.3f ms\n", what, (double)ns / 1e6);
}

static uint32_t read_state(const struct target *target, const struct entries *entries)
{
    uint32_t state = ATTACH_STATE_IDLE;
    if (!target->library)
        return state;
    target_read(target, target->library->bias + entries->state, &state, sizeof state);
    return state;
}

#define START_PAUSE_NS 10000000
#define START_PAUSES 300

/* A program that was started just now may still be loading: waits for that. */
static const char *open_when_loaded(struct target *target, const struct run *run)
{
    const char *why = target_open(target, run->options->pid, run->library, false);
    for (int i = 0; why == target_not_loaded && i < START_PAUSES; i++) {
        nanosleep(&(struct timespec){0, START_PAUSE_NS}, NULL);
        target_close(target);
        why = target_open(target, run->options->pid, run->library, false);
    }
    return why;
}

bool inside_attach(struct run *run)
{
    struct entries entries;
    struct target target;
    struct injection *in;
    struct attach_request request;
    if (!find_entries(run->library, &entries))
        return false;
    const char *why = open_when_loaded(&target, run);
    uint32_t state = why ? 0 : read_state(&target, &entries);
    if (!why && state)
        why = state == ATTACH_STATE_PRELOADED ? "was started under libtrace, and is traced already"
                                              : "is traced already by another trace-attach; see --detach";
    if (!why)
        why = inject_begin(&in, &target);
    if (why) {
        target_close(&target);
        return refuse(run->options, why);
    }
    fill_request(run->options, &request);
    bool done = attach_inside(in, &target, &entries, run, &request);
    tell_pause(run->options, "attach", inject_end(in));
    if (done && run->options->verbose)
        fprintf(stderr, "trace-attach: %u pointers to the allocator were changed\n", request.slots);
    target_close(&target);
    return done;
}

/* Makes one call in the program. False if that was not possible. inside_ours: see target_open(). */
static bool call_inside(const struct run *run, const char *what, uintptr_t offset, bool inside_ours,
                        int *result)
{
    struct target target;
    struct injection *in;
    struct attach_call request = a_call(run->options);
    bool done = false;
    memset(&target, 0, sizeof target);
    const char *why = refusal_confined(run->options->pid);
    if (!why)
        why = target_open(&target, run->options->pid, run->library, inside_ours);
    if (!why && !target.library)
        why = "is not being traced by trace-attach";
    if (!why)
        why = inject_begin(&in, &target);
    if (!why) {
        uintptr_t room = inject_room(in);
        done = inject_write(in, room, &request, sizeof request) &&
               inject_ask(in, target.library->bias + offset, room) &&
               inject_read(in, room, &request, sizeof request);
        inject_reply(in, done);
        tell_pause(run->options, what, inject_end(in));
        if (!done)
            why = "ended, or hung, while it was detached";
    }
    *result = request.result;
    target_close(&target);
    return done ? true : refuse(run->options, why);
}

#define LEAVE_TRIES 50

/* Threads may wait inside the recorder for the collector for long; the first call makes them leave it.
 * Between the two calls every thread passes a memory barrier while the program runs. */
bool inside_detach(const struct run *run)
{
    struct entries entries;
    char text[256];
    int result;
    if (!find_entries(run->library, &entries) || !call_inside(run, "detach", entries.detach, true, &result))
        return false;
    /* An earlier detach may have been interrupted before its end. */
    if (result < 0 && result != ATTACH_UNTRACED)
        return refuse(run->options, explain(result, text, sizeof text));
    if (result > 0)
        complain("%d pointers of process %d could not be put back; they lead through libtrace.so, which does "
                 "nothing.",
                 result, (int)run->options->pid);
    for (int i = 0; i < LEAVE_TRIES; i++) {
        if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0)
            nanosleep(&(struct timespec){0, 10000000}, NULL);
        if (!call_inside(run, "leave", entries.leave, false, &result))
            return false;
        if (result != ATTACH_BUSY)
            break;
        nanosleep(&(struct timespec){0, 20000000}, NULL);
    }
    return result < 0 ? refuse(run->options, explain(result, text, sizeof text)) : true;
}
