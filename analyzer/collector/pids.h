/* pids.h - processes in other PID namespaces: their PIDs there and here. */
#ifndef LIBTRACE_PIDS_H
#define LIBTRACE_PIDS_H

#include <stdbool.h>
#include <stdint.h>

/* The inode of our own PID namespace; 0 = not known. */
uint64_t pids_namespace(void);

enum pids_found {
    PIDS_NONE, /* none is to be seen; of a namespace above ours that says nothing */
    PIDS_FOUND,
    PIDS_UNKNOWN, /* /proc cannot be read */
};

/* Finds our PID of the process with this PID in that namespace (0 = ours), and of its parent (0 = not below us). Both stay what
 * they are unless it is found. forked_by: our PID of the process that has forked it, if that still lives; 0 = not known. Without
 * that, all of /proc is read. Who is not visible in its namespace, as it has another user, is not taken for it. */
enum pids_found pids_find(int pid, uint64_t pid_namespace, int forked_by, int *ours, int *parent);

/* Our PID of the process that a pidfd refers to; not positive if we have none for it. */
int pids_of_pidfd(int pidfd);

/* Our PID of a process's parent; 0 = not known. */
int pids_parent(int pid);

/* True if the process (our PID) has no thread with this TID of its own namespace. */
bool pids_thread_gone(int pid, uint64_t pid_namespace, uint32_t tid);

/* True if any process but `but` and ourselves has the file of this inode mapped, as far as we can see. */
bool pids_others_map(uint64_t inode, int but);

#endif
