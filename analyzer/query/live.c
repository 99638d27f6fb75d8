/* live.c - has a run's collector write what is new, by sending it SIGUSR1, see collector.c.
 *
 * The signal kills a process that does not expect it, and the PID in the file may by now be another
 * process's, or a stranger's choice. So a process is signalled only if its start time is the one in the
 * file, it is a trace-collector, and it has this very file open; a pidfd makes sure that it stays the same
 * process meanwhile.
 */
#define _GNU_SOURCE
#include "live.h"
#include "collector.h"
#include "text.h"
#include "units.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATIENCE_NS 1000000000
#define PAGES_PATIENCE_NS 10000000000 /* a look at resident pages takes a fifth of a second a GiB */
#define POLL_US 2000

const char live_stopped[] = "has been stopped (kill -CONT lets it go on)";

/* ---- who is asked ---------------------------------------------------------------------------- */

static int is_collector(int64_t pid)
{
    char path[64], target[4096];

    snprintf(path, sizeof path, "/proc/%lld/exe", (long long)pid);
    ssize_t size = readlink(path, target, sizeof target - 1);

    if (size < 0)
        return 0;
    target[size] = '\0';
    const char *name = text_basename(target);

    /* After an update of the program, the link of a running one reads "trace-collector (deleted)". */
    return strncmp(name, "trace-collector", 15) == 0 && (name[15] == '\0' || name[15] == ' ');
}

static int has_open(int64_t pid, const struct stat *file)
{
    char path[64];
    struct stat status;
    int found = 0;

    snprintf(path, sizeof path, "/proc/%lld/fd", (long long)pid);
    DIR *folder = opendir(path);

    if (folder == NULL)
        return 0;
    for (const struct dirent *entry; !found && (entry = readdir(folder)) != NULL;)
        found = fstatat(dirfd(folder), entry->d_name, &status, 0) == 0 && status.st_dev == file->st_dev &&
                status.st_ino == file->st_ino;
    closedir(folder);
    return found;
}

/* The signal's value says what is asked for. */
static int ask_process(int process, int pages)
{
    siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};

    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_int = pages ? COLLECTOR_ASK_PAGES : 0;
    return (int)syscall(SYS_pidfd_send_signal, process, SIGUSR1, &info, 0);
}

/* Returns NULL once the signal is sent, else why it was not. */
static const char *ask(const struct report *report, const struct run *run)
{
    const struct store_collector *c = &run->collector;
    struct stat file;
    enum store_collector_state state = store_collector_state(report->store, c);

    if (state == STORE_COLLECTOR_ELSEWHERE)
        return "is in another PID namespace (a container) and cannot be asked";
    if (state == STORE_COLLECTOR_GONE)
        return "is gone";
    int process = (int)syscall(SYS_pidfd_open, (pid_t)c->pid, 0);
    const char *why = NULL;

    if (process < 0 || store_collector_state(report->store, c) != STORE_COLLECTOR_LIVES)
        why = "is gone";
    else if (syscall(SYS_pidfd_send_signal, process, 0, NULL, 0) != 0)
        why = errno == EPERM ? "is another user's and cannot be asked" : "is gone";
    else if (stat(report->db, &file) != 0 || !is_collector(c->pid) || !has_open(c->pid, &file))
        why = "does not write to this file";
    else if (ask_process(process, report->fresh_pages) != 0)
        why = "is gone";
    if (process >= 0)
        close(process);
    return why;
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* What was asked of a run's collector. */
struct question {
    int64_t run;
    int64_t ns;    /* when */
    int pages;     /* whether resident pages are to be looked at, too */
    int64_t looks; /* that commands had requested before */
};

static struct question question_of(const struct report *report, const struct run *run)
{
    struct question question = {run->number, store_clock(), report->fresh_pages, 0};

    if (question.pages)
        store_pages_asked(report->store, run->number, &question.looks);
    return question;
}

/* True once the file has what was counted at that time, or the run is not recording any more. A snapshot that
 * was due just then is not enough if pages were asked for: the look at them may have come too late for it. */
static int is_there(const struct report *report, const struct question *question)
{
    sqlite3_stmt *s =
        report_prepare(report, "SELECT state <> 'recording' OR phase <> 'running', taken_ns >= ?2 FROM run "
                               "WHERE id = ?1");
    int status = EXIT_FINE, ended = 1, taken = 0;
    int64_t looks = 0;

    if (s == NULL)
        return 1;
    sqlite3_bind_int64(s, 1, question->run);
    sqlite3_bind_int64(s, 2, question->ns);
    if (report_step(report, s, &status)) {
        ended = sqlite3_column_int(s, 0);
        taken = sqlite3_column_int(s, 1);
    }
    sqlite3_finalize(s);
    if (ended || !taken || !question->pages)
        return ended || taken;
    return store_pages_asked(report->store, question->run, &looks) != 0 || looks > question->looks;
}

static void say_why(const struct report *report, const struct run *run, const char *why)
{
    char ago[UNITS_SIZE];
    int64_t taken_ns = run->collector.taken_ns, now_ns = store_clock();

    units_seconds(ago, taken_ns > 0 && taken_ns < now_ns ? (double)(now_ns - taken_ns) / 1e9 : 0);
    report_error(report, EXIT_FINE,
                 "run %lld is still recording, but its collector (process %lld) %s: this is what it had "
                 "written %s ago",
                 (long long)run->number, (long long)run->collector.pid, why, ago);
}

void live_ask(struct report *report, const struct run *run, int say)
{
    struct question question = question_of(report, run);
    int64_t patience_ns = question.pages ? PAGES_PATIENCE_NS : PATIENCE_NS;
    const char *why = ask(report, run);

    while (why == NULL && !is_there(report, &question)) {
        if (store_collector_stopped(&run->collector))
            why = live_stopped;
        else if (store_clock() - question.ns > patience_ns)
            why = "is busy";
        else
            usleep(POLL_US);
    }
    if (why != NULL && say && !is_there(report, &question)) /* it may have ended just now */
        say_why(report, run, why);
}

void live_ask_all(struct report *report)
{
    int64_t *numbers;
    size_t count;

    if (run_numbers(report, NULL, &numbers, &count) != EXIT_FINE)
        return;
    for (size_t i = 0; i < count; i++) {
        struct run run;

        if (run_try(report, numbers[i], &run) == EXIT_FINE && run.state == RUN_RECORDING)
            live_ask(report, &run, 0);
        run_free(&run);
    }
    free(numbers);
}
