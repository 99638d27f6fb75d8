/* apart.c - see apart.h. */
#include "apart.h"
#include "collector.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SETTINGS_MAX COLLECTOR_SETTINGS

/* ---- the program's owner --------------------------------------------------------------------------- */

static bool read_groups(struct owner *owner, char *text)
{
    size_t room = strlen(text) / 2 + 1; /* each takes at least a digit and a space */
    owner->groups = calloc(room, sizeof *owner->groups);
    for (char *end; owner->groups; text = end) {
        unsigned long group = strtoul(text, &end, 10);
        if (end == text)
            return true;
        owner->groups[owner->group_count++] = (gid_t)group;
    }
    return false;
}

/* real, effective, saved, file system */
static bool read_effective(const char *text, unsigned *number)
{
    return sscanf(text, "%*u %u", number) == 1;
}

bool owner_read(struct owner *owner, pid_t pid, int process)
{
    char path[64], *line = NULL;
    size_t size = 0;
    unsigned found = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    *owner = (struct owner){0};
    FILE *file = fopen(path, "re");
    while (file && getline(&line, &size, file) > 0) {
        if (strncmp(line, "Uid:", 4) == 0)
            found |= read_effective(line + 4, &owner->user) ? 1 : 0;
        else if (strncmp(line, "Gid:", 4) == 0)
            found |= read_effective(line + 4, &owner->group) ? 2 : 0;
        else if (strncmp(line, "Groups:", 7) == 0 && !owner->groups)
            found |= read_groups(owner, line + 7) ? 4 : 0;
    }
    free(line);
    if (file)
        fclose(file);
    /* If the process still lives, the PID was its own while we read. */
    struct pollfd ended = {.fd = process, .events = POLLIN};
    return found == 7 && poll(&ended, 1, 0) == 0;
}

bool apart_needed(const struct owner *owner, int memory)
{
    struct stat file;
    return owner->user != geteuid() || fstat(memory, &file) != 0 || file.st_uid != geteuid();
}

/* ---- in the children ------------------------------------------------------------------------------- */

bool keep_only(const int *descriptors, int count)
{
    int low = 3 + count, moved[8];
    for (int i = 0; i < count; i++)
        if ((moved[i] = fcntl(descriptors[i], F_DUPFD, low)) < 0)
            return false;
    int null = open("/dev/null", O_RDWR);
    for (int standard = 0; standard < 3; standard++)
        if (dup2(null, standard) < 0)
            return false;
    for (int i = 0; i < count; i++)
        if (dup2(moved[i], 3 + i) < 0)
            return false;
    return close_range((unsigned)low, ~0u, 0) == 0;
}

static bool drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[2] = {{0}};
    return syscall(SYS_capset, &head, none) == 0;
}

/* Cannot be undone: what is given up cannot be regained, not even by an exec. The bounding set does not
 * matter any more then, but is emptied, too. */
static bool become(const struct owner *owner)
{
    for (unsigned long capability = 0; prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0; capability++) {
    }
    return setgroups(owner->group_count, owner->groups) == 0 &&
           setresgid(owner->group, owner->group, owner->group) == 0 &&
           setresuid(owner->user, owner->user, owner->user) == 0 && drop_capabilities() &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && geteuid() == owner->user && setuid(0) != 0;
}

/* Writes the reason to the last of the descriptors kept by keep_only(), and exits. */
static void give_up(int report, const char *what, const char *path)
{
    dprintf(report, "cannot %s %s: %s\n", what, path, strerror(errno));
    _exit(127);
}

static void become_parser(const struct apart *apart, int socket)
{
    enum { MEMORY = 3, PROCESS, ROWS, REPORT };
    const int kept[] = {apart->memory, apart->process, socket, apart->report};
    char path[PATH_MAX], who[64], *const nothing[] = {NULL};
    char *arguments[COLLECTOR_ARGUMENTS] = {path, "3", "4", "0", "0", "/dev/fd/5"};
    for (int i = 0; i < SETTINGS_MAX && apart->settings[i]; i++)
        arguments[COLLECTOR_FIXED + i] = apart->settings[i];
    snprintf(path, sizeof path, "%s/trace-parser", apart->folder);
    snprintf(who, sizeof who, "user %u, whose program it is", apart->owner->user);
    setsid(); /* Ctrl-C is meant for trace-attach only */
    if (!keep_only(kept, 4) || fcntl(REPORT, F_SETFD, FD_CLOEXEC) != 0 || chdir("/") != 0)
        give_up(apart->report, "start", path);
    if (!become(apart->owner))
        give_up(REPORT, "become", who);
    execve(path, arguments, nothing); /* our environment is none of that user's business */
    give_up(REPORT, "start", path);
}

static void become_writer(const struct apart *apart, int socket, int parser)
{
    const int kept[] = {socket, parser, apart->report};
    char path[PATH_MAX], *const arguments[] = {path, COLLECTOR_STORE, (char *)apart->database, NULL};
    snprintf(path, sizeof path, "%s/trace-collector", apart->folder);
    setsid();
    unsetenv("LD_PRELOAD");
    if (keep_only(kept, 3))
        execv(path, arguments);
    give_up(apart->report, "start", path);
}

/* ---- in trace-attach ------------------------------------------------------------------------------- */

pid_t apart_start(const struct apart *apart, pid_t *parser)
{
    int sockets[2];
    pid_t writer = -1;
    *parser = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
        dprintf(apart->report, "cannot start the collector: %s\n", strerror(errno));
        return -1;
    }
    *parser = fork();
    if (*parser == 0)
        become_parser(apart, sockets[0]);
    close(sockets[0]);
    int process = *parser > 0 ? (int)syscall(SYS_pidfd_open, *parser, 0) : -1;
    if (process >= 0)
        writer = fork();
    if (writer == 0)
        become_writer(apart, sockets[1], process);
    if (writer < 0)
        dprintf(apart->report, "cannot start the collector: %s\n", strerror(errno));
    close(sockets[1]);
    if (process >= 0)
        close(process);
    return writer;
}
