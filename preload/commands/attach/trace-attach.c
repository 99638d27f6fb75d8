/* trace-attach - traces a program that is running already: makes it load libtrace.so, which redirects its
 * calls of the allocator, and restores everything at the end. See inside.h; patch.h for what changes inside
 * it.
 *
 * The run's shared memory is created inside the program, so that the program need not open anything of
 * ours. We open it from there, and start the collector as ourselves: so the database is ours, too.
 */
#include "attach_collector.h"
#include "bring.h"
#include "inside.h"
#include "option_words.h"
#include "refusal.h"
#include "quantity.h"
#include "sampling_rule.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
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
    "  --no-types          leaves out which types objects have, and which blocks are equal\n"
    "  --sample[=BYTES]    records a sample only, one block in about 512KiB: for programs that must not slow "
    "down\n"
    "  --keep TIME         thins what is older than TIME (7d): for programs that run for weeks\n"
    "  --max-size BYTES    thins as much as it takes to keep FILE below BYTES (200MiB)\n"
    "  --rotate TIME[:N]   puts the past aside each TIME (1d) as FILE.1, FILE.2 ... FILE.N (7)\n"
    "  -d, -o, --db FILE   records into FILE; $LIBTRACE_DB or ./trace.db otherwise\n"
    "  --verbose           tells for how long the program was stopped\n"
    "  --help, --version\n"
    "\n"
    "Blocks that were allocated before are not known; freeing them counts for nothing. Afterwards: "
    "trace-report top\n";

enum { STATUS_FINE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* ---- paths ------------------------------------------------------------------------------------------ */

/* The installed tree and the build tree have the same layout. */
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
    /* Checked before the program is touched. */
    if (access(path, F_OK) == 0 ? access(path, W_OK) != 0 : access(folder, W_OK | X_OK) != 0)
        return complain("cannot write %s: %s.", path, strerror(errno)), false;
    return true;
}

/* ---- the command ------------------------------------------------------------------------------- */

static sigset_t ending;

/* Waits for a signal, the end of the time, or the end of the run. */
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

/* The collector looks up names after the program's part is over; another Ctrl-C leaves it alone with that. */
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
    run.bring = bring_needed(options->pid, run.library);
    run.process = (int)syscall(SYS_pidfd_open, options->pid, 0);
    if (run.process < 0) /* before the program is touched */
        return refuse(options,
                      errno == ESRCH ? "does not exist" : "cannot be traced: that takes Linux 5.6 or newer"),
               STATUS_FAILED;
    if (!owner_read(&run.owner, options->pid, run.process))
        return refuse(options, "does not exist"), STATUS_FAILED;
    if (run.owner.user != geteuid() && rotation_refused(&run))
        return STATUS_FAILED;
    if (!database_path(options->database, database, sizeof database) || !inside_attach(&run))
        return STATUS_FAILED;
    if (run.memory < 0 || !collector_start(&run, database)) {
        inside_detach(&run);
        return STATUS_FAILED;
    }
    close(run.memory); /* so that nothing of ours keeps the run from ending */
    if (options->background)
        return STATUS_FINE;
    say("tracing process %d into %s; Ctrl-C ends it", (int)options->pid, database);
    wait_for_end(&run);
    bool gone = kill(options->pid, 0) != 0 && errno == ESRCH;
    bool ended = run.collector == 0; /* the run is over: the program has ended, or somebody has detached it */
    bool fine = gone || (ended && run.recorded) || inside_detach(&run);
    wait_for_collector(&run);
    bool killed = run.collector == 0 && !run.recorded;
    if (killed)
        collector_tell_end(&run, database);
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
    return inside_detach(&run) ? STATUS_FINE : STATUS_FAILED;
}

static bool parse_number(const char *text, double low, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return end != text && !*end && *number >= low && *number < 1e9;
}

/* Returns an exit status, or -1 to go on. */
static int parse(int argc, char **argv, struct options *options)
{
    enum {
        LABEL = 256,
        THREADS,
        NO_COMMAND,
        NO_TYPES,
        SAMPLE,
        KEEP,
        MAX_SIZE,
        ROTATE,
        DURATION,
        DETACH,
        BACKGROUND,
        VERBOSE,
        VERSION
    };
    static const struct option known[] = {
        {"label", required_argument, NULL, LABEL},
        {"duration", required_argument, NULL, DURATION},
        {"threads", no_argument, NULL, THREADS},
        {"no-command", no_argument, NULL, NO_COMMAND},
        {"no-types", no_argument, NULL, NO_TYPES},
        {"sample", optional_argument, NULL, SAMPLE},
        {"keep", required_argument, NULL, KEEP},
        {"max-size", required_argument, NULL, MAX_SIZE},
        {"db", required_argument, NULL, 'o'},
        {"output", required_argument, NULL, 'o'},
        {"detach", no_argument, NULL, DETACH},
        {"background", no_argument, NULL, BACKGROUND},
        {"verbose", no_argument, NULL, VERBOSE},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, VERSION},
        {"rotate", required_argument, NULL, ROTATE},
        {NULL, 0, NULL, 0},
    };
    double number;
    bool no_interval = false; /* --sample was there, and nothing with it */
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":o:d:h", known, NULL)) != -1) {
        switch (option) {
        case LABEL:
            options->label = optarg;
            break;
        case THREADS:
            setenv("LIBTRACE_THREADS", "1", 1); /* for the collector, which we start */
            break;
        case NO_COMMAND:
            setenv("LIBTRACE_COMMAND", "0", 1);
            break;
        case NO_TYPES:
            setenv("LIBTRACE_TYPES", "0", 1);
            break;
        case SAMPLE:
            no_interval = !optarg;
            setenv(SAMPLING_VARIABLE, optarg ? optarg : SAMPLING_USUAL, 1);
            break;
        case KEEP:
            setenv(KEEP_VARIABLE, optarg, 1);
            break;
        case MAX_SIZE:
            setenv(MAX_SIZE_VARIABLE, optarg, 1);
            break;
        case ROTATE:
            setenv(ROTATE_VARIABLE, optarg, 1);
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
    if (optind + 2 == argc && no_interval && sampling_interval(argv[optind]))
        return complain("an interval is part of the option: --sample=%s.", argv[optind]), STATUS_USAGE;
    if (optind + 1 != argc)
        return complain("one process number is needed; try 'trace-attach --help'."), STATUS_USAGE;
    if (!parse_number(argv[optind], 1, &number) || number != (double)(pid_t)number)
        return complain("'%s' is no process number.", argv[optind]), STATUS_USAGE;
    options->pid = (pid_t)number;
    const char *sample = getenv(SAMPLING_VARIABLE);
    if (sample && !sampling_off(sample) && !sampling_interval(sample))
        return complain(SAMPLING_WRONG, sample), STATUS_USAGE;
    const char *keep = getenv(KEEP_VARIABLE), *size = getenv(MAX_SIZE_VARIABLE),
               *rotate = getenv(ROTATE_VARIABLE);
    if (keep && !quantity_none(keep) && !quantity_keep(keep))
        return complain(KEEP_WRONG, keep), STATUS_USAGE;
    if (size && !quantity_none(size) && !quantity_max_size(size))
        return complain(MAX_SIZE_WRONG, size), STATUS_USAGE;
    if (rotate && !quantity_none(rotate) && !quantity_rotate(rotate))
        return complain(ROTATE_WRONG, rotate), STATUS_USAGE;
    return -1;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    int status = parse(argc, argv, &options);
    if (status >= 0)
        return status;
    /* Never in the middle of an injection: signals are only handled where we wait. */
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGHUP);
    sigprocmask(SIG_BLOCK, &ending, NULL);
    return options.detach ? detach(&options) : attach(&options);
}
