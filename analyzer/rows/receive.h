/* receive.h - receives messages and writes them to the database, in the process that may write it. See
 * rows.h. */
#ifndef LIBTRACE_RECEIVE_H
#define LIBTRACE_RECEIVE_H

#include "rows.h"

#define RECEIVE_ERROR 512

struct receive_options {
    int socket;
    const char *database; /* absolute path */
    /* pidfd of the process at the other end; -1 = only the socket's end tells that it has ended */
    int sender;
    /* Called once: the run's row has been written (error NULL), or nothing can be recorded. */
    void (*started)(void *data, const char *error);
    void *data;
};

/* Records a run to its end, whatever is sent. False if it did not end properly, with a sentence in error.
 * In any case the database is sound, closed and, if no other process has it open, a single file. */
bool receive_run(const struct receive_options *options, char error[RECEIVE_ERROR]);

/* To be called by a signal handler: from now on a silent sender ends the run after a while; on the second
 * call, at once. */
void receive_hurry(void);

#endif
