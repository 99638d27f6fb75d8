/* proc.h - reads files of /proc/PID. */
#ifndef LIBTRACE_ATTACH_PROC_H
#define LIBTRACE_ATTACH_PROC_H

#include <stdbool.h>
#include <sys/types.h>

/* A whole small file, which the caller frees; NULL = cannot be read. */
char *proc_file(const char *path);
char *proc_read(pid_t pid, const char *name); /* /proc/PID/NAME */

/* The number (or numbers) in a line "Name:\t..." of /proc/PID/status; "" = none. */
const char *proc_status(const char *status, const char *name);

/* True if the process and we are in the same namespace of this kind ("pid"), or it cannot be known. */
bool proc_shares_namespace(pid_t pid, const char *kind);

/* The state letter of a thread of process pid, from its stat; 0 = no such thread. */
char proc_state(pid_t pid, pid_t tid);

#endif
