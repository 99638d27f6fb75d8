/* serve.c - see serve.h. It keeps its caller's rights to the end, because SQLite creates and removes files
 * beside the database. Therefore it has nothing else: no memory shared with the program, no file that a
 * row names, and no input but the socket. */
#define _GNU_SOURCE
#include "serve.h"
#include "collector.h"
#include "receive.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SOCKET = COLLECTOR_STORE_FIRST, SENDER, REPORT, AFTER }; /* our descriptors */

/* Passes on signals to the sender, which does the counting. A pidfd is used because the sender belongs to
 * another user, and so its number may be reused. */
static void pass_on(int signal_number, siginfo_t *info, void *unused)
{
    (void)unused;
    syscall(SYS_pidfd_send_signal, SENDER, signal_number, info->si_code == SI_QUEUE ? info : NULL, 0);
    if (signal_number == SIGTERM)
        receive_hurry();
}

static void settle(void)
{
    const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU, SIGXFSZ};
    const int raised[] = {RLIMIT_AS, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_CPU, RLIMIT_NOFILE};
    struct rlimit limit;
    sigset_t none;
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    close_range(AFTER, ~0u, 0);
    for (int ours = SOCKET; ours < AFTER; ours++)
        fcntl(ours, F_SETFD, FD_CLOEXEC);
    if (chdir("/") != 0) {
        /* if that fails, the current directory will do */
    }
    for (size_t i = 0; i < sizeof raised / sizeof raised[0]; i++) {
        if (getrlimit((__rlimit_resource_t)raised[i], &limit) == 0) {
            limit.rlim_cur = limit.rlim_max;
            setrlimit((__rlimit_resource_t)raised[i], &limit);
        }
    }
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    const struct sigaction passing = {.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGTERM, &passing, NULL);
    sigaction(SIGUSR1, &passing, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Prints a line to the process that started us, if it still listens. */
static void tell(const char *text)
{
    dprintf(REPORT, "%s\n", text ? text : "");
}

static void started(void *told, const char *error)
{
    tell(error);
    *(const char **)told = error ? "" : NULL;
    /* Lets the program go first if it shares the processors with us. */
    setpriority(PRIO_PROCESS, 0, 10);
}

int serve_main(int argc, char **argv)
{
    char error[RECEIVE_ERROR];
    const char *told = NULL;
    if (argc != COLLECTOR_STORE_ARGUMENTS || argv[2][0] != '/') {
        fprintf(stderr, "trace-collector --store is started by trace-attach, not by hand\n");
        return 2;
    }
    settle();
    const struct receive_options options = {
        .socket = SOCKET, .database = argv[2], .sender = SENDER, .started = started, .data = &told};
    bool right = receive_run(&options, error);
    if (!right && !told)
        tell(error);
    return !right;
}
