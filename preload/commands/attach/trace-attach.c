/* trace-attach - traces a program that runs already: has it load libtrace.so, lead its calls of the allocator
 * through it, and at the end puts everything back. See inject.h for how; patch.h for what changes inside of
 * it.
 *
 * The run's shared memory is made inside the program, so that it need not be allowed to open anything of
 * ours; we open it from there, and start the collector, as ourselves: the database is ours, too.
 */
#include "apart.h"
#include "wire_attach.h"
#include "collector.h"
#include "inject.h"
#include "option_words.h"
#include "refusal.h"
#include "share.h"
#include "wire.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char usage_text[] =
    "Usage: trace-attach [OPTION...] PID\n"
    "Records which lines of a running program allocate memory, until Ctrl-C, or until it ends.\n"
    "\n"
    "  --duration SECONDS  ends by itself after this time\n"
    "  --background        returns once the program is traced; it stays so until --detach\n"
    "  --detach            ends the tracing of PID that another trace-attach has begun\n"
    "  --threads           tells threads apart line by line, for trace-report --thread\n"
    "  --label LABEL       names the run; the program's name otherwise\n"
    "  --no-command        keeps the command line out of the record: arguments may hold secrets\n"
    "  -d, -o, --db FILE   records into FILE; $LIBTRACE_DB or ./trace.db otherwise\n"
    "  --verbose           tells for how long the program was stopped\n"
    "  --help, --version\n"
    "\n"
    "Blocks that were allocated before are not known; freeing them counts for nothing. Afterwards: "
    "trace-report top\n";

#define COLLECTOR_START_MS 10000 /* it is waited for so long */

enum { STATUS_FINE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

struct options {
    pid_t pid;
    double duration; /* seconds, 0 = until told */
    bool background, detach, verbose;
    const char *label, *database;
};

struct run {
    const struct options *options;
    char library[PATH_MAX];
    int process;        /* pidfd of the program */
    int memory;         /* the arena's descriptor */
    int report;         /* end of the collector's pipe */
    uintptr_t children; /* where the program has what its children are to find us by; 0 = nowhere */
    struct owner owner;
    pid_t collector;
    pid_t parser;  /* where it has one of its own; see apart.h */
    bool recorded; /* the collector has ended, and all is in the database */
};

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void complain(const char *format, ...)
{
    va_list arguments;
    fputs("trace-attach: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

static bool refuse(const struct options *options, const char *why)
{
    complain("process %d %s.", (int)options->pid, why);
    return false;
}

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

/* ---- paths ------------------------------------------------------------------------------------------ */

/* The installed tree and the build tree are laid out alike. */
static bool find_library(char path[PATH_MAX])
{
    char self[PATH_MAX], joined[2 * PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = '\0';
    snprintf(joined, sizeof joined, "%s/%s", dirname(self), LIBTRACE_LIB_FROM_BIN);
    if (length > 0 && realpath(joined, path))
        return true;
    complain("%s is not beside this program; install it again.", LIBTRACE_LIB_FROM_BIN);
    return false;
}

static bool database_path(const char *name, char *path, size_t size)
{
    char directory[PATH_MAX], copy[PATH_MAX + 256];
    if (!name || !*name)
        name = getenv("LIBTRACE_DB");
    if (!name || !*name)
        name = "trace.db";
    if (name[0] == '/')
        snprintf(path, size, "%s", name);
    else if (!getcwd(directory, sizeof directory))
        return complain("the working directory is gone; name the database with --db."), false;
    else if (snprintf(path, size, "%s/%s", directory, name) >= (int)size)
        return complain("the database's path is too long."), false;
    snprintf(copy, sizeof copy, "%s", path);
    const char *folder = dirname(copy);
    /* Known before the program is touched. */
    if (access(path, F_OK) == 0 ? access(path, W_OK) != 0 : access(folder, W_OK | X_OK) != 0)
        return complain("cannot write %s: %s.", path, strerror(errno)), false;
    return true;
}

/* ---- inside the program ---------------------------------------------------------------------------------
 */

/* What is called in there, as addresses in the file; found before the program is stopped. */
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

/* Loads the library; what to add to the addresses in its file, 0 on failure. */
static uintptr_t load(struct injection *in, struct target *target, const struct run *run)
{
    uint64_t handle, text, place;
    uintptr_t room = inject_room(in);
    int error = 0;
    char why[512];
    if (target->library)
        return target->library->bias;
    bool kept =
        inject_call(in, target->errno_location, 0, 0, &place) && inject_read(in, place, &error, sizeof error);
    if (!inject_write(in, room, run->library, strlen(run->library) + 1) ||
        !inject_call(in, target->dlopen, room, (uint64_t)(RTLD_NOW | target->dlopen_flags), &handle))
        return refuse(run->options, "could not be made to load libtrace.so"), 0;
    uintptr_t bias = target_loaded(target, run->library);
    if (!bias) {
        if (!inject_call(in, target->dlerror, 0, 0, &text) || !inject_read_text(in, text, why, sizeof why))
            snprintf(why, sizeof why, "it did not say why");
        complain("process %d cannot load libtrace.so: %s.", (int)target->pid, why);
    }
    if (kept)
        inject_write(in, place, &error, sizeof error);
    return bias;
}

static uint32_t setting(const char *name, uint32_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

static struct attach_call a_call(void)
{
    return (struct attach_call){.version = WIRE_VERSION, .caller = getpid()};
}

static void fill_request(const struct options *options, struct attach_request *request)
{
    static const char *const stacks[] = {"auto", "python", "native", "both"};
    const char *stack = getenv("LIBTRACE_STACK");
    const char *label = options->label ? options->label : getenv("LIBTRACE_LABEL");
    uint32_t depth = setting("LIBTRACE_DEPTH", 128);
    memset(request, 0, sizeof *request);
    request->call = a_call();
    request->depth = depth < 1 ? 1 : depth > 1024 ? 1024 : depth;
    request->check_stacks = setting("LIBTRACE_CHECK_STACKS", 0);
    request->follow = setting("LIBTRACE_FOLLOW", 1);
    request->command = setting("LIBTRACE_COMMAND", 1);
    for (uint32_t i = 0; stack && i < 4; i++)
        if (strcmp(stack, stacks[i]) == 0)
            request->stack = i;
    snprintf(request->label, sizeof request->label, "%s", label ? label : "");
    request->descriptor = -1;
}

/* All that is done while a thread of the program stands still. */
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
    /* What is dropped the program undoes by itself. */
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

/* A program that was started just now is still being loaded: that is waited for. */
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

static bool inject_attach(struct run *run)
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

/* One call in the program. False if it could not be made. inside_ours: see target_open().
 */
static bool call_inside(const struct run *run, const char *what, uintptr_t offset, bool inside_ours,
                        int *result)
{
    struct target target;
    struct injection *in;
    struct attach_call request = a_call();
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

/* Threads may wait for the collector inside the recorder for long; the first call makes them leave it.
 * Between the two calls every thread passes a memory barrier, while the program runs. */
static bool inject_detach(const struct run *run)
{
    struct entries entries;
    char text[256];
    int result;
    if (!find_entries(run->library, &entries) || !call_inside(run, "detach", entries.detach, true, &result))
        return false;
    /* A detach that was begun may have been cut off before its end. */
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

/* ---- the collector ------------------------------------------------------------------------------------- */

/* The words for what is on, for its arguments. */
static void fill_settings(char *settings[COLLECTOR_SETTINGS + 1])
{
    const struct {
        bool on;
        const char *word;
    } words[COLLECTOR_SETTINGS] = {
        {setting("LIBTRACE_FOLLOW", 1) != 0, COLLECTOR_FOLLOW},
        {setting("LIBTRACE_THREADS", 0) == 1, COLLECTOR_THREADS},
        {setting("LIBTRACE_EVENTS", 0) == 1, COLLECTOR_EVENTS},
        {setting("LIBTRACE_BLOCKS", 0) == 1, COLLECTOR_BLOCKS},
    };
    for (unsigned i = 0; i < COLLECTOR_SETTINGS; i++)
        if (words[i].on)
            *settings++ = (char *)words[i].word;
    *settings = NULL;
}

/* Takes the place of the child that it is called in. report: where to tell how that went. */
static void become_collector(const struct apart *apart)
{
    char path[2 * PATH_MAX];
    const int descriptors[] = {apart->memory, apart->process, apart->report};
    char *arguments[COLLECTOR_ARGUMENTS] = {path, "3", "4", "5", "0", (char *)apart->database};
    snprintf(path, sizeof path, "%s/trace-collector", apart->folder);
    for (unsigned i = 0; apart->settings[i]; i++)
        arguments[COLLECTOR_FIXED + i] = apart->settings[i];
    setsid(); /* Ctrl-C is for us */
    unsetenv("LD_PRELOAD");
    if (keep_only(descriptors, 3))
        execv(path, arguments);
    dprintf(apart->report, "cannot start %s: %s\n", path, strerror(errno));
    _exit(127);
}

/* Reads the collector's line, which is empty if all is well; false if there was none in time. */
static bool read_report(int report, char *line, size_t size)
{
    struct pollfd ready = {.fd = report, .events = POLLIN};
    size_t used = 0;
    while (used < size && poll(&ready, 1, COLLECTOR_START_MS) > 0) {
        ssize_t got = read(report, line + used, size - used);
        if (got <= 0)
            return false;
        used += (size_t)got;
        char *end = memchr(line, '\n', used);
        if (end) {
            *end = '\0';
            return true;
        }
    }
    return false;
}

/* Who records has the rights of the program at most, where that is another user's. Whose it is was looked at
 * before it was touched, too: it may have become somebody else meanwhile. */
static bool choose_who(struct run *run, bool *apart)
{
    struct owner now;
    bool known = owner_read(&now, run->options->pid, run->process);
    *apart = apart_needed(&run->owner, run->memory) || !known || apart_needed(&now, run->memory);
    bool same = known && now.user == run->owner.user && now.group == run->owner.group;
    free(now.groups);
    if (*apart && (!same || now.user == geteuid()))
        return refuse(run->options, "became another user's while it was attached to");
    return true;
}

/* Lets what the program executes find the run: through the process that has the shared memory as its
 * descriptor 3. The address is the program's word; whatever is there is its own. */
static void tell_children(const struct run *run, pid_t collector)
{
    char text[ATTACH_CHILDREN_MAX];
    uint64_t name[3] = {0}; /* cookie, door_name, door_key */
    _Static_assert(offsetof(struct wire_arena, door_key) == offsetof(struct wire_arena, cookie) + 16,
                   "in a row");
    if (!run->children ||
        pread(run->memory, name, sizeof name, offsetof(struct wire_arena, cookie)) != sizeof name)
        return;
    int size =
        snprintf(text, sizeof text, WIRE_SESSION_VARIABLE "=%d:3:%llu:%llu:%llu:0" WIRE_SESSION_ATTACHED,
                 (int)collector, (unsigned long long)name[0], (unsigned long long)name[1],
                 (unsigned long long)name[2]);
    struct iovec here = {text, (size_t)size + 1}, there = {(void *)run->children, (size_t)size + 1};
    process_vm_writev(run->options->pid, &here, 1, &there, 1, 0);
}

/* Starts the collector, in one process or two, and waits for its word. */
static bool start_collector(struct run *run, const char *database)
{
    int report[2];
    bool apart;
    char line[2 * PATH_MAX + 64], folder[2 * PATH_MAX], library[PATH_MAX], *settings[COLLECTOR_SETTINGS + 1];
    if (!choose_who(run, &apart))
        return false;
    if (pipe2(report, O_CLOEXEC) != 0)
        return complain("cannot start the collector: %s.", strerror(errno)), false;
    snprintf(library, sizeof library, "%s", run->library);
    snprintf(folder, sizeof folder, "%s/%s", dirname(library), LIBTRACE_COLLECTOR_FROM_LIB);
    *strrchr(folder, '/') = '\0';
    fill_settings(settings);
    const struct apart who = {.owner = &run->owner,
                              .folder = folder,
                              .database = database,
                              .settings = settings,
                              .memory = run->memory,
                              .process = run->process,
                              .report = report[1]};
    run->collector = apart ? apart_start(&who, &run->parser) : fork();
    if (run->collector == 0)
        become_collector(&who);
    close(report[1]);
    run->report = report[0];
    if (!read_report(run->report, line, sizeof line))
        return complain("the collector did not start."), false;
    if (*line)
        complain("%s.", line);
    else
        tell_children(run, apart ? run->parser : run->collector);
    return !*line;
}

/* What became of a run that has come to no right end: only a writer of its own, see collector.h, has
 * something to say of it. */
static void tell_end(struct run *run, const char *database)
{
    char line[2 * PATH_MAX + 64];
    if (read_report(run->report, line, sizeof line) && *line)
        complain("%s; what was recorded until then is in %s.", line, database);
    else
        complain("the collector was killed; what it had recorded until then is in %s.", database);
}

static bool collector_runs(struct run *run)
{
    int status;
    if (run->collector > 0 && waitpid(run->collector, &status, WNOHANG) == run->collector) {
        run->collector = 0;
        run->recorded = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    return run->collector > 0;
}

/* ---- the command ------------------------------------------------------------------------------------------
 */

static sigset_t ending;

/* Until a signal, the end of the time, or that of the run. */
static void wait_for_end(struct run *run)
{
    struct timespec now, step = {0, 50000000};
    clock_gettime(CLOCK_MONOTONIC, &now);
    double start = (double)now.tv_sec + (double)now.tv_nsec / 1e9, at = start;
    double end = run->options->duration > 0 ? start + run->options->duration : 0;
    while (collector_runs(run) && (!end || at < end)) {
        if (end && (end - at) * 1e9 < (double)step.tv_nsec)
            step.tv_nsec = (long)((end - at) * 1e9);
        if (sigtimedwait(&ending, NULL, &step) > 0)
            return;
        clock_gettime(CLOCK_MONOTONIC, &now);
        at = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    }
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    va_list arguments;
    if (!isatty(STDERR_FILENO))
        return;
    fputs("trace-attach: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/* The collector looks up names after the program's part is over; another Ctrl-C leaves it to that. */
static void wait_for_collector(struct run *run)
{
    while (collector_runs(run))
        if (sigtimedwait(&ending, NULL, &(struct timespec){0, 2000000}) > 0)
            return;
}

static int attach(const struct options *options)
{
    static struct run run;
    char database[PATH_MAX];
    run.options = options;
    run.memory = -1;
    if (!find_library(run.library))
        return STATUS_FAILED;
    const char *why = refusal_of(options->pid, run.library);
    if (!why)
        why = refusal_limits(options->pid);
    if (why)
        return refuse(options, why), STATUS_FAILED;
    run.process = (int)syscall(SYS_pidfd_open, options->pid, 0);
    if (run.process < 0) /* before it is touched */
        return refuse(options,
                      errno == ESRCH ? "does not exist" : "cannot be traced: that takes Linux 5.6 or newer"),
               STATUS_FAILED;
    if (!owner_read(&run.owner, options->pid, run.process))
        return refuse(options, "does not exist"), STATUS_FAILED;
    if (!database_path(options->database, database, sizeof database) || !inject_attach(&run))
        return STATUS_FAILED;
    if (run.memory < 0 || !start_collector(&run, database)) {
        inject_detach(&run);
        return STATUS_FAILED;
    }
    close(run.memory); /* nothing of ours keeps the run from ending */
    if (options->background)
        return STATUS_FINE;
    say("tracing process %d into %s; Ctrl-C ends it", (int)options->pid, database);
    wait_for_end(&run);
    bool gone = kill(options->pid, 0) != 0 && errno == ESRCH;
    bool ended =
        run.collector == 0; /* the run is over: the program has ended, or somebody else has detached */
    bool fine = gone || (ended && run.recorded) || inject_detach(&run);
    wait_for_collector(&run);
    bool killed = run.collector == 0 && !run.recorded;
    if (killed)
        tell_end(&run, database);
    else if (fine)
        say("recorded; now try: trace-report top --db %s", database);
    return fine && !killed ? STATUS_FINE : STATUS_FAILED;
}

static int detach(const struct options *options)
{
    static struct run run;
    run.options = options;
    if (!find_library(run.library))
        return STATUS_FAILED;
    const char *why = refusal_of(options->pid, run.library);
    if (why)
        return refuse(options, why), STATUS_FAILED;
    return inject_detach(&run) ? STATUS_FINE : STATUS_FAILED;
}

static bool parse_number(const char *text, double low, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return end != text && !*end && *number >= low && *number < 1e9;
}

/* A status to exit with, or -1. */
static int parse(int argc, char **argv, struct options *options)
{
    enum { LABEL = 256, THREADS, NO_COMMAND, DURATION, DETACH, BACKGROUND, VERBOSE, VERSION };
    static const struct option known[] = {
        {"label", required_argument, NULL, LABEL}, {"duration", required_argument, NULL, DURATION},
        {"threads", no_argument, NULL, THREADS},   {"no-command", no_argument, NULL, NO_COMMAND},
        {"db", required_argument, NULL, 'o'},      {"output", required_argument, NULL, 'o'},
        {"detach", no_argument, NULL, DETACH},     {"background", no_argument, NULL, BACKGROUND},
        {"verbose", no_argument, NULL, VERBOSE},   {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, VERSION},   {NULL, 0, NULL, 0},
    };
    double number;
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":o:d:h", known, NULL)) != -1) {
        switch (option) {
        case LABEL:
            options->label = optarg;
            break;
        case THREADS:
            setenv("LIBTRACE_THREADS", "1", 1); /* for the collector, which is ours */
            break;
        case NO_COMMAND:
            setenv("LIBTRACE_COMMAND", "0", 1);
            break;
        case DURATION:
            if (!parse_number(optarg, 0.001, &options->duration))
                return complain("'%s' is no number of seconds.", optarg), STATUS_USAGE;
            break;
        case 'o':
        case 'd':
            options->database = optarg;
            break;
        case DETACH:
            options->detach = true;
            break;
        case BACKGROUND:
            options->background = true;
            break;
        case VERBOSE:
            options->verbose = true;
            break;
        case 'h':
            return fputs(usage_text, stdout), STATUS_FINE;
        case VERSION:
            return puts("trace-attach (libtrace) " LIBTRACE_VERSION), STATUS_FINE;
        default:
            return options_complain("trace-attach", option, argv), STATUS_USAGE;
        }
    }
    if (optind + 1 != argc)
        return complain("one process number is needed; try 'trace-attach --help'."), STATUS_USAGE;
    if (!parse_number(argv[optind], 1, &number) || number != (double)(pid_t)number)
        return complain("'%s' is no process number.", argv[optind]), STATUS_USAGE;
    options->pid = (pid_t)number;
    return -1;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    int status = parse(argc, argv, &options);
    if (status >= 0)
        return status;
    /* Never in the midst of an injection: signals are looked at where we wait. */
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGHUP);
    sigprocmask(SIG_BLOCK, &ending, NULL);
    return options.detach ? detach(&options) : attach(&options);
}
