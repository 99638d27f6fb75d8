/* stop.h - ending the tracing before the program ends. The program goes on. */
#ifndef LIBTRACE_STOP_H
#define LIBTRACE_STOP_H

#include "guest.h"
#include "wire.h"

#include <stdbool.h>

/* Ends tracing in this process for good, and says why, once for each run. */
void stop_process(const char *why, const char *detail);

/* The same for the whole run: programs executed later are not traced either, and do not say so again. */
void stop_run(const char *why, const char *detail);

/* The same, because the collector is gone. */
void stop_without_collector(void);

/* Prints like these functions, but ends nothing. */
void stop_say(const char *what, const char *detail);

/* Set if the run that this process belongs to is over, or has failed, which the process that began it has
 * said. */
extern HIDDEN bool stop_said;

/* stop_run() was called. */
extern HIDDEN bool stop_was_for_run;

/* From now on, the process's slot says that its recording is complete, or that it is not. */
void stop_record(enum wire_record how);

#endif
