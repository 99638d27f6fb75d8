/* apart.h - another user's program: who its user is, and the two processes that record it.
 *
 * The process that reads the program's data switches to the program's user before it sees any, so that
 * taking it over gains nothing. The one that writes the database keeps the caller's identity, and only
 * gets checked rows. See collector.h and analyzer/rows.
 */
#ifndef LIBTRACE_APART_H
#define LIBTRACE_APART_H

#include <stdbool.h>
#include <sys/types.h>

/* The user and groups whose rights a program has. */
struct owner {
    uid_t user;
    gid_t group;
    gid_t *groups; /* supplementary groups; to be freed */
    size_t group_count;
};

/* Reads those of the process; process: its pidfd. False if it has ended, or cannot be read. */
bool owner_read(struct owner *owner, pid_t pid, int process);

/* True if the program must be recorded by another user than us: it is another user's, or another user
 * created the shared memory. */
bool apart_needed(const struct owner *owner, int memory);

struct apart {
    const struct owner *owner;
    const char *folder;   /* where trace-collector and trace-parser are */
    const char *database; /* absolute path */
    char **settings;      /* for the collector, ending with NULL */
    int memory, process;  /* see collector.h */
    int report;           /* where its first line, on success or failure, is written */
};

/* Closes all descriptors but these, which become 3 and so on; the standard streams lead nowhere, as our
 * terminal is nobody else's business. For a child process, which must exit if this returns false. */
bool keep_only(const int *descriptors, int count);

/* Starts both. Returns the writer's PID, *parser is the parser's; -1 on failure, which was reported. */
pid_t apart_start(const struct apart *apart, pid_t *parser);

#endif
