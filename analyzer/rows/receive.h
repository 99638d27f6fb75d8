/* receive.h - from messages to the database: what the writing process does. See rows.h. */
#ifndef LIBTRACE_RECEIVE_H
#define LIBTRACE_RECEIVE_H

#include "rows.h"

#define RECEIVE_ERROR 512

struct receive_options {
    int socket;
    const char *database; /* absolute path */
    int sender;           /* pidfd of the process at the other end; -1 = it ends when the socket does */
    /* Called once: the run's row is written (error NULL), or nothing can be recorded. */
    void (*started)(void *data, const char *error);
    void *data;
};

/* Records a run to its end, whatever comes. False if it did not come to a right end, with a sentence in
 * error. In any case the database is sound, closed and, if nobody else has it open, one file. */
bool receive_run(const struct receive_options *options, char error[RECEIVE_ERROR]);

/* To be called by a signal's handler: from now on the sender's silence ends the run after a while; the second
 * time at once. */
void receive_hurry(void);

#endif
