/* attach_collector.c - see attach_collector.h. */
#include "attach_collector.h"
#include "collector.h"
#include "quantity.h"
#include "wire.h"
#include "wire_attach.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define COLLECTOR_START_MS 10000 /* how long to wait for its start */

/* Fills in the arguments for the settings that are on. */
static void fill_settings(char *settings[COLLECTOR_SETTINGS + 1])
{
    static char sample[40], keep[40], most[40], rotate[40], rotations[40];
    const uint64_t keep_ns = limit_setting(KEEP_VARIABLE, quantity_keep),
                   bytes = limit_setting(MAX_SIZE_VARIABLE, quantity_max_size),
                   rotate_ns = limit_setting(ROTATE_VARIABLE, quantity_rotate);
    snprintf(sample, sizeof sample, COLLECTOR_SAMPLE "%u", sample_setting());
    snprintf(keep, sizeof keep, COLLECTOR_KEEP "%llu", (unsigned long long)keep_ns);
    snprintf(most, sizeof most, COLLECTOR_MOST "%llu", (unsigned long long)bytes);
    snprintf(rotate, sizeof rotate, COLLECTOR_ROTATE "%llu", (unsigned long long)rotate_ns);
    snprintf(rotations, sizeof rotations, COLLECTOR_ROTATIONS "%llu",
             (unsigned long long)limit_setting(ROTATE_VARIABLE, quantity_rotations));
    const struct {
        bool on;
        const char *word;
    } words[COLLECTOR_SETTINGS] = {
        {setting("LIBTRACE_FOLLOW", 1) != 0, COLLECTOR_FOLLOW},
        {setting("LIBTRACE_THREADS", 0) == 1, COLLECTOR_THREADS},
        {setting("LIBTRACE_EVENTS", 0) == 1, COLLECTOR_EVENTS},
        {setting("LIBTRACE_BLOCKS", 0) == 1, COLLECTOR_BLOCKS},
        {setting("LIBTRACE_TYPES", 1) != 0, COLLECTOR_TYPES},
        {sample_setting() != 0, sample},
        {keep_ns != 0, keep},
        {bytes != 0, most},
        {rotate_ns != 0, rotate},
        {rotate_ns != 0, rotations},
    };
    for (unsigned i = 0; i < COLLECTOR_SETTINGS; i++)
        if (words[i].on)
            *settings++ = (char *)words[i].word;
    *settings = NULL;
}

/* Replaces the child process that calls it. The collector reports its start to apart->report. */
static void become_collector(const struct apart *apart)
{
    char path[2 * PATH_MAX];
    const int descriptors[] = {apart->memory, apart->process, apart->report};
    char *arguments[COLLECTOR_ARGUMENTS] = {path, "3", "4", "5", "0", (char *)apart->database};
    snprintf(path, sizeof path, "%s/trace-collector", apart->folder);
    for (unsigned i = 0; apart->settings[i]; i++)
        arguments[COLLECTOR_FIXED + i] = apart->settings[i];
    setsid(); /* Ctrl-C is meant for us only */
    unsetenv("LD_PRELOAD");
    if (keep_only(descriptors, 3))
        execv(path, arguments);
    dprintf(apart->report, "cannot start %s: %s\n", path, strerror(errno));
    _exit(127);
}

/* Reads the collector's line, which is empty on success; false if none came in time. */
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

/* Decides who records: if the program is another user's, with that user's rights at most. The user was
 * checked before the program was touched, too, as it may have changed meanwhile. */
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

/* Tells programs that this one executes how to find the run: through the process that has the shared
 * memory as its descriptor 3. The program chose the address; what it contains is the program's own,
 * anyway. */
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

/* Starts the collector, as one process or two, and waits for its report. */
bool collector_start(struct run *run, const char *database)
{
    int report[2];
    bool apart;
    char line[2 * PATH_MAX + 64], folder[2 * PATH_MAX], library[PATH_MAX], *settings[COLLECTOR_SETTINGS + 1];
    if (!choose_who(run, &apart))
        return false;
    if (apart && rotation_refused(run))
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

/* Says what became of a run that did not end normally; only a collector that writes in a process of its
 * own (collector.h) has more to say. */
void collector_tell_end(struct run *run, const char *database)
{
    char line[2 * PATH_MAX + 64];
    if (read_report(run->report, line, sizeof line) && *line)
        complain("%s; what was recorded until then is in %s.", line, database);
    else
        complain("the collector was killed; what it had recorded until then is in %s.", database);
}

bool collector_runs(struct run *run)
{
    int status;
    if (run->collector > 0 && waitpid(run->collector, &status, WNOHANG) == run->collector) {
        run->collector = 0;
        run->recorded = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    return run->collector > 0;
}
