/* launch.c - runs a command for scripts/bench, and says what each process of it took.
 *
 *   launch [-n TIMES] [-e NAME=VALUE]... [-r COMMAND] OUTPUT COMMAND [ARGUMENT...]
 *
 * Writes a line for every process that it waits for, in the order in which they end:
 *
 *   what pid status start_ns end_ns cpu_ns peak_rss_kib name
 *
 * what is "target", "report" (the -r command, a shell's, started as soon as the last target has ended), or
 * "other": orphans, such as the collector, which come to us as we are a subreaper. Times are CLOCK_MONOTONIC;
 * start_ns is 0 for others. Orphans that have not ended LATEST seconds after the target are killed: a line
 * shows it by its status. A small program in C, because a child's peak memory starts with what its parent
 * has.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LATEST 120

struct started {
    pid_t pid;
    uint64_t start_ns;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct started start(char **command, char **settings, int setting_count)
{
    struct started started = {.start_ns = now_ns()};
    fflush(NULL);
    started.pid = fork();
    if (started.pid == 0) {
        for (int i = 0; i < setting_count; i++)
            putenv(settings[i]);
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    return started;
}

static void read_name(pid_t pid, char *name, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file || !fgets(name, (int)size, file))
        strcpy(name, "?");
    name[strcspn(name, " \n")] = '\0';
    if (file)
        fclose(file);
}

/* The children that are left, however they came to us. */
static void kill_children(void)
{
    char path[64];
    int pid;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "re");
    while (file && fscanf(file, "%d", &pid) == 1)
        kill(pid, SIGKILL);
    if (file)
        fclose(file);
}

static volatile sig_atomic_t too_late;

static void on_alarm(int number)
{
    (void)number;
    too_late = 1;
}

/* Waits for one process; its number, or -1 when there is none left. */
static pid_t wait_for_one(FILE *output, const struct started *target, const struct started *report)
{
    siginfo_t info;
    char name[64];
    int status;
    struct rusage usage;
    while (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | __WALL) != 0) {
        if (errno != EINTR)
            return -1;
        if (too_late)
            kill_children();
    }
    uint64_t end_ns = now_ns();
    read_name(info.si_pid, name, sizeof name);
    pid_t pid = wait4(info.si_pid, &status, __WALL, &usage);
    if (pid < 0)
        return -1;
    uint64_t cpu_us = ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * 1000000u +
                      (uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec;
    const struct started *known = pid == target->pid ? target : pid == report->pid ? report : NULL;
    fprintf(output, "%s %d %d %llu %llu %llu %ld %s\n",
            known == NULL     ? "other"
            : known == target ? "target"
                              : "report",
            (int)pid, status, known ? (unsigned long long)known->start_ns : 0, (unsigned long long)end_ns,
            (unsigned long long)cpu_us * 1000, usage.ru_maxrss, name);
    return pid;
}

int main(int argc, char **argv)
{
    static char *settings[64];
    int setting_count = 0, option;
    long times = 1;
    char *shell[] = {"sh", "-c", NULL, NULL};
    while ((option = getopt(argc, argv, "+n:e:r:")) != -1) {
        if (option == 'n')
            times = atol(optarg);
        else if (option == 'e' && setting_count < 64)
            settings[setting_count++] = optarg;
        else if (option == 'r')
            shell[2] = optarg;
        else
            return 2;
    }
    FILE *output = argc - optind >= 2 ? fopen(argv[optind], "we") : NULL;
    if (!output || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        return 2;
    struct started target = {0}, report = {0};
    for (long i = 0; i < times; i++) {
        target = start(argv + optind + 1, settings, setting_count);
        pid_t ended;
        while ((ended = wait_for_one(output, &target, &report)) > 0 && ended != target.pid) {
        }
    }
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
    alarm(LATEST);
    if (shell[2])
        report = start(shell, NULL, 0);
    while (wait_for_one(output, &target, &report) > 0) {
    }
    return fclose(output) == 0 ? 0 : 1;
}
