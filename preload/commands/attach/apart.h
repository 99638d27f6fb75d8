/* apart.h - another user's program: whose it is, and the two processes that record it.
 *
 * What reads the program's data becomes its user before it sees any, and so has nothing to lose; what writes
 * the database stays the caller, and sees checked rows only. See collector.h and analyzer/rows.
 */
#ifndef LIBTRACE_APART_H
#define LIBTRACE_APART_H

#include <stdbool.h>
#include <sys/types.h>

/* Whose a program is: with which rights it opens files. */
struct owner {
    uid_t user;
    gid_t group;
    gid_t *groups; /* the others; for free() */
    size_t group_count;
};

/* Reads that of the process; process: its pidfd. False if it has ended, or cannot be read. */
bool owner_read(struct owner *owner, pid_t pid, int process);

/* True if what records the program has to be kept apart from us: it is another user's, or the shared memory
 * was made by one. */
bool apart_needed(const struct owner *owner, int memory);

struct apart {
    const struct owner *owner;
    const char *folder;   /* of trace-collector and trace-parser */
    const char *database; /* absolute path */
    char **settings;      /* of the collector, up to a NULL */
    int memory, process;  /* as in collector.h */
    int report;           /* where the first line of how it went goes */
};

/* Leaves nothing open but these, as 3 and so on; the standard streams lead nowhere: a terminal of ours is nobody
 * else's business. For a child, which is no more good for anything on false. */
bool keep_only(const int *descriptors, int count);

/* Starts both. The writer's number, and the parser's in *parser; -1 on failure, which was reported. */
pid_t apart_start(const struct apart *apart, pid_t *parser);

#endif
