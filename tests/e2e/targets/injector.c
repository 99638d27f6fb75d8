/* injector.c - runs a program and has one system call of it, or of what it starts, fail; or lists the calls.
 *
 *   injector REPORT SECONDS list COMMAND [ARGUMENT...]
 *   injector REPORT SECONDS TASK CALL NTH ERROR FUNCTION COMMAND [ARGUMENT...]
 *
 *   REPORT   file, a line for each event; times are in nanoseconds since the start
 *              exec TASK FILE            the task's program is now another one
 *              call TASK CALL NTH OWNER FUNCTION FIRST SECOND
 *                                        (list) whose call it is, its first arguments
 *              fail TASK CALL NTH        the call was made to fail
 *              exit TASK STATUS          as wait() tells it
 *              end STATUS TIME           the command has ended
 *              over TIME                 all that it started have, too
 *              left TASK                 instead, after the SECONDS: it is still there, and is killed
 *   TASK     a process or thread: "0" is the command, T.N the N-th that T has started, T! what T has executed
 *   CALL     the system call's number
 *   NTH      of them that the task makes, from 1 on. A futex of a process's own is none: these are the C
 *            library's locks, and nothing is right without them
 *   ERROR    the errno that it fails with
 *   OWNER    the file with the code that made the call: the first on the stack beside libc and ld.so, or "-"
 *   FUNCTION the code's name, or "-"; no other function's call is made to fail
 *
 * INJECTOR_PRELOAD in the environment is LD_PRELOAD for the command alone.
 */
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALLS 512
#define TASKS 256
#define OPTIONS                                                                               \
    (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
     PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

struct task {
    pid_t id; /* 0 = there is none here */
    char name[64];
    bool waiting; /* stopped before its starter has told of it: it has no name yet */
    bool failing; /* in the call that is to fail */
    unsigned started;
    unsigned calls[CALLS];
};

static struct task tasks[TASKS];
static FILE *report;
static uint64_t start_ns;
static bool list, failed; /* failed: the call has been met */
static const char *wanted_task, *wanted_function;
static unsigned wanted_call, wanted_nth, error_number;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec - start_ns;
}

static struct task *task_of(pid_t id)
{
    struct task *free = NULL;
    for (struct task *task = tasks; task < tasks + TASKS; task++) {
        if (task->id == id)
            return task;
        if (!task->id && !free)
            free = task;
    }
    if (!free) {
        fputs("injector: too many processes\n", stderr);
        exit(2);
    }
    *free = (struct task){.id = id};
    return free;
}

/* ---- whose call it is -------------------------------------------------------------------------------- */

struct owner {
    char file[64], function[128];
};

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int look_at_frame(Dwfl_Frame *frame, void *data)
{
    struct owner *owner = data;
    Dwarf_Addr pc;
    bool activation;
    if (!dwfl_frame_pc(frame, &pc, &activation))
        return DWARF_CB_ABORT;
    pc -= !activation;
    Dwfl_Module *module = dwfl_addrmodule(dwfl_thread_dwfl(dwfl_frame_thread(frame)), pc);
    const char *path = module ? dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL, NULL) : NULL;
    if (!path || *path == '[' || strstr(path, "/libc.so") || strstr(path, "/ld-linux"))
        return DWARF_CB_OK;
    const char *function = dwfl_module_addrname(module, pc);
    snprintf(owner->file, sizeof owner->file, "%s", last_name(path));
    snprintf(owner->function, sizeof owner->function, "%s", function ? function : "-");
    return DWARF_CB_ABORT;
}

static pid_t process_of(pid_t task)
{
    char path[64], line[256];
    int process = task;
    snprintf(path, sizeof path, "/proc/%d/status", task);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file) && sscanf(line, "Tgid: %d", &process) != 1) {
    }
    if (file)
        fclose(file);
    return process;
}

static void find_owner(pid_t id, struct owner *owner)
{
    static char *no_path;
    static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_linux_proc_find_elf,
                                             .find_debuginfo = dwfl_standard_find_debuginfo,
                                             .debuginfo_path = &no_path};
    pid_t process = process_of(id);
    Dwfl *dwfl = dwfl_begin(&callbacks);
    *owner = (struct owner){"-", "-"};
    if (dwfl && dwfl_linux_proc_report(dwfl, process) == 0 && dwfl_report_end(dwfl, NULL, NULL) == 0 &&
        dwfl_linux_proc_attach(dwfl, process, true) == 0)
        dwfl_getthread_frames(dwfl, id, look_at_frame, owner);
    dwfl_end(dwfl);
}

/* ---- stops ------------------------------------------------------------------------------------------- */

static bool watched(const struct task *task)
{
    return list || task->failing || (!failed && strcmp(task->name, wanted_task) == 0);
}

static void go_on(const struct task *task, int with_signal)
{
    ptrace(watched(task) ? PTRACE_SYSCALL : PTRACE_CONT, task->id, NULL, (void *)(intptr_t)with_signal);
}

static void at_entry(struct task *task, const struct __ptrace_syscall_info *call)
{
    unsigned number = (unsigned)call->entry.nr;
    if (number >= CALLS || (number == SYS_futex && call->entry.args[1] & FUTEX_PRIVATE_FLAG))
        return;
    unsigned nth = ++task->calls[number];
    if (list) {
        struct owner owner;
        find_owner(task->id, &owner);
        fprintf(report, "call %s %u %u %s %s %llx %llx\n", task->name, number, nth, owner.file,
                owner.function, (unsigned long long)call->entry.args[0],
                (unsigned long long)call->entry.args[1]);
        return;
    }
    if (failed || number != wanted_call || nth != wanted_nth)
        return;
    struct owner owner;
    find_owner(task->id, &owner);
    failed = true;
    if (strcmp(owner.function, wanted_function) != 0)
        return;
    task->failing = true;
    fprintf(report, "fail %s %u %u\n", task->name, number, nth);
    if (number != SYS_close) /* which closes, and fails */
        ptrace(PTRACE_POKEUSER, task->id, (void *)offsetof(struct user_regs_struct, orig_rax), (void *)-1l);
}

static void at_call(struct task *task)
{
    struct __ptrace_syscall_info call;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, task->id, (void *)sizeof call, &call) <= 0)
        return;
    if (call.op == PTRACE_SYSCALL_INFO_ENTRY) {
        at_entry(task, &call);
    } else if (task->failing) {
        task->failing = false;
        ptrace(PTRACE_POKEUSER, task->id, (void *)offsetof(struct user_regs_struct, rax),
               (void *)-(long)error_number);
    }
}

static void at_start(struct task *starter)
{
    unsigned long id;
    if (ptrace(PTRACE_GETEVENTMSG, starter->id, NULL, &id) != 0)
        return;
    struct task *task = task_of((pid_t)id);
    snprintf(task->name, sizeof task->name, "%.50s.%u", starter->name, ++starter->started);
    if (task->waiting) {
        task->waiting = false;
        go_on(task, 0);
    }
}

static void at_exec(struct task *task)
{
    char path[64], file[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%d/exe", task->id);
    ssize_t size = readlink(path, file, sizeof file - 1);
    file[size > 0 ? size : 0] = '\0';
    strcat(task->name, "!");
    task->started = 0;
    memset(task->calls, 0, sizeof task->calls);
    fprintf(report, "exec %s %s\n", task->name, file);
}

static void at_stop(struct task *task, int status)
{
    int number = WSTOPSIG(status), event = status >> 16;
    if (!task->name[0]) {
        task->waiting = true;
        return;
    }
    if (number == (SIGTRAP | 0x80))
        at_call(task);
    else if (event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK)
        at_start(task);
    else if (event == PTRACE_EVENT_EXEC)
        at_exec(task);
    else if (event == 0) {
        go_on(task, number);
        return;
    } else if (event == PTRACE_EVENT_STOP && number != SIGTRAP) {
        ptrace(PTRACE_LISTEN, task->id, NULL, NULL);
        return;
    }
    go_on(task, 0);
}

static void kill_rest(int unused)
{
    (void)unused;
    for (struct task *task = tasks; task < tasks + TASKS; task++) {
        if (task->id) {
            fprintf(report, "left %s\n", task->name);
            kill(task->id, SIGKILL);
        }
    }
    fclose(report);
    _exit(1);
}

static void follow(pid_t command)
{
    int status;
    pid_t id;
    while ((id = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
        if (id <= 0)
            continue;
        struct task *task = task_of(id);
        if (WIFSTOPPED(status)) {
            at_stop(task, status);
            continue;
        }
        fprintf(report, "exit %s %d\n", task->name, status);
        if (id == command)
            fprintf(report, "end %d %llu\n", status, (unsigned long long)now_ns());
        task->id = 0;
    }
    fprintf(report, "over %llu\n", (unsigned long long)now_ns());
}

/* Starts the command; it waits until it is traced. */
static pid_t start(char **command)
{
    int ends[2];
    char byte = 0;
    if (pipe(ends) != 0)
        return -1;
    pid_t id = fork();
    if (id == 0) {
        close(ends[1]);
        const char *library = getenv("INJECTOR_PRELOAD");
        if (library) {
            setenv("LD_PRELOAD", library, 1);
            unsetenv("INJECTOR_PRELOAD");
        }
        if (read(ends[0], &byte, 1) == 1) {
            close(ends[0]);
            execv(command[0], command);
        }
        _exit(99);
    }
    close(ends[0]);
    snprintf(task_of(id)->name, sizeof tasks[0].name, "0");
    if (id < 0 || ptrace(PTRACE_SEIZE, id, NULL, (void *)(long)OPTIONS) != 0) {
        perror("injector: ptrace");
        exit(77);
    }
    bool told = write(ends[1], "x", 1) == 1;
    close(ends[1]);
    return told ? id : -1;
}

int main(int argc, char **argv)
{
    list = argc > 4 && strcmp(argv[3], "list") == 0;
    if (!list && argc < 9) {
        fputs("injector REPORT SECONDS list|TASK CALL NTH ERROR FUNCTION COMMAND [ARGUMENT...]\n", stderr);
        return 2;
    }
    report = fopen(argv[1], "we");
    if (!report) {
        perror(argv[1]);
        return 2;
    }
    setvbuf(report, NULL, _IOLBF, 0);
    if (!list) {
        wanted_task = argv[3];
        wanted_call = (unsigned)atoi(argv[4]);
        wanted_nth = (unsigned)atoi(argv[5]);
        error_number = (unsigned)atoi(argv[6]);
        wanted_function = argv[7];
    }
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    start_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    signal(SIGALRM, kill_rest);
    alarm((unsigned)atoi(argv[2]));
    pid_t command = start(argv + (list ? 4 : 8));
    if (command < 0)
        return 2;
    follow(command);
    return 0;
}
