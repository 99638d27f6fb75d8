/* pids.h - processes in other PID namespaces: their PIDs there and here. */
#ifndef LIBTRACE_PIDS_H
#define LIBTRACE_PIDS_H

#include <stdbool.h>
#include <stdint.h>

/* The inode of our own PID namespace; 0 = not known. */
uint64_t pids_namespace(void);

/* Finds our PID of the process with this PID in that namespace (0 = ours), and of its parent (0 = not
 * below us). False, and nothing is changed, if there is none, or it is not visible, as its namespace may be above ours. Reads all
 * of /proc if the namespace is another one. */
bool pids_find(int pid, uint64_t pid_namespace, int *ours, int *parent);

/* True if the process (our PID) has no thread with this TID of its own namespace. */
bool pids_thread_gone(int pid, uint64_t pid_namespace, uint32_t tid);

/* True if any process but `but` and ourselves has the file of this inode mapped, as far as we can see. */
bool pids_others_map(uint64_t inode, int but);

#endif
