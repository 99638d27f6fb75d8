/* trace-run - runs a command under libtrace.so: sets the environment, passes on the exit status, and
 * suggests what to type next. LD_PRELOAD=libtrace.so alone would trace as well; this adds checks that are
 * only possible outside the program, for example that a static program cannot be traced. */
#include "database.h"
#include "option_words.h"
#include "program.h"
#include "quantity.h"
#include "sampling_rule.h"
#include "wire.h"
#include "wire_door.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* As for env(1), nohup(1) and the shells. */
#define STATUS_USAGE 2
#define STATUS_FAILED 125
#define STATUS_CANNOT_RUN 126
#define STATUS_NOT_FOUND 127

static const char usage_text[] =
    "Usage: trace-run [OPTION...] COMMAND [ARGUMENT...]\n"
    "Runs COMMAND and records which lines allocate memory, its child processes included.\n"
    "\n"
    "  --label LABEL     names the run; the program's name otherwise\n"
    "  --no-command      keeps the command line out of the record: arguments may hold secrets\n"
    "  --no-types        leaves out which types objects have, and which blocks are equal\n"
    "  --sample[=BYTES]  records a sample only, one block in about 512KiB: for programs that must not slow "
    "down\n"
    "  --keep TIME       thins what is older than TIME (7d): for programs that run for weeks\n"
    "  --max-size BYTES  thins as much as it takes to keep FILE below BYTES (200MiB)\n"
    "  --rotate TIME[:N] puts the past aside each TIME (1d) as FILE.1, FILE.2 ... FILE.N (7)\n"
    "  -d, -o, --db FILE records into FILE; $LIBTRACE_DB or ./trace.db otherwise\n"
    "  --threads         tells threads apart line by line, for trace-report --thread\n"
    "  --events          also logs every single allocation and free\n"
    "  --help, --version\n"
    "\n"
    "The exit status is COMMAND's own. Afterwards: trace-report top\n";

static volatile pid_t child;

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void complain(const char *format, ...)
{
    va_list arguments;

    fputs("trace-run: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/* The terminal sends signals to the whole process group, so the child has those already; those sent to us
 * alone are meant for the command. */
static void pass_on(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code <= 0 && child > 0)
        kill(child, number);
}

/* The directory of this program; returns 0 or an errno. If /proc is missing, or of another PID namespace,
 * only the name that we were started by is known. */
static int find_directory(char directory[PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", directory, PATH_MAX - 1);

    if (length < 0 && !realpath((const char *)getauxval(AT_EXECFN), directory))
        return errno;
    if (length >= 0)
        directory[length] = 0;
    *strrchr(directory, '/') = 0;
    return 0;
}

/* The absolute path of libtrace.so, relative to this program; returns 0 or an errno. */
static int find_library(char path[PATH_MAX])
{
    char self[PATH_MAX], joined[2 * PATH_MAX];
    int error = find_directory(self);

    if (error)
        return error;
    snprintf(joined, sizeof joined, "%s/%s", self, LIBTRACE_LIB_FROM_BIN);
    return realpath(joined, path) ? 0 : errno;
}

/* Puts the library first in LD_PRELOAD; what was there follows it. */
static int preload(void)
{
    char library[PATH_MAX];
    const char *before = getenv("LD_PRELOAD");
    int error = find_library(library);

    if (error) {
        complain("%s is not beside this program (%s), so nothing is recorded; install it again.",
                 LIBTRACE_LIB_FROM_BIN, strerror(error));
        return -1;
    }
    if (strpbrk(library, " :")) { /* these separate entries of LD_PRELOAD, and cannot be quoted */
        complain("%s cannot be preloaded, because its path has a space or a colon; nothing is recorded. "
                 "Install libtrace in another directory.",
                 library);
        return -1;
    }
    char *value = NULL;
    int result = before && *before ? asprintf(&value, "%s:%s", library, before) : 0;
    if (result >= 0)
        result = setenv("LD_PRELOAD", value ? value : library, 1);
    if (result < 0)
        complain("cannot set LD_PRELOAD: %s; nothing is recorded.", strerror(errno));
    free(value);
    return result;
}

/* True if there is a socket of this name. */
static int has_door(uint64_t name)
{
    struct sockaddr_un address;
    socklen_t size = wire_door_address(&address, name);
    int door = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int found = door >= 0 && connect(door, (struct sockaddr *)&address, size) == 0;

    if (door >= 0)
        close(door);
    return found;
}

/* True if the run that is named still goes on, as far as can be seen. */
static int goes_on(const char *session)
{
    char path[64];
    int collector, memory;
    unsigned long long door = 0;

    if (sscanf(session, "%d:%d:%*u:%llu", &collector, &memory, &door) < 2)
        return 0;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", collector, memory);
    return access(path, F_OK) == 0 || (door && has_door(door));
}

/* Forgets an inherited session whose run is over or failed: programs started by that run do not report
 * failures, but here the user asked for a new run. There is room for its name, see wire.h. The session of
 * a process in seccomp (-) is kept: this one is confined, too. */
static void forget_session(void)
{
    const char *session = getenv(WIRE_SESSION_VARIABLE);
    char room[WIRE_SESSION_SIZE];

    if (session && (*session == '-' || goes_on(session)))
        return;
    memset(room, ' ', sizeof room);
    room[0] = WIRE_SESSION_ROOM;
    room[sizeof room - 1] = '\0';
    setenv(WIRE_SESSION_VARIABLE, room, 1);
}

/* Prints in one sentence why the program cannot be traced. Returns 1 if it can. */
static int can_trace(struct program *program)
{
    const char *file = program->decisive;
    const char *why = NULL;

    switch (program_inspect(program)) {
    case PROGRAM_FINE:
    case PROGRAM_UNKNOWN:
        return 1;
    case PROGRAM_STATIC:
        why =
            "is statically linked, so no library can be preloaded into it; link it dynamically to trace it.";
        break;
    case PROGRAM_SECURE:
        why = "gains privileges when it starts (setuid, setgid or file capabilities), so the system ignores "
              "LD_PRELOAD; run it as the user that it becomes to trace it.";
        break;
    case PROGRAM_MACHINE:
        why = "is not an x86-64 program, and libtrace traces no other so far.";
        break;
    case PROGRAM_MUSL:
        why = "is linked against musl, and libtrace needs the GNU C library.";
        break;
    case PROGRAM_NO_FORMAT: /* execve decides */
        return 1;
    }
    complain("%s %s It runs untraced.", file, why);
    return 0;
}

static void run(const struct program *program, char **arguments)
{
    execv(program->path, arguments);
    if (errno == ENOEXEC && program->shell) { /* as execvp does */
        size_t count = 0;
        while (arguments[count])
            count++;
        char *shell[count + 2];
        shell[0] = (char *)"sh";
        shell[1] = (char *)program->path;
        for (size_t i = 1; i <= count; i++)
            shell[i + 1] = arguments[i];
        execv("/bin/sh", shell);
    }
    int error = errno;
    complain("cannot run %s: %s.", program->path, strerror(error));
    _exit(error == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN);
}

static const int caught[] = {SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGUSR1, SIGUSR2};

/* Starts the command; signals are blocked until both sides are ready for them. */
static pid_t start(const struct program *program, char **arguments)
{
    struct sigaction action = {.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO | SA_RESTART}, old;
    sigset_t set, before;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        sigaddset(&set, caught[i]);
    sigprocmask(SIG_BLOCK, &set, &before);
    child = fork();
    if (child != 0)
        for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
            if (sigaction(caught[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
                sigaction(caught[i], &action, NULL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (child == 0)
        run(program, arguments);
    return child;
}

/* Ends as the command did: a signal kills this process too, so that a shell sees the same. */
static int end_as(int status)
{
    if (WIFEXITED(status))
        return WEXITSTATUS(status);

    int number = WTERMSIG(status);
    struct rlimit no_core = {0, 0};
    sigset_t set;
    setrlimit(RLIMIT_CORE, &no_core); /* the command's own core file is the one to look at */
    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
    return 128 + number;
}

/* False, after one sentence, if there is no run to join and none can be recorded. */
static int can_record(const char *database)
{
    const char *session = getenv(WIRE_SESSION_VARIABLE), *path = database ? database : "trace.db";
    char text[256];
    const char *why =
        session && *session == WIRE_SESSION_ROOM ? database_trouble(path, text, sizeof text) : NULL;

    if (why)
        complain("cannot record into %s: %s. Name a file that can be written with --db. The program runs "
                 "untraced.",
                 path, why);
    return !why;
}

/* Runs trace-report, which is installed beside this program, to print in three lines what the command
 * held: on standard error, as standard output belongs to the command. It waits until names are known, with
 * a progress bar; Ctrl-C ends it. If the command's own process was not traced (it may empty its
 * environment), there is no run, and nothing is printed. */
static void say_numbers(const char *database, const struct timespec *begin, pid_t command)
{
    char self[PATH_MAX], report[PATH_MAX + 16], pid[24], since[24];

    if (find_directory(self) != 0)
        return;
    snprintf(report, sizeof report, "%s/trace-report", self);
    snprintf(pid, sizeof pid, "%d", (int)command);
    snprintf(since, sizeof since, "%lld", (long long)begin->tv_sec);
    char *arguments[] = {(char *)"trace-report",
                         (char *)"summary",
                         (char *)"--brief",
                         (char *)"--pid",
                         pid,
                         (char *)"--since",
                         since,
                         (char *)"--db",
                         (char *)database,
                         NULL};

    fflush(NULL);
    child = fork(); /* signals sent to us from now on are meant for it */
    if (child == 0) {
        dup2(STDERR_FILENO, STDOUT_FILENO);
        unsetenv("LD_PRELOAD");
        unsetenv(WIRE_SESSION_VARIABLE);
        execv(report, arguments);
        _exit(STATUS_NOT_FOUND);
    }
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    child = 0;
}

/* Prints a hint; trace-report says what was recorded, and what is missing. */
static void hint(const char *database, const struct timespec *begin, pid_t command)
{
    if (!isatty(STDERR_FILENO) || !database_written_since(database ? database : "trace.db", begin))
        return;
    say_numbers(database ? database : "trace.db", begin, command);
    if (database && strcmp(database, "trace.db") != 0 && strcmp(database, "./trace.db") != 0)
        fprintf(stderr, "trace-run: now try: trace-report top --db %s\n", database);
    else
        fputs("trace-run: now try: trace-report top\n", stderr);
}

int main(int argc, char **argv)
{
    enum {
        LABEL = 256,
        THREADS,
        EVENTS,
        NO_COMMAND,
        NO_TYPES,
        SAMPLE,
        KEEP,
        MAX_SIZE,
        ROTATE,
        HELP,
        VERSION
    };
    static const struct option options[] = {
        {"label", required_argument, NULL, LABEL},   {"db", required_argument, NULL, 'o'},
        {"output", required_argument, NULL, 'o'},    {"threads", no_argument, NULL, THREADS},
        {"events", no_argument, NULL, EVENTS},       {"help", no_argument, NULL, HELP},
        {"version", no_argument, NULL, VERSION},     {"no-command", no_argument, NULL, NO_COMMAND},
        {"no-types", no_argument, NULL, NO_TYPES},   {"sample", optional_argument, NULL, SAMPLE},
        {"keep", required_argument, NULL, KEEP},     {"max-size", required_argument, NULL, MAX_SIZE},
        {"rotate", required_argument, NULL, ROTATE}, {NULL, 0, NULL, 0},
    };
    const char *label = NULL, *database = NULL, *sample = NULL, *keep = NULL, *max_size = NULL,
               *rotate = NULL;
    int threads = 0, events = 0, no_command = 0, no_types = 0, option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "+:o:d:h", options, NULL)) != -1) {
        switch (option) {
        case LABEL:
            label = optarg;
            break;
        case 'o':
        case 'd':
            database = optarg;
            break;
        case THREADS:
            threads = 1;
            break;
        case EVENTS:
            events = 1;
            break;
        case NO_COMMAND:
            no_command = 1;
            break;
        case NO_TYPES:
            no_types = 1;
            break;
        case SAMPLE:
            sample = optarg ? optarg : SAMPLING_USUAL;
            break;
        case KEEP:
            keep = optarg;
            break;
        case MAX_SIZE:
            max_size = optarg;
            break;
        case ROTATE:
            rotate = optarg;
            break;
        case 'h':
        case HELP:
            fputs(usage_text, stdout);
            return 0;
        case VERSION:
            puts("trace-run (libtrace) " LIBTRACE_VERSION);
            return 0;
        default:
            options_complain("trace-run", option, argv);
            return STATUS_USAGE;
        }
    }
    if (optind == argc) {
        complain("no command was given; try 'trace-run ls', or 'trace-run --help'.");
        return STATUS_USAGE;
    }

    if (!sample)
        sample = getenv(SAMPLING_VARIABLE);
    if (sample && !sampling_off(sample) && !sampling_interval(sample)) {
        complain(SAMPLING_WRONG, sample);
        return STATUS_USAGE;
    }
    if (!keep)
        keep = getenv(KEEP_VARIABLE);
    if (keep && !quantity_none(keep) && !quantity_keep(keep)) {
        complain(KEEP_WRONG, keep);
        return STATUS_USAGE;
    }
    if (!max_size)
        max_size = getenv(MAX_SIZE_VARIABLE);
    if (max_size && !quantity_none(max_size) && !quantity_max_size(max_size)) {
        complain(MAX_SIZE_WRONG, max_size);
        return STATUS_USAGE;
    }
    if (!rotate)
        rotate = getenv(ROTATE_VARIABLE);
    if (rotate && !quantity_none(rotate) && !quantity_rotate(rotate)) {
        complain(ROTATE_WRONG, rotate);
        return STATUS_USAGE;
    }

    forget_session();
    struct program program;
    char **command = argv + optind;
    int error = program_find(command[0], &program);
    if (error && sample && sampling_interval(command[0])) {
        complain("there is no command %s; an interval is part of the option: --sample=%s.", command[0],
                 command[0]);
        return STATUS_USAGE;
    }
    if (error) {
        complain("cannot run %s: %s.", command[0],
                 error == ENOENT && !strchr(command[0], '/') ? "there is no such command" : strerror(error));
        return error == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
    }
    if (!database)
        database = getenv("LIBTRACE_DB");
    if (database && !*database)
        database = NULL;
    int traced = can_trace(&program) && can_record(database) && preload() == 0;
    const char *session = getenv(WIRE_SESSION_VARIABLE);
    if (!traced && session && *session == WIRE_SESSION_ROOM)
        unsetenv(WIRE_SESSION_VARIABLE);
    if ((label && setenv("LIBTRACE_LABEL", label, 1) != 0) ||
        (database && setenv("LIBTRACE_DB", database, 1) != 0) ||
        (threads && setenv("LIBTRACE_THREADS", "1", 1) != 0) ||
        (events && setenv("LIBTRACE_EVENTS", "1", 1) != 0) ||
        (sample && setenv(SAMPLING_VARIABLE, sample, 1) != 0) ||
        (keep && setenv(KEEP_VARIABLE, keep, 1) != 0) ||
        (max_size && setenv(MAX_SIZE_VARIABLE, max_size, 1) != 0) ||
        (rotate && setenv(ROTATE_VARIABLE, rotate, 1) != 0) ||
        (no_types && setenv("LIBTRACE_TYPES", "0", 1) != 0) ||
        (no_command && setenv("LIBTRACE_COMMAND", "0", 1) != 0)) {
        complain("cannot set the environment: %s.", strerror(errno));
        return STATUS_FAILED;
    }

    struct timespec begin;
    clock_gettime(CLOCK_REALTIME_COARSE, &begin); /* the clock that file times use */
    if (start(&program, command) < 0) {
        complain("cannot start a process: %s.", strerror(errno));
        return STATUS_FAILED;
    }

    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) {
            complain("cannot tell how %s ended: %s.", command[0], strerror(errno));
            return STATUS_FAILED;
        }
    pid_t command_pid = child;

    child = 0; /* its PID may be another process's by now */
    if (traced)
        hint(database, &begin, command_pid);
    return end_as(status);
}
