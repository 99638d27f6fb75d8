/* memory_limit.h - how much memory the control groups (cgroups, version 1 or 2) of a process leave free. */
#ifndef LIBTRACE_MEMORY_LIMIT_H
#define LIBTRACE_MEMORY_LIMIT_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define MEMORY_GROUPS 32 /* a group and those around it: deeper nesting is ignored */

/* A group: descriptors of its files, -1 = no such file. */
struct memory_group {
    int limit[2]; /* memory.max and memory.high; memory.limit_in_bytes */
    int usage;    /* memory.current; memory.usage_in_bytes */
    int stat;     /* memory.stat */
};

struct memory_limit {
    struct memory_group group[MEMORY_GROUPS];
    _Atomic unsigned count;
    char folder[PATH_MAX]; /* of the group that was opened last */
    char *groups;          /* what /proc/PID/cgroup said of its process; NULL = nothing */
};

/* The folder of a process's own group, and of the outermost group that is visible. */
struct memory_place {
    char folder[PATH_MAX];
    unsigned top; /* length of the part of folder where the hierarchy is mounted */
    bool unified; /* version 2 */
};

/* Finds the folder. groups, mounts: the contents of the process's /proc/PID/cgroup and of
 * /proc/self/mountinfo. False if its memory is not limited by groups, or they are not visible. */
bool memory_limit_find(const char *groups, const char *mounts, struct memory_place *place);

/* Opens the files of that group, and of those around it, if they have a limit now. Other threads may read
 * the limit meanwhile. */
void memory_limit_add(struct memory_limit *limit, const struct memory_place *place);

/* Does both for a process; 0 = this one. Nothing is opened if it is in the group that `others`, if any, have open. */
void memory_limit_open(struct memory_limit *limit, int pid, const struct memory_limit *others);
void memory_limit_close(struct memory_limit *limit);

/* Bytes that may be used until the first of the groups reaches its limit; UINT64_MAX = no limit. If the
 * result is at least `enough`, there may be more than that. */
uint64_t memory_limit_room(const struct memory_limit *limit, uint64_t enough);

#endif
