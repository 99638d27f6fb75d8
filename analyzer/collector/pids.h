/* pids.h - processes of other PID namespaces: their numbers there, and here. */
#ifndef LIBTRACE_PIDS_H
#define LIBTRACE_PIDS_H

#include <stdbool.h>
#include <stdint.h>

/* The inode of our own PID namespace; 0 = not known. */
uint64_t pids_namespace(void);

/* Our number of the process that has this one in that namespace (0 = ours), and of its parent, 0 = not below
 * us. False if there is none, or we cannot see it: it may be above us. Reads all of /proc if the namespace is
 * another one. */
bool pids_find(int pid, uint64_t pid_namespace, int *ours, int *parent);

/* True if the process, by our number, has no thread of this number, of its own namespace. */
bool pids_thread_gone(int pid, uint64_t pid_namespace, uint32_t tid);

/* True if a process but this one and ourselves has the file of this inode mapped, as far as we can see. */
bool pids_others_map(uint64_t inode, int but);

#endif
