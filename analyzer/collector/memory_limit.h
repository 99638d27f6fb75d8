/* memory_limit.h - how much memory the control groups that a process is in leave free: cgroups, version 1
 * or 2. */
#ifndef LIBTRACE_MEMORY_LIMIT_H
#define LIBTRACE_MEMORY_LIMIT_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define MEMORY_GROUPS 32 /* a group and all that it is part of: deeper nesting is not looked at */

/* A group: descriptors of its files, -1 = there is no such file. */
struct memory_group {
    int limit[2]; /* memory.max and memory.high; memory.limit_in_bytes */
    int usage;    /* memory.current; memory.usage_in_bytes */
    int stat;     /* memory.stat */
};

struct memory_limit {
    struct memory_group group[MEMORY_GROUPS];
    _Atomic unsigned count;
    char folder[PATH_MAX]; /* of the group that was opened last */
};

/* The folder of a process's own group, and that of the outermost one that can be seen from here. */
struct memory_place {
    char folder[PATH_MAX];
    unsigned top; /* so many bytes of folder are where the hierarchy is mounted */
    bool unified; /* version 2 */
};

/* Finds the folder. groups, mounts: what /proc/PID/cgroup of the process and /proc/self/mountinfo say. False
 * where its memory is not counted, or that cannot be seen. */
bool memory_limit_find(const char *groups, const char *mounts, struct memory_place *place);

/* Opens the files of that group, and of those that it is part of, as far as they have a limit now. Others may
 * read meanwhile. */
void memory_limit_add(struct memory_limit *limit, const struct memory_place *place);

/* Both, for a process; 0 = this one. Nothing if it is in the group that was opened last. */
void memory_limit_open(struct memory_limit *limit, int pid);
void memory_limit_close(struct memory_limit *limit);

/* Bytes that may be used until the first of the groups is at its limit; UINT64_MAX = none has one. Of so many
 * as are enough it may be fewer than there are. */
uint64_t memory_limit_room(const struct memory_limit *limit, uint64_t enough);

#endif
